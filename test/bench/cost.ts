import { eventually } from '../support/eventually.ts'
import type { Finding } from './metrics.ts'
import { expectAnswered } from './press.ts'
import { onCardCall, setStage } from './stage.ts'

/** How many calls of the month's 5,000 an incident costs: triggered, acknowledged by a press, closed. */
export async function cost(): Promise<Finding[]> {
  const stage = await setStage({ qps: 20 })
  const findings: Finding[] = []
  try {
    const { world } = stage
    const groups = await stage.addGroups(50)
    for (const targets of [1, 10, 50]) {
      const values: number[] = []
      for (let run = 0; run < 3; run++) {
        const calls: string[] = []
        const unsubscribe = onCardCall(world, ({ api }) => calls.push(api))
        const incident = await world.flashduty.control.fireIncident({
          title: 'db-01 主从延迟过大',
          channelId: world.channelId,
          responderIds: [world.people.zhang.member.member_id],
          chats: groups.slice(0, targets).map((group) => ({ chat_id: group.openConversationId })),
        })
        const settled = (status: string, count: number) => async () => {
          const query = 'select count(*) as count from records where incident_id = ? and status = ?'
          return stage.count(query, incident.incident_id, status) >= count
        }
        await eventually('everybody has the card', settled('success', targets), 20_000)
        await expectAnswered(world, incident.incident_id, '认领')
        await eventually('the card shows it', () => calls.includes('updateCard'), 10_000)
        await world.flashduty.control.act(incident.incident_id, 'resolve')
        const open = `select count(*) as count from records where incident_id = ? and status in ('pending', 'retrying')`
        await eventually(
          'all is settled',
          () => {
            const closed = calls.filter((api) => api === 'updateCard').length >= 2
            return closed && stage.count(open, incident.incident_id) === 0
          },
          10_000,
        )
        unsubscribe()
        values.push(calls.length)
      }
      findings.push({ metric: `cost.calls_per_incident.targets_${targets}`, unit: 'calls', values })
    }
    return findings
  } finally {
    await stage.close()
  }
}
