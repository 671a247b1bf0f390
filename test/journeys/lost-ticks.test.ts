import { afterAll, beforeAll, expect, test } from 'vitest'

import { DELIVER_QUEUE } from '../../src/queue/jobs.ts'
import { eventually } from '../support/eventually.ts'
import {
  answerOf,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  openScene,
  press,
  type Scene,
  settledRecords,
  theCardOf,
} from '../support/journey.ts'

let scene: Scene
beforeAll(async () => {
  scene = await openScene()
})
afterAll(() => scene?.close())

test('what Redis could not be told is made up for as soon as it is back, not a minute later', async () => {
  const { world } = scene
  const incident = await fire(world, { chats: [inGroup(world.groups.oncall)] })
  const card = await theCardOf(world, incident)
  await settledRecords(world, incident)
  // Flashduty's own event would have the card drawn anyway.
  const events = world.flashduty.control.holdEvents()
  await world.redis.stop()
  expect(answerOf(await press(world, card, world.people.li, '认领')).title).toContain('处理中')
  await eventually('the tick is lost', () => scene.app.lines.some(({ msg }) => msg === 'tick-lost'))
  // The client of Redis keeps a command over some tries to connect, and then gives it up.
  const tries = () =>
    scene.app.lines.filter(({ msg, queue }) => msg === 'worker-error' && queue === DELIVER_QUEUE).length
  await eventually('Redis has been away for long', () => tries() >= 5)
  await world.redis.restart()
  await everybodySees(world, card, '处理中')
  await events.release()
})

test('so is what it was told and forgot', async () => {
  const { world } = scene
  const incident = await fire(world, { chats: [inGroup(world.groups.oncall)] })
  const card = await theCardOf(world, incident)
  await settledRecords(world, incident)
  world.flashduty.control.holdEvents()
  const refused = { kind: 'answer', status: 503, body: { code: 'ServiceUnavailable', message: 'busy' } } as const
  world.dingtalk.control.addFault({ api: 'updateCard', times: 100, effect: refused })
  await press(world, card, world.people.li, '认领')
  await eventually('the update waits', () => scene.app.lines.some(({ msg }) => msg === 'card-update-failed'))
  await world.redis.flush()
  world.dingtalk.control.clearFaults()
  await everybodySees(world, card, '处理中')
})

afterAll(() => {
  expectSilence(scene.world, scene.app.lines, { errors: ['redis-state', 'card-update-failed'] })
})
