import type { Group } from '../sandbox/dingtalk/types.ts'
import { createIncidentFactory, type IncidentFactory } from './incidents.ts'
import type { Finding } from './metrics.ts'
import { type Body, setStage, type Stage } from './stage.ts'

const JOBS = 100_000
const IDLE_MS = 5_000
const LOAD_MS = 150_000
/** How many jobs wait in Redis at a time. */
const AHEAD = 2_000

/** What the daemon needs when idle, and after 100,000 jobs (or as many as it does in two and a half minutes). */
export async function memory(): Promise<Finding[]> {
  const stage = await setStage({ qps: 20 })
  try {
    const groups = await stage.addGroups(20)
    const make = await createIncidentFactory(stage.world)
    const idle = await lowest(stage, IDLE_MS)
    const untilMs = performance.now() + LOAD_MS
    let most = 0
    let handedOver = 0
    let done = 0
    while (done < JOBS && performance.now() < untilMs) {
      const room = Math.min(AHEAD - (handedOver - done), JOBS - handedOver)
      if (room > 0) {
        const bodies = lives(make, groups, room)
        handedOver += bodies.length
        await stage.enqueue(bodies)
      }
      await new Promise((resolve) => setTimeout(resolve, 250))
      most = Math.max(most, await stage.rssMb())
      const { waiting = 0, active = 0 } = await stage.queue.getJobCounts('waiting', 'active')
      done = handedOver - waiting - active
      stage.world.dingtalk.journal.forget()
    }
    return [
      { metric: 'memory.rss_mb.idle', unit: 'MB', values: [idle] },
      { metric: 'memory.rss_mb.after_100k', unit: 'MB', values: [await stage.rssMb()] },
      { metric: 'memory.rss_mb.most', unit: 'MB', values: [most] },
      { metric: 'memory.jobs', unit: 'jobs', values: [done] },
    ]
  } finally {
    await stage.close()
  }
}

/** Whole lives of incidents: four jobs each. */
function lives(make: IncidentFactory, groups: Group[], jobs: number): Body[] {
  return Array.from({ length: Math.ceil(jobs / 4) }, (_, index) => {
    const group = groups[index % groups.length]
    if (!group) throw new Error('there are no groups')
    const incident = make({ group })
    return (['new', 'assign', 'ack', 'close'] as const).map((act) => incident.tell(act))
  }).flat()
}

async function lowest(stage: Stage, ms: number): Promise<number> {
  const untilMs = performance.now() + ms
  let found = Infinity
  while (performance.now() < untilMs) {
    found = Math.min(found, await stage.rssMb())
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  return found
}
