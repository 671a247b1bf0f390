import { randomUUID } from 'node:crypto'

import { Queue } from 'bullmq'
import { Redis } from 'ioredis'

import type { Incident, IncidentEvent } from '../sandbox/flashduty/types.ts'
import { eventually } from './eventually.ts'
import { fire } from './journey.ts'
import type { World } from './world.ts'

const QUEUE = 'flashduty-dingtalk-deliver'

/** A job of the deliver queue as whoever enqueued it can read it in Redis. */
export type SeenJob = {
  state: string
  data: unknown
  attemptsMade: number
  /** How often a worker has begun with it, and how often one died over it. */
  starts: number
  deaths: number
  failedReason: string | undefined
}

export function readJob(world: World, jobId: string): Promise<SeenJob | undefined> {
  return withQueue(world, async (queue) => {
    // Before the rest: of a job that has ended nothing changes any more.
    const state = await queue.getJobState(jobId)
    const job = await queue.getJob(jobId)
    return (
      job && {
        state,
        data: job.data as unknown,
        attemptsMade: job.attemptsMade,
        starts: job.attemptsStarted,
        deaths: job.stalledCounter,
        failedReason: job.failedReason,
      }
    )
  })
}

/** Resolves when the job has come to its end. */
export function endedJob(world: World, jobId: string): Promise<SeenJob> {
  return eventually(`the job ${jobId} has ended`, async () => {
    const job = await readJob(world, jobId)
    return job !== undefined && ['completed', 'failed'].includes(job.state) && job
  })
}

/** What an operator does with a failed job whose cause is gone. */
export function retryJob(world: World, jobId: string): Promise<void> {
  return withQueue(world, async (queue) => {
    const job = await queue.getJob(jobId)
    if (!job) throw new Error(`no job ${jobId}`)
    await job.retry('failed')
  })
}

/** The job as it lies in Redis after another program has failed it, without ours having seen it. */
export function leaveFailed(world: World, body: unknown, why: string): Promise<string> {
  return withQueue(world, async (queue, redis) => {
    const job = await queue.add('left', body, { jobId: `left-${randomUUID()}`, delay: 3_600_000, attempts: 1 })
    const id = job.id ?? ''
    const key = (name: string) => `bull:${QUEUE}:${name}`
    await redis
      .multi()
      .zrem(key('delayed'), id)
      .hset(key(id), { failedReason: why, finishedOn: Date.now(), delay: 0 })
      .zadd(key('failed'), Date.now(), id)
      .exec()
    return id
  })
}

/** Nobody begins with a job of the queue meanwhile; the returned function lets them. */
export async function pauseJobs(world: World, name: string = QUEUE): Promise<() => Promise<void>> {
  await withQueue(world, (queue) => queue.pause(), name)
  return () => withQueue(world, (queue) => queue.resume(), name)
}

/** The lock of a dead worker, which would hold for some seconds more. */
export async function expireLock(world: World, jobId: string): Promise<void> {
  await withQueue(world, (_queue, redis) => redis.del(`bull:${QUEUE}:${jobId}:lock`))
}

export async function withQueue<T>(
  world: World,
  use: (queue: Queue, redis: Redis) => Promise<T>,
  name: string = QUEUE,
): Promise<T> {
  const redis = new Redis(world.redis.url, { maxRetriesPerRequest: 1 })
  const queue = new Queue(name, { connection: redis })
  try {
    return await use(queue, redis)
  } finally {
    await queue.close()
    redis.disconnect()
  }
}

/** A new incident whose two events Flashduty has built but not handed over. */
export async function composeIncident(
  world: World,
  fields: Parameters<typeof fire>[1] = {},
): Promise<{ incident: Incident; created: IncidentEvent; assigned: IncidentEvent }> {
  const kept = world.flashduty.control.holdEvents()
  const incident = await fire(world, fields)
  await kept.release(() => [])
  const [created, assigned] = kept.held
  if (!created || !assigned) throw new Error('an incident begins with i_new and i_assign')
  return { incident, created, assigned }
}

/**
 * What happened in the console, built but not handed over: the events in the order they came about, each of a
 * millisecond of its own.
 */
export async function composeActs(
  world: World,
  incident: Incident,
  acts: Parameters<World['flashduty']['control']['act']>[1][],
): Promise<IncidentEvent[]> {
  const { control } = world.flashduty
  const kept = control.holdEvents()
  for (const act of acts) {
    await nextMillisecond(world)
    await control.act(incident.incident_id, act, world.people.zhang.member.member_id)
  }
  await kept.release(() => [])
  return kept.held
}

/** So that the next event is newer than the last one. */
export async function nextMillisecond(world: World): Promise<void> {
  const last = world.flashduty.control.events().at(-1)?.event_time ?? 0
  await eventually('the clock has moved on', () => Date.now() > last)
}

/** Hands over any body, as a job of its own: without the id by which BullMQ would drop a repeated one. */
export function enqueue(world: World, body: unknown): Promise<string> {
  return world.flashduty.control.enqueue(body, { jobId: `job-${randomUUID()}` })
}

/** The body again under another event id, a little newer, with parts of its incident and delivery replaced. */
export function followUp(
  body: IncidentEvent,
  change: { event_type?: string; incident?: Record<string, unknown>; delivery?: Record<string, unknown> | undefined },
): IncidentEvent {
  const next: IncidentEvent = structuredClone(body)
  next.event_id = randomUUID().replaceAll('-', '')
  next.event_time = body.event_time + 1
  next.event_type = change.event_type ?? body.event_type
  Object.assign(next.incident, change.incident)
  if ('delivery' in change) {
    if (change.delivery === undefined) delete next.delivery
    else next.delivery = { ...next.delivery, ...change.delivery }
  }
  return next
}
