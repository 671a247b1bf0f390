import { Worker } from 'bullmq'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import { type Daemon, startDaemon } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { composeIncident, endedJob, enqueue, expireLock, leaveFailed, pauseJobs, readJob } from '../support/jobs.ts'
import {
  bootImpatient,
  expectSilence,
  inGroup,
  listRecords,
  openScene,
  type Scene,
  settledRecords,
  theCardOf,
} from '../support/journey.ts'
import { lockDatabase } from '../support/lock.ts'

const QUEUE = 'flashduty-dingtalk-deliver'
const STALLED = 'job stalled more than allowable limit'

let scene: Scene
beforeAll(async () => {
  scene = await openScene({ overrides: { sweepMs: 300 } })
})
afterAll(async () => {
  await scene.close()
})

const compose = (title: string) => composeIncident(scene.world, { title, chats: [inGroup(scene.world.groups.oncall)] })

async function restart(): Promise<void> {
  const { lines } = scene.app
  scene.app = await bootImpatient(scene.world, { sweepMs: 300 })
  scene.app.lines.unshift(...lines)
}

describe('a job that failed before anybody took it in', () => {
  test('is run again by the next start: a producer allowed one attempt, and another worker spent it', async () => {
    const { world } = scene
    await scene.app.stop()
    const { incident, created, assigned } = await compose('只许试一次')
    const other = new Worker(QUEUE, () => Promise.reject(new Error('not ours')), {
      connection: { url: world.redis.url },
    })
    const ids = []
    for (const body of [created, assigned]) ids.push(await world.flashduty.control.enqueue(body, { attempts: 1 }))
    for (const id of ids) expect(await endedJob(world, id)).toMatchObject({ state: 'failed', attemptsMade: 1 })
    await other.close()

    await restart()
    await theCardOf(world, incident)
    await settledRecords(world, incident)
    for (const id of ids) expect((await endedJob(world, id)).state).toBe('completed')
  })

  test('is run again by the next sweep', async () => {
    const { incident, assigned } = await compose('停滞后失败')
    const jobId = await leaveFailed(scene.world, assigned, STALLED)
    await theCardOf(scene.world, incident)
    await settledRecords(scene.world, incident)
    expect((await endedJob(scene.world, jobId)).state).toBe('completed')
  })

  test('is found behind many that cannot be helped, which are left alone', async () => {
    const { world } = scene
    const invalid = await Promise.all(Array.from({ length: 620 }, (_, n) => enqueue(world, { event_id: `bad-${n}` })))
    for (const id of invalid) expect((await endedJob(world, id)).state).toBe('failed')
    const { incident, assigned } = await compose('排在坏任务之后')
    await leaveFailed(world, assigned, STALLED)
    await theCardOf(world, incident)
    await settledRecords(world, incident)
    const rows = await listRecords(world, '--status', 'failed')
    const ofInvalid = rows.filter(({ target_id: id }) => invalid.includes(id))
    expect(ofInvalid).toHaveLength(620)
    expect(ofInvalid.filter(({ duplicates }) => duplicates > 0)).toEqual([])
    for (const id of invalid.slice(0, 5)) expect(await readJob(world, id)).toMatchObject({ state: 'failed', starts: 1 })
  })

  test('but not again and again when it only ever met a mistake of ours: the next start tries', async () => {
    const { world } = scene
    const { incident, assigned } = await compose('放弃过一次')
    const later = await compose('之后的')
    const jobId = await leaveFailed(world, assigned, 'GAVE_UP: some mistake')
    await leaveFailed(world, later.assigned, STALLED)
    await theCardOf(world, later.incident)
    await settledRecords(world, later.incident)
    expect(await readJob(world, jobId)).toMatchObject({ state: 'failed' })
    await scene.app.stop()
    await restart()
    await theCardOf(world, incident)
    await settledRecords(world, incident)
  })

  test('a job that was taken in and failed after is not taken in again', async () => {
    const { world } = scene
    const { incident, assigned } = await compose('收下之后才失败')
    await endedJob(world, await enqueue(world, assigned))
    await theCardOf(world, incident)
    const jobId = await leaveFailed(world, assigned, STALLED)
    const next = await compose('之后的')
    await leaveFailed(world, next.assigned, STALLED)
    await theCardOf(world, next.incident)
    expect((await readJob(world, jobId))?.state).toBe('failed')
    const rows = await settledRecords(world, incident)
    expect(rows.map(({ duplicates }) => duplicates)).toEqual(rows.map(() => 0))
    await settledRecords(world, next.incident)
  })
})

describe('workers that die over a job', () => {
  let release = (): void => {}
  let daemon: Daemon | undefined
  afterEach(async () => {
    release()
    await daemon?.end('SIGKILL')
  })

  test('may be as many as will: the job is taken up each time, and told once', async () => {
    const { world } = scene
    await scene.app.stop()
    const deaths = 6
    const { incident, assigned } = await compose('六次断电')
    let begin = await pauseJobs(world)
    const jobId = await enqueue(world, assigned)
    for (let death = 1; death <= deaths; death++) {
      daemon = await startDaemon(world.env)
      // It cannot come to the job's end.
      release = lockDatabase(world.config.databasePath)
      await begin()
      await eventually(`the job is begun for the ${death}. time`, async () => {
        const job = await readJob(world, jobId)
        return job?.state === 'active' && job.starts === death
      })
      await daemon.end('SIGKILL')
      release()
      begin = await pauseJobs(world)
      await expireLock(world, jobId)
    }
    await begin()
    daemon = await startDaemon(world.env)
    const card = await theCardOf(world, incident)
    const rows = await settledRecords(world, incident)
    expect(rows.filter(({ kind }) => kind === 'group')).toMatchObject([{ status: 'success', duplicates: 0 }])
    expect(Object.values(world.dingtalk.control.placementsOf(card))).toEqual([1])
    expect(await endedJob(world, jobId)).toMatchObject({ state: 'completed', starts: deaths + 1, deaths })
    await daemon.end('SIGTERM')
    daemon = undefined
    await restart()
  })
})

afterAll(() => {
  expectSilence(scene.world, scene.app.lines)
})
