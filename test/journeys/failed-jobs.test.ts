import { Worker } from 'bullmq'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'

import { eventually } from '../support/eventually.ts'
import { composeIncident, endedJob, enqueue, leaveDeadly, leaveFailed, readJob, withQueue } from '../support/jobs.ts'
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

/** What happens while no daemon runs; then there is one again. */
async function whileStopped<T>(act: () => Promise<T>): Promise<T> {
  const { lines } = scene.app
  await scene.app.stop()
  try {
    return await act()
  } finally {
    scene.app = await bootImpatient(scene.world, { sweepMs: 300 })
    scene.app.lines.unshift(...lines)
  }
}

/** Left by another program, and run again by a sweep of ours. */
async function expectRerun(title: string): Promise<void> {
  const { incident, assigned } = await compose(title)
  const jobId = await leaveFailed(scene.world, assigned, STALLED)
  await theCardOf(scene.world, incident)
  await settledRecords(scene.world, incident)
  expect((await endedJob(scene.world, jobId)).state).toBe('completed')
}

describe('a job that failed before anybody took it in', () => {
  test('is run again by the next start: a producer allowed one attempt, and another worker spent it', async () => {
    const { world } = scene
    const { incident, ids } = await whileStopped(async () => {
      const { incident, created, assigned } = await compose('只许试一次')
      const other = new Worker(QUEUE, () => Promise.reject(new Error('not ours')), {
        connection: { url: world.redis.url },
      })
      try {
        const bodies = [created, assigned]
        const ids = await Promise.all(bodies.map((body) => world.flashduty.control.enqueue(body, { attempts: 1 })))
        for (const id of ids) expect(await endedJob(world, id)).toMatchObject({ state: 'failed', attemptsMade: 1 })
        return { incident, ids }
      } finally {
        await other.close()
      }
    })
    await theCardOf(world, incident)
    await settledRecords(world, incident)
    for (const id of ids) {
      await eventually(`${id} is done`, async () => (await readJob(world, id))?.state === 'completed')
    }
  })

  test('is run again by the next sweep, also behind many that cannot be helped, which are left alone', async () => {
    const { world } = scene
    await expectRerun('停滞后失败')
    const bodies = Array.from({ length: 620 }, (_, n) => ({ name: 'bad', data: { event_id: `bad-${n}` } }))
    const added = await withQueue(world, (queue) => queue.addBulk(bodies))
    const invalid = new Set(added.map(({ id }) => id ?? ''))
    onTestFinished(async () => void (await withQueue(world, (queue) => queue.clean(0, 1_000, 'failed'))))
    const failed = () =>
      withQueue(world, async (queue) => {
        const jobs = await queue.getFailed(0, 1_000)
        return jobs.filter(({ id }) => invalid.has(id ?? ''))
      })
    await eventually('all have failed', async () => (await failed()).length === 620)
    await expectRerun('排在坏任务之后')
    const rows = await listRecords(world, '--status', 'failed')
    const ofInvalid = rows.filter(({ target_id: id }) => invalid.has(id))
    expect(ofInvalid).toHaveLength(620)
    expect(ofInvalid.filter(({ duplicates }) => duplicates > 0)).toEqual([])
    expect((await failed()).filter(({ attemptsStarted }) => attemptsStarted !== 1)).toEqual([])
  })

  test('but not again and again when it only ever met a mistake of ours: the next start tries', async () => {
    const { world } = scene
    const { incident, assigned } = await compose('放弃过一次')
    // The start is over when sweeps have gone through all there is twice.
    for (const title of ['之前的', '再之前的']) await expectRerun(title)
    const jobId = await leaveFailed(world, assigned, 'GAVE_UP: some mistake')
    await expectRerun('之后的')
    expect(await readJob(world, jobId)).toMatchObject({ state: 'failed' })
    await whileStopped(async () => {})
    await theCardOf(world, incident)
    await settledRecords(world, incident)
  })

  test('a job that was taken in and failed after is not taken in again', async () => {
    const { world } = scene
    const { incident, assigned } = await compose('收下之后才失败')
    await endedJob(world, await enqueue(world, assigned))
    await theCardOf(world, incident)
    const jobId = await leaveFailed(world, assigned, STALLED)
    await expectRerun('之后的')
    expect((await readJob(world, jobId))?.state).toBe('failed')
    const rows = await settledRecords(world, incident)
    expect(rows.map(({ duplicates }) => duplicates)).toEqual(rows.map(() => 0))
    await withQueue(world, (queue) => queue.remove(jobId))
  })
})

test('workers that die over a job may be as many as will: it is taken up again, and told once', async () => {
  const { world } = scene
  const deaths = 40
  const { incident, jobId } = await whileStopped(async () => {
    const { incident, assigned } = await compose('四十次断电')
    const jobId = await enqueue(world, assigned)
    await leaveDeadly(world, jobId, deaths - 1)
    return { incident, jobId }
  })
  const card = await theCardOf(world, incident)
  const rows = await settledRecords(world, incident)
  expect(rows.filter(({ kind }) => kind === 'group')).toMatchObject([{ status: 'success', duplicates: 0 }])
  expect(Object.values(world.dingtalk.control.placementsOf(card))).toEqual([1])
  expect(await endedJob(world, jobId)).toMatchObject({ state: 'completed', starts: 2, deaths })
})

afterAll(() => {
  expectSilence(scene.world, scene.app.lines)
})
