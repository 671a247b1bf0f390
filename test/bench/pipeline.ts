import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { Queue } from 'bullmq'
import { Redis } from 'ioredis'

import type { Group } from '../sandbox/dingtalk/types.ts'
import { eventually } from '../support/eventually.ts'
import { createIncidentFactory, type IncidentFactory } from './incidents.ts'
import { type Finding, quantile } from './metrics.ts'
import { onCardCall, setStage, type Stage } from './stage.ts'

const RUNS = 3
const JOBS = 1_500
const BARE_QUEUE = 'bench-bare'
const BARE_WORKER = fileURLToPath(new URL('bare-worker.ts', import.meta.url))

/** How fast jobs become cards, and how soon one does. */
export async function pipeline(): Promise<Finding[]> {
  const stage = await setStage({ qps: 20, dingtalk: { qpsPerApi: 0 } })
  try {
    const groups = await stage.addGroups(20)
    const make = await createIncidentFactory(stage.world)
    await latencies(stage, make, groups, { perSecond: 5, count: 25 })
    const paced = await latencies(stage, make, groups, { perSecond: 5, count: 150 })
    await stage.setQps(0)
    await throughput(stage, make, groups, 500)
    const unpaced = await latencies(stage, make, groups, { perSecond: 20, count: 500 })

    const runs: { jobsPerS: number; takenInPerS: number; cpuMs: number; barePerS: number }[] = []
    for (let run = 0; run < RUNS; run++) {
      const barePerS = await bareThroughput(stage, make, groups, JOBS)
      runs.push({ ...(await throughput(stage, make, groups, JOBS)), barePerS })
    }
    const bare = runs.map(({ barePerS }) => barePerS)
    const floor = quantile(
      bare.toSorted((a, b) => a - b),
      0.5,
    )
    return [
      { metric: 'pipeline.jobs_per_s', unit: 'jobs/s', values: runs.map(({ jobsPerS }) => jobsPerS), floor },
      { metric: 'pipeline.taken_in_per_s', unit: 'jobs/s', values: runs.map((run) => run.takenInPerS), floor },
      // Says the same on a busy machine as on an idle one.
      { metric: 'pipeline.cpu_ms_per_job', unit: 'ms', values: runs.map(({ cpuMs }) => cpuMs) },
      { metric: 'pipeline.bare_per_s', unit: 'jobs/s', values: bare },
      { metric: 'pipeline.enqueue_to_request_ms.p50', unit: 'ms', values: [quantile(unpaced, 0.5)] },
      { metric: 'pipeline.enqueue_to_request_ms.p99', unit: 'ms', values: [quantile(unpaced, 0.99)] },
      { metric: 'pipeline.paced_ms.p50', unit: 'ms', values: [quantile(paced, 0.5)] },
      { metric: 'pipeline.paced_ms.p99', unit: 'ms', values: [quantile(paced, 0.99)] },
    ]
  } finally {
    await stage.close()
  }
}

/** From a full queue to the last card created and the last record settled. */
async function throughput(stage: Stage, make: IncidentFactory, groups: Group[], count: number) {
  const release = await stage.hold()
  await stage.enqueue(assignments(make, groups, count))
  let created = 0
  const unsubscribe = onCardCall(stage.world, ({ api }) => {
    if (api === 'createAndDeliver') created += 1
  })
  const usedS = await stage.cpuS()
  const startedAt = performance.now()
  await release()
  let takenInMs = 0
  await eventually(
    'every job has become a card',
    async () => {
      if (takenInMs === 0 && (await waiting(stage.queue)) === 0) takenInMs = performance.now() - startedAt
      return created >= count
    },
    120_000,
  )
  const open = `select count(*) as count from records where status in ('pending', 'retrying')`
  await eventually('every record is settled', () => stage.count(open) === 0, 30_000)
  const tookMs = performance.now() - startedAt
  unsubscribe()
  const failed = stage.count(`select count(*) as count from records where status != 'success'`)
  if (failed > 0) throw new Error(`${failed} records do not say success`)
  stage.world.dingtalk.journal.forget()
  return {
    jobsPerS: (count * 1_000) / tookMs,
    takenInPerS: (count * 1_000) / (takenInMs || tookMs),
    cpuMs: (((await stage.cpuS()) - usedS) * 1_000) / count,
  }
}

async function waiting(queue: Queue): Promise<number> {
  const { waiting: count = 0, active = 0 } = await queue.getJobCounts('waiting', 'active')
  return count + active
}

/** The same jobs through a worker that does nothing. */
async function bareThroughput(stage: Stage, make: IncidentFactory, groups: Group[], count: number): Promise<number> {
  const redis = new Redis(stage.world.redis.url, { maxRetriesPerRequest: null })
  const queue = new Queue(BARE_QUEUE, { connection: redis })
  try {
    await queue.addBulk(
      assignments(make, groups, count).map((data) => ({
        name: data.event_type,
        data,
        opts: { jobId: `ev-${data.event_id}`, attempts: 5, removeOnComplete: { age: 86_400 } },
      })),
    )
    const worker = fork(BARE_WORKER, [stage.world.redis.url, BARE_QUEUE, String(count)])
    const tookMs = await new Promise<number>((resolve, reject) => {
      worker.once('message', (message) => resolve(Number(message)))
      worker.once('exit', () => reject(new Error('the bare worker ended before it was done')))
    })
    worker.kill()
    await queue.obliterate({ force: true })
    return (count * 1_000) / tookMs
  } finally {
    await queue.close()
    redis.disconnect()
  }
}

/** From the job's enqueuing to the arrival of its request, ascending, while jobs come one by one. */
async function latencies(
  stage: Stage,
  make: IncidentFactory,
  groups: Group[],
  load: { perSecond: number; count: number },
): Promise<number[]> {
  const enqueuedAt = new Map<string, number>()
  const found: number[] = []
  const unsubscribe = onCardCall(stage.world, ({ incidentId, atMs }) => {
    const startedAt = enqueuedAt.get(incidentId)
    if (startedAt !== undefined && enqueuedAt.delete(incidentId)) found.push(atMs - startedAt)
  })
  const startedAt = performance.now()
  for (let index = 0; index < load.count; index++) {
    const waitMs = startedAt + (index * 1_000) / load.perSecond - performance.now()
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
    const incident = make({ group: at(groups, index) })
    const body = incident.tell('assign')
    enqueuedAt.set(incident.incidentId, performance.now())
    await stage.enqueue([body])
  }
  await eventually('every job has become a card', () => found.length >= load.count, 20_000)
  unsubscribe()
  return found.toSorted((a, b) => a - b)
}

function assignments(make: IncidentFactory, groups: Group[], count: number) {
  return Array.from({ length: count }, (_, index) => make({ group: at(groups, index) }).tell('assign'))
}

function at(groups: Group[], index: number): Group {
  const group = groups[index % groups.length]
  if (!group) throw new Error('there are no groups')
  return group
}
