import { randomBytes } from 'node:crypto'

import type { Group } from '../sandbox/dingtalk/types.ts'
import type { IncidentEvent, Severity } from '../sandbox/flashduty/types.ts'
import type { World } from '../support/world.ts'
import type { Body } from './stage.ts'

/** The events of one incident's life. */
export type Act = 'new' | 'assign' | 'ack' | 'close'

/** Makes incidents without end from one that the simulated Flashduty has built. */
export type IncidentFactory = (fields: { group: Group; severity?: Severity }) => FakeIncident

export type FakeIncident = {
  incidentId: string
  severity: Severity
  /** The body of the event as of now. */
  tell(act: Act): Body
}

export async function createIncidentFactory(world: World): Promise<IncidentFactory> {
  const { control } = world.flashduty
  const kept = control.holdEvents()
  const memberId = world.people.zhang.member.member_id
  const model = await control.fireIncident({
    title: 'db-01 cpu.idle 低于 10%',
    severity: 'Warning',
    channelId: world.channelId,
    responderIds: [memberId],
    chats: [],
    labels: { resource: 'db-01', check: 'cpu.idle', region: 'cn-hangzhou' },
    description: '`cpu.idle` 最近 5 分钟平均 **4.2%**，阈值 10%。',
  })
  await control.act(model.incident_id, 'ack', memberId)
  await control.act(model.incident_id, 'resolve', memberId)
  await kept.release(() => [])
  const [created, assigned, acked, closed] = kept.held
  if (!created || !assigned || !acked || !closed) throw new Error('an incident has four events')
  const texts: Record<Act, string> = {
    new: JSON.stringify(created),
    assign: JSON.stringify(assigned),
    ack: JSON.stringify(acked),
    close: JSON.stringify(closed),
  }
  let lastMs = 0

  return ({ group, severity = 'Warning' }) => {
    const incidentId = randomBytes(12).toString('hex')
    return {
      incidentId,
      severity,
      tell(act) {
        const body = JSON.parse(texts[act].replaceAll(model.incident_id, incidentId)) as IncidentEvent
        // No two events share a version, and the newer one is newer.
        lastMs = Math.max(lastMs + 1, Date.now())
        body.event_id = randomBytes(16).toString('hex')
        body.event_time = lastMs
        const updatedAt = Math.floor(lastMs / 1_000)
        Object.assign(body.incident, { incident_severity: severity, updated_at: updatedAt })
        if (act === 'assign') Object.assign(body.delivery ?? {}, { chats: [{ chat_id: group.openConversationId }] })
        return body
      },
    }
  }
}
