import { afterEach, describe, expect, test, afterAll } from 'vitest'

import type { Fault } from '../sandbox/dingtalk/types.ts'
import type { Incident, IncidentEvent } from '../sandbox/flashduty/types.ts'
import { eventually } from '../support/eventually.ts'
import { composeActs, composeIncident, followUp } from '../support/jobs.ts'
import {
  callsFor,
  cardsOf,
  everybodySees,
  expectSilence,
  inGroup,
  type OperationRecord,
  settledRecords,
  theCardOf,
  useScene,
} from '../support/journey.ts'
import { alertGroup, hit, messagesIn, requestsAbout, rowsOf, takeIn, titlesShown } from '../support/story.ts'

/** How long a call that was given up may still be carried out. */
const DOUBT_MS = 4_000

/** Cards whose message may be in a place twice: a call about them had an unknown outcome. */
const repeats: string[] = []

const scene = useScene({ overrides: { delivery: { doubtMs: DOUBT_MS } } })
afterEach(() => {
  scene.world.dingtalk.control.clearFaults()
})

const error = { code: 'system.error', requestid: '01A0', message: 'system.error' }

/** The call was not done, and the daemon cannot know it. */
const notDone: Record<string, Fault['effect']> = {
  reset: { kind: 'reset' },
  hang: { kind: 'hang' },
  'a 500': { kind: 'answer', status: 500, body: error },
  'a 500 system.busy': { kind: 'answer', status: 500, body: { ...error, code: 'system.busy' } },
  'a 502 page': { kind: 'answer', status: 502, body: '<html>502 Bad Gateway</html>', contentType: 'text/html' },
  'an empty 503': { kind: 'answer', status: 503, body: '', contentType: 'text/plain' },
}

/** The call was done, and the daemon cannot know it. */
const done: Record<string, Fault['effect']> = {
  'reset afterwards': { kind: 'apply-then-reset' },
  'hang afterwards': { kind: 'apply-then-hang' },
  'a 500 afterwards': { kind: 'apply-then-answer', status: 500, body: error },
  'half an answer': { kind: 'apply-then-answer', status: 200, body: '{"success":true,"result":{"outTr' },
  'an empty answer': { kind: 'apply-then-answer', status: 200, body: '' },
  'param.cardAlreadyExist': {
    kind: 'apply-then-answer',
    status: 400,
    body: { ...error, code: 'param.cardAlreadyExist' },
  },
}

type Story = { incident: Incident; event: IncidentEvent; what: string }

/** All at once, so that those which hang wait together. */
async function everyOutcome(
  effects: Record<string, Fault['effect']>,
  begin: (what: string, effect: Fault['effect']) => Promise<Story>,
  check: (story: Story, record: OperationRecord) => Promise<void>,
): Promise<void> {
  const stories: Story[] = []
  for (const [what, effect] of Object.entries(effects)) stories.push(await begin(what, effect))
  for (const story of stories) {
    const records = await settledRecords(scene.world, story.incident)
    const [record, ...others] = records.filter(({ event_id: id, status }) => {
      return id === story.event.event_id && status !== 'updated'
    })
    if (!record || others.length > 0) throw new Error(`${story.what}: ${JSON.stringify(records)}`)
    await check(story, record)
  }
}

describe('a card whose creating is not known to have happened', () => {
  async function begin(what: string, effect: Fault['effect']): Promise<Story> {
    const { world } = scene
    const chats = [inGroup(world.groups.oncall)]
    const { incident, assigned } = await composeIncident(world, { title: what, chats })
    hit(world, 'createAndDeliver', incident, effect)
    await takeIn(world, assigned)
    return { incident, event: assigned, what }
  }

  test('and did not: is created under the same name, told once, and nothing is noted', () =>
    everyOutcome(notDone, begin, async ({ incident, what }, record) => {
      const { world } = scene
      const card = await theCardOf(world, incident)
      expect([what, record.status, record.note]).toEqual([what, 'success', null])
      expect([what, messagesIn(world, card, world.groups.oncall)]).toEqual([what, 1])
      const names = requestsAbout(world, incident).map(({ body }) => (body as { outTrackId: string }).outTrackId)
      expect(new Set(names)).toEqual(new Set([card]))
      expect(callsFor(world, 'createAndDeliver', card)).toHaveLength(2)
      expect(callsFor(world, 'deliver', card)).toEqual([])
    }))

  test('and did: stays one card, its message is repeated once, and the record says so', () =>
    everyOutcome(done, begin, async ({ incident, what }, record) => {
      const { world } = scene
      const card = await theCardOf(world, incident)
      repeats.push(card)
      expect([what, record.status, record.note]).toEqual([what, 'success', 'REDELIVERED'])
      expect([what, messagesIn(world, card, world.groups.oncall)]).toEqual([what, 2])
      expect(callsFor(world, 'createAndDeliver', card)).toHaveLength(1)
      expect(callsFor(world, 'deliver', card)).toHaveLength(1)
    }))

  test('and did, while looking for it fails as well: still one card and one repetition', async () => {
    const { world } = scene
    const { incident, assigned } = await composeIncident(world, { chats: [inGroup(world.groups.oncall)] })
    hit(world, 'createAndDeliver', incident, { kind: 'apply-then-reset' })
    hit(world, 'updateCard', incident, { kind: 'reset' })
    hit(world, 'updateCard', incident, { kind: 'answer', status: 503, body: error })
    hit(world, 'updateCard', incident, { kind: 'apply-then-reset' })
    await takeIn(world, assigned)
    const acts = await composeActs(world, incident, ['ack'])
    await takeIn(world, ...acts)
    const records = await settledRecords(world, incident)
    const card = await theCardOf(world, incident)
    repeats.push(card)
    expect(records.filter(({ event_id: id }) => id === assigned.event_id)).toMatchObject([
      { status: 'success', note: 'REDELIVERED' },
    ])
    expect(messagesIn(world, card, world.groups.oncall)).toBe(2)
    await everybodySees(world, card, '处理中')
  })

  test('and was closed in the meantime: those who were told see that it is', async () => {
    const { world } = scene
    const { incident, assigned } = await composeIncident(world, { chats: [inGroup(world.groups.oncall)] })
    const acts = await composeActs(world, incident, ['resolve'])
    hit(world, 'createAndDeliver', incident, { kind: 'apply-then-hang' })
    await takeIn(world, assigned)
    const card = await theCardOf(world, incident)
    repeats.push(card)
    await takeIn(world, ...acts)
    await settledRecords(world, incident)
    await everybodySees(world, card, '已关闭')
    expect(messagesIn(world, card, world.groups.oncall)).toBeLessThanOrEqual(2)
  })
})

describe('a later target whose delivery is not known to have happened', () => {
  async function begin(what: string, effect: Fault['effect']): Promise<Story> {
    const { world } = scene
    const { platform, oncall } = world.groups
    const { incident, assigned } = await alertGroup(world, what)
    hit(world, 'deliver', incident, effect)
    const event = followUp(assigned, { delivery: { chats: [inGroup(oncall), inGroup(platform)] } })
    await takeIn(world, event)
    return { incident, event, what }
  }

  test('and did not: is told once', () =>
    everyOutcome(notDone, begin, async ({ incident, what }, record) => {
      const { world } = scene
      const card = await theCardOf(world, incident)
      expect([what, record.status]).toEqual([what, 'success'])
      expect([what, messagesIn(world, card, world.groups.platform)]).toEqual([what, 1])
      expect([what, messagesIn(world, card, world.groups.oncall)]).toEqual([what, 1])
    }))

  const { 'param.cardAlreadyExist': _ofCreating, ...ofDelivering } = done
  test('and did: is told at most twice, as the record says, and nobody else is', () =>
    everyOutcome(ofDelivering, begin, async ({ incident, what }, record) => {
      const { world } = scene
      const card = await theCardOf(world, incident)
      repeats.push(card)
      expect([what, record.status, record.note]).toEqual([what, 'success', 'REDELIVERED'])
      expect([what, messagesIn(world, card, world.groups.platform)]).toEqual([what, 2])
      expect([what, messagesIn(world, card, world.groups.oncall)]).toEqual([what, 1])
      expect(cardsOf(world, incident)).toEqual([card])
    }))

  test('again and again: the pauses grow, so that an outage of DingTalk is no storm of messages', async () => {
    const { world } = scene
    const { platform, oncall } = world.groups
    const { incident, assigned, card } = await alertGroup(world, '投递一再失败')
    hit(world, 'deliver', incident, { kind: 'answer', status: 503, body: error }, 5)
    await takeIn(world, followUp(assigned, { delivery: { chats: [inGroup(oncall), inGroup(platform)] } }))
    await eventually('it has arrived', () => messagesIn(world, card, platform) === 1)
    await settledRecords(world, incident)
    const at = callsFor(world, 'deliver', card).map((call) => call.at)
    expect(at).toHaveLength(6)
    const gaps = at.slice(1).map((time, index) => time - (at[index] ?? 0))
    expect(gaps.at(-1)).toBeGreaterThan(2 * (gaps[0] ?? 0))
  })
})

describe('an update that is not known to have happened', () => {
  const { 'param.cardAlreadyExist': _ofCreating, ...ofUpdating } = done
  test('is sent again until everybody sees the newest state', async () => {
    const { world } = scene
    const stories: { incident: Incident; card: string; event: IncidentEvent; what: string }[] = []
    for (const [what, effect] of Object.entries({ ...notDone, ...ofUpdating })) {
      const { incident, card } = await alertGroup(world, what)
      const [acked, resolved] = (await composeActs(world, incident, ['ack', 'resolve'])) as [
        IncidentEvent,
        IncidentEvent,
      ]
      hit(world, 'updateCard', incident, effect)
      await takeIn(world, acked)
      await eventually('the update has failed', () => callsFor(world, 'updateCard', card).length > 0)
      // Half of them move on while nobody knows what the card shows.
      const moves = stories.length % 2 === 1
      if (moves) await takeIn(world, resolved)
      stories.push({ incident, card, event: moves ? resolved : acked, what })
    }
    for (const { incident, card, event, what } of stories) {
      const word = event.event_type === 'i_rslv' ? '已关闭' : '处理中'
      await everybodySees(world, card, word)
      const records = await settledRecords(world, incident)
      expect([what, rowsOf(records, event)]).toMatchObject([what, [{ status: 'updated', reason: null }]])
      expect([what, messagesIn(world, card, world.groups.oncall)]).toEqual([what, 1])
    }
  })
})

test('what DingTalk carries out only after it was given up tells nobody twice and hides nothing newer', async () => {
  const { world } = scene
  const { incident, assigned } = await composeIncident(world, { chats: [inGroup(world.groups.oncall)] })
  const known = await alertGroup(world, '迟到的更新')
  const witness = await alertGroup(world, '见证')
  const acts = await composeActs(world, known.incident, ['ack', 'resolve'])
  const [acked, resolved] = acts as [IncidentEvent, IncidentEvent]
  hit(world, 'createAndDeliver', incident, { kind: 'delay', ms: 10_500 })
  hit(world, 'updateCard', known.incident, { kind: 'delay', ms: 10_500 })
  await takeIn(world, assigned, acked, ...(await composeActs(world, witness.incident, ['ack'])))
  // Updates go out in the order they came due.
  await everybodySees(world, witness.card, '处理中')
  await takeIn(world, resolved)

  const records = await settledRecords(world, incident)
  expect(records).toMatchObject([{ status: 'success', note: null }])
  const card = await theCardOf(world, incident)
  const creates = () => callsFor(world, 'createAndDeliver', card).map(({ status }) => status)
  await eventually('the late create is refused', () => creates().length === 2)
  expect(creates()).toEqual([200, 400])
  expect(messagesIn(world, card, world.groups.oncall)).toBe(1)

  const shown = () => titlesShown(world, known.card)
  await eventually('the late update hides the newer one', () => {
    const closed = shown().findIndex((title) => title.includes('已关闭'))
    return (
      closed >= 0 &&
      shown()
        .slice(closed)
        .some((title) => title.includes('处理中'))
    )
  })
  await everybodySees(world, known.card, '已关闭')
  await settledRecords(world, known.incident)
  expect(callsFor(world, 'updateCard', known.card)).toHaveLength(3)
})

afterAll(() => {
  expectSilence(scene.world, scene.app.lines, { repeats })
})
