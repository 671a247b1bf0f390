import { eventually } from '../support/eventually.ts'
import { createIncidentFactory } from './incidents.ts'
import type { Finding } from './metrics.ts'
import { onCardCall, setStage } from './stage.ts'

const LOUD = 5_000
const QUIET = 49

/** 5,000 cards of one group wait for their turn when 49 groups get one each. */
export async function fairness(): Promise<Finding[]> {
  const stage = await setStage({ qps: 20 })
  try {
    const [loud, ...quiet] = await stage.addGroups(QUIET + 1)
    if (!loud) throw new Error('there are no groups')
    const make = await createIncidentFactory(stage.world)
    await stage.enqueue(Array.from({ length: LOUD }, () => make({ group: loud }).tell('assign')))
    // From here on only the order of the cards decides, not how fast jobs are taken in.
    await stage.jobsDone(120_000)

    const enqueuedAt = new Map<string, number>()
    const waitedMs: number[] = []
    let loudMeanwhile = 0
    const unsubscribe = onCardCall(stage.world, ({ incidentId, atMs, status }) => {
      const startedAt = enqueuedAt.get(incidentId)
      if (status !== 200) return
      if (startedAt === undefined) loudMeanwhile += 1
      else waitedMs.push(atMs - startedAt)
    })
    const incidents = quiet.map((group) => make({ group }))
    for (const { incidentId } of incidents) enqueuedAt.set(incidentId, performance.now())
    await stage.enqueue(incidents.map((incident) => incident.tell('assign')))
    await eventually('every quiet group has its card', () => waitedMs.length >= QUIET, 60_000)
    unsubscribe()
    return [
      // At this pace nobody could serve the last of them sooner.
      {
        metric: 'fairness.quiet_groups_ms.max',
        unit: 'ms',
        values: [Math.max(...waitedMs)],
        floor: (QUIET * 1_000) / 20,
      },
      { metric: 'fairness.loud_cards_meanwhile', unit: 'cards', values: [loudMeanwhile] },
    ]
  } finally {
    await stage.close()
  }
}
