import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

import {
  callsFor,
  cardsOf,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  openScene,
  press,
  type Scene,
} from '../support/journey.ts'
import { settledRecords, theCardOf, view } from '../support/journey.ts'
import { eventually } from '../support/eventually.ts'

const HOUR_MS = 3_600_000

let offsetMs = 0
let scene: Scene
beforeAll(async () => {
  const clock = { nowMs: () => Date.now() + offsetMs }
  scene = await openScene({ overrides: { clock, sweepMs: 300 } })
})
afterEach(() => scene.world.dingtalk.control.clearFaults())
afterAll(async () => {
  await scene.close()
})

test.each([
  ['forward', HOUR_MS],
  ['back', -HOUR_MS],
])(
  'the clock is put an hour %s while cards wait for a DingTalk that is away: each comes once',
  async (_way, jumpMs) => {
    const { world } = scene
    const { control } = world.dingtalk
    const { zhang } = world.people
    const known = await fire(world, { title: '时钟之前', chats: [inGroup(world.groups.oncall)] })
    const knownCard = await theCardOf(world, known)
    await settledRecords(world, known)

    control.addFault({ api: 'createAndDeliver', times: 1_000, effect: { kind: 'reset' } })
    control.addFault({ api: 'updateCard', times: 1_000, effect: { kind: 'reset' } })
    const waiting = await fire(world, { title: '时钟之间', chats: [inGroup(world.groups.oncall)] })
    await world.flashduty.control.act(known.incident_id, 'ack', zhang.member.member_id)
    await eventually('both were tried', () => {
      const tried = world.dingtalk.journal.requests('createAndDeliver')
      const put = callsFor(world, 'updateCard', knownCard)
      return put.length > 0 && tried.some(({ body }) => JSON.stringify(body).includes(waiting.incident_id))
    })
    offsetMs += jumpMs
    control.clearFaults()

    const card = await theCardOf(world, waiting)
    await everybodySees(world, card, '待处理')
    await everybodySees(world, knownCard, '处理中')
    await settledRecords(world, waiting)
    await press(world, card, zhang, '认领')
    await everybodySees(world, card, '处理中')
    expect(cardsOf(world, waiting)).toEqual([card])
    expect(view(world, card, zhang).title).toContain('处理中')
  },
)

afterAll(() => {
  expectSilence(scene.world, scene.app.lines)
})
