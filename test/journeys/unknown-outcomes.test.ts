import { afterEach, describe, expect, test, afterAll } from 'vitest'

import type { Fault } from '../sandbox/dingtalk/types.ts'
import type { Incident, IncidentEvent } from '../sandbox/flashduty/types.ts'
import { readDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { Gate } from '../support/gate.ts'
import { HeldCalls } from '../support/held-calls.ts'
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

/** How long a call that was given up may still be carried out: by the daemon's clock, which the test moves. */
const DOUBT_MS = 600_000

/** Cards whose message may be in a place twice: a call about them had an unknown outcome. */
const repeats: string[] = []

/** How far the daemon's clock runs ahead. */
let aheadMs = 0
const calls = new HeldCalls()
const scene = useScene({
  overrides: {
    clock: { nowMs: () => Date.now() + aheadMs },
    // No call lasts so long that another would take its card over.
    delivery: { doubtMs: DOUBT_MS, leaseMs: DOUBT_MS },
    boundExchange: calls.bound,
    sweepMs: 300,
  },
})
afterEach(() => {
  scene.world.dingtalk.control.clearFaults()
})

/** A call about the incident that hangs at DingTalk is given up. */
async function giveUp({ incident_id: id }: Incident, effect: Fault['effect']): Promise<void> {
  if (!effect.kind.endsWith('hang')) return
  await eventually('DingTalk has the call', () => requestsAbout(scene.world, { incident_id: id }).some(isUnanswered))
  await calls.giveUp(id)
}

const isUnanswered = ({ status }: { status: number }): boolean => status === 0

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

/** How often in all its places the outcome of a delivery of the card was never learnt, as far as that is stored. */
function doubtsOf(card: string): number {
  const query = 'select max(unknown_outcomes) as most from placements where out_track_id = ? and status = ?'
  return readDatabase<{ most: number | null }>(scene.world, query, card, 'waiting')[0]?.most ?? 0
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
    await giveUp(incident, effect)
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
    const effect = { kind: 'apply-then-hang' } as const
    hit(world, 'createAndDeliver', incident, effect)
    await takeIn(world, assigned)
    const card = await theCardOf(world, incident)
    repeats.push(card)
    await takeIn(world, ...acts)
    await giveUp(incident, effect)
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
    await giveUp(incident, effect)
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

  test('again and again, at growing pauses: is told once it gets through', async () => {
    const { world } = scene
    const { platform, oncall } = world.groups
    const { incident, assigned, card } = await alertGroup(world, '投递一再失败')
    hit(world, 'deliver', incident, { kind: 'answer', status: 503, body: error }, 4)
    await takeIn(world, followUp(assigned, { delivery: { chats: [inGroup(oncall), inGroup(platform)] } }))
    await eventually('it was repeated at once', () => callsFor(world, 'deliver', card).length === 2)
    for (const [index, pauseMs] of [60_000, 600_000, 3_600_000].entries()) {
      await eventually('its outcome is stored', () => doubtsOf(card) === 2 + index)
      aheadMs += pauseMs
      await eventually('it was repeated', () => callsFor(world, 'deliver', card).length === 3 + index)
    }
    expect(await settledRecords(world, incident)).toContainEqual(
      expect.objectContaining({ target_id: platform.openConversationId, status: 'success', reason_code: null }),
    )
    expect(messagesIn(world, card, platform)).toBe(1)
  })
})

describe('what stays unknown for good', () => {
  const told = { kind: 'apply-then-answer', status: 200, body: '{"success":true}' } as const
  const failing = { kind: 'answer', status: 502, body: 'Bad Gateway', contentType: 'text/plain' } as const

  /** To a group and to a person; the person is told of as not reached, so that they are reached another way. */
  async function begin(effects: Parameters<typeof hit>[3][], title: string) {
    const { world } = scene
    const { oncall } = world.groups
    const { li } = world.people
    const { incident, assigned } = await composeIncident(world, {
      title,
      chats: [inGroup(oncall)],
      personIds: [li.member.member_id],
    })
    const [first, ...rest] = effects
    if (first) hit(world, 'createAndDeliver', incident, first)
    for (const effect of rest) hit(world, 'deliver', incident, effect, 1_000)
    await takeIn(world, assigned)
    return { incident, assigned, card: await theCardOf(world, incident) }
  }

  async function expectUnconfirmed(incident: Incident) {
    const records = await settledRecords(scene.world, incident)
    expect(records.map(({ kind, status, reason_code: reason }) => [kind, status, reason])).toEqual([
      ['group', 'success', 'DELIVERED_UNCONFIRMED'],
      ['person', 'failed', 'DELIVERED_UNCONFIRMED'],
    ])
  }

  test('an answer that tells of no space is followed by one repetition of each, then it is told', async () => {
    const { world } = scene
    const { incident, card } = await begin([told, told], '只说成功')
    repeats.push(card)
    await expectUnconfirmed(incident)
    expect(callsFor(world, 'createAndDeliver', card)).toHaveLength(1)
    // Together once more, since nothing was told of either, then one by one.
    expect(callsFor(world, 'deliver', card).length).toBeLessThanOrEqual(3)
    expect(messagesIn(world, card, world.groups.oncall)).toBeLessThanOrEqual(3)
  })

  test('deliveries that fail again and again end after an hour and some, and the card goes on being true', async () => {
    const { world } = scene
    const { incident, card } = await begin([{ kind: 'apply-then-reset' }, failing], '一直没有回音')
    repeats.push(card)
    const calls = () => callsFor(world, 'deliver', card).length
    for (const [index, pauseMs] of [0, 60_000, 600_000, 3_600_000].entries()) {
      if (index > 0) await eventually('its outcome is stored', () => doubtsOf(card) === 1 + index)
      aheadMs += pauseMs
      await eventually('it was repeated', () => calls() === 1 + index)
    }
    await expectUnconfirmed(incident)
    await takeIn(world, ...(await composeActs(world, incident, ['resolve'])))
    await everybodySees(world, card, '已关闭')
    aheadMs += 86_400_000
    await settledRecords(world, incident)
    expect(calls()).toBe(4)
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
      await giveUp(incident, effect)
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
  const acts = await composeActs(world, known.incident, ['ack', 'resolve'])
  const [acked, resolved] = acts as [IncidentEvent, IncidentEvent]
  const late = new Gate()
  hit(world, 'createAndDeliver', incident, late.effect)
  hit(world, 'updateCard', known.incident, late.effect)
  await takeIn(world, assigned, acked)
  await eventually('both calls are under way', () => late.arrived === 2)
  await takeIn(world, resolved)
  await calls.giveUp(incident.incident_id)
  await calls.giveUp(known.card)

  const card = await theCardOf(world, incident)
  expect(await settledRecords(world, incident)).toMatchObject([{ status: 'success', note: null }])
  await everybodySees(world, known.card, '已关闭')
  await settledRecords(world, known.incident)

  late.open()
  const creates = () => callsFor(world, 'createAndDeliver', card).map(({ status }) => status)
  await eventually('the late create is refused', () => creates().length === 2)
  expect(creates()).toEqual([200, 400])
  expect(messagesIn(world, card, world.groups.oncall)).toBe(1)
  await eventually('the late update hides the newer one', () =>
    titlesShown(world, known.card).at(-1)?.includes('处理中'),
  )
  aheadMs += DOUBT_MS
  await everybodySees(world, known.card, '已关闭')
  expect(callsFor(world, 'updateCard', known.card)).toHaveLength(3)
})

afterAll(() => {
  expectSilence(scene.world, scene.app.lines, { repeats, errors: ['card-unconfirmed'] })
})
