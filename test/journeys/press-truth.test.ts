import { afterAll, afterEach, expect, test } from 'vitest'

import { eventually } from '../support/eventually.ts'
import { composeIncident, enqueue, followUp } from '../support/jobs.ts'
import {
  actsOn,
  answerOf,
  buttonOf,
  callsFor,
  endPatience,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  press,
  recordsOf,
  settledRecords,
  theCardOf,
  useScene,
  view,
} from '../support/journey.ts'
import { CARD_TOPIC } from '../support/push-press.ts'

/** What a presser is told is true, whatever else happens to the card and the call meanwhile. */

const scene = useScene()
afterEach(() => scene.world.flashduty.control.clearFaults())
afterAll(() => expectSilence(scene.world, scene.app.lines))

const told = () => scene.world.dingtalk.journal.requests('oToMessages/batchSend').length

test('an act that was done though its call hung is proven by Flashduty’s news of it, and shown to everybody', async () => {
  const { world } = scene
  const { li } = world.people
  const incident = await fire(world, { title: '做了但没有回音', chats: [inGroup(world.groups.oncall)] })
  const card = await theCardOf(world, incident)
  await settledRecords(world, incident)
  const before = told()
  world.flashduty.control.addFault({ path: '/incident/ack', effect: { kind: 'apply-then-hang' } })
  const seen = answerOf(await press(world, card, li, '认领'))
  expect(seen.title).toContain('处理中')
  await everybodySees(world, card, '处理中')
  const presses = (await settledRecords(world, incident)).filter(({ kind }) => kind === 'action')
  expect(presses).toMatchObject([{ status: 'success', reason_code: null }])
  expect(told()).toBe(before)
})

test('what somebody else did proves nothing of a press whose call hangs: it is carried out after all', async () => {
  const { world } = scene
  const { li, zhang } = world.people
  const { control } = world.flashduty
  const incident = await fire(world, { title: '别人先认领', chats: [inGroup(world.groups.oncall)] })
  const card = await theCardOf(world, incident)
  await settledRecords(world, incident)
  control.addFault({ path: '/incident/ack', effect: { kind: 'hang' } })
  const pressed = press(world, card, li, '认领')
  await control.waitForRequest(({ path }) => path === '/incident/ack')
  await control.act(incident.incident_id, 'ack', zhang.member.member_id)
  const presses = async () => (await recordsOf(world, incident)).filter(({ kind }) => kind === 'action')
  await eventually('the news is taken in', async () =>
    (await recordsOf(world, incident)).some(({ event_type: type }) => type === 'i_ack'),
  )
  expect(await presses()).toMatchObject([{ target_id: li.user.userId, status: 'pending' }])
  await endPatience(scene.app, 'the press is waited for', () => true)
  expect(answerOf(await pressed).tips).toBe('处理中，卡片稍后更新')
  await everybodySees(world, card, '处理中')
  await settledRecords(world, incident)
  expect(await presses()).toMatchObject([{ status: 'success' }])
  const calls = actsOn(world, incident, 'ack')
  expect(calls.length).toBeGreaterThan(1)
  expect(calls.at(-1)).toMatchObject({ status: 200 })
})

test('in the chat of one person the true face follows the answer, for their other devices', async () => {
  const { world } = scene
  const { li } = world.people
  const incident = await fire(world, { title: '一对一', personIds: [li.member.member_id] })
  const card = await theCardOf(world, incident)
  await settledRecords(world, incident)
  expect(callsFor(world, 'updateCard', card)).toEqual([])
  expect(answerOf(await press(world, card, li, '认领')).title).toContain('处理中')
  await eventually('the update has come', () => callsFor(world, 'updateCard', card).length === 1)
  await everybodySees(world, card, '处理中', [li])
})

test('while a press is open no update of its card leaves: pressed again, refused, and under a stream of events', async () => {
  const { world } = scene
  const { li, zhang, wang } = world.people
  const { journal, control } = world.dingtalk
  const { incident, assigned } = await composeIncident(world, {
    title: '正在按',
    chats: [inGroup(world.groups.oncall)],
  })
  await enqueue(world, assigned)
  const card = await theCardOf(world, incident)
  await settledRecords(world, incident)
  let event = assigned
  const pressing = new AbortController()
  const streaming = (async () => {
    for (let index = 0; !pressing.signal.aborted && index < 4_000; index++) {
      // Newer than what Flashduty tells of the presses meanwhile.
      const incident = { title: `改名 ${index}`, updated_at: Math.floor(Date.now() / 1_000) + 60 }
      event = followUp(event, { event_type: 'i_r_title', incident })
      await enqueue(world, event)
    }
  })()
  const drawn = buttonOf(view(world, card, li), '认领')
  for (let round = 0; round < 15; round++) {
    // The same button again and again, by one who may, by another, and by one who never linked.
    await Promise.all(
      [li, zhang, wang].map(({ user }) =>
        control.press({ outTrackId: card, userId: user.userId, buttonId: drawn, force: true }),
      ),
    )
    const before = callsFor(world, 'updateCard', card).length
    await eventually('the card is brought up to date', () => callsFor(world, 'updateCard', card).length > before)
  }
  pressing.abort()
  await streaming
  const sent = journal.of('frame-sent').filter(({ frame }) => {
    const { headers, data } = frame as { headers?: { topic?: string }; data?: string }
    return headers?.topic === CARD_TOPIC && (data ?? '').includes(card)
  })
  expect(sent).toHaveLength(45)
  const answers = new Map(journal.of('frame-received').map(({ messageId, seq }) => [messageId, seq]))
  const updates = callsFor(world, 'updateCard', card).map(({ seq }) => seq)
  expect(updates.length).toBeGreaterThanOrEqual(15)
  for (const { messageId, seq } of sent) {
    const answeredAt = answers.get(messageId) ?? Infinity
    expect(updates.filter((at) => at > seq && at < answeredAt)).toEqual([])
  }
  await eventually('the newest is shown', () => view(world, card, zhang).title.includes('改名'))
  const presses = (await recordsOf(world, incident)).filter(({ kind }) => kind === 'action')
  expect(presses.length).toBeGreaterThan(0)
})
