import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

import { type Daemon, startDaemon } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { composeIncident, endedJob, enqueue, expireLock, pauseJobs, readJob } from '../support/jobs.ts'
import { expectSilence, inGroup, openScene, type Scene, settledRecords, theCardOf } from '../support/journey.ts'
import { lockDatabase } from '../support/lock.ts'

let scene: Scene
let release = (): void => {}
let daemon: Daemon | undefined
beforeAll(async () => {
  scene = await openScene()
  await scene.app.stop()
})
afterEach(async () => {
  release()
  await daemon?.end('SIGKILL')
})
afterAll(() => scene.world.close())

test('daemons that are killed over a job, six times: it is taken up each time, and told once', async () => {
  const { world } = scene
  const deaths = 6
  const { incident, assigned } = await composeIncident(world, {
    title: '六次断电',
    chats: [inGroup(world.groups.oncall)],
  })
  let begin = await pauseJobs(world)
  const jobId = await enqueue(world, assigned)
  for (let death = 0; death < deaths;) {
    const begun = (await readJob(world, jobId))?.starts ?? 0
    daemon = await startDaemon(world.env)
    // It cannot come to the job's end.
    release = await lockDatabase(world.config.databasePath)
    await begin()
    await eventually('the job is begun', async () => {
      const job = await readJob(world, jobId)
      return job?.state === 'active' && job.starts > begun
    })
    await daemon.end('SIGKILL')
    release()
    begin = await pauseJobs(world)
    await expireLock(world, jobId)
    // One that had given the job back for a while has not died over it.
    if ((await readJob(world, jobId))?.state === 'active') death += 1
  }
  await begin()
  daemon = await startDaemon(world.env)
  const card = await theCardOf(world, incident)
  const rows = await settledRecords(world, incident)
  expect(rows.filter(({ kind }) => kind === 'group')).toMatchObject([{ status: 'success', duplicates: 0 }])
  expect(Object.values(world.dingtalk.control.placementsOf(card))).toEqual([1])
  expect(await endedJob(world, jobId)).toMatchObject({ state: 'completed', deaths })
  await daemon.end('SIGTERM')
  expectSilence(world, daemon.lines)
  daemon = undefined
})
