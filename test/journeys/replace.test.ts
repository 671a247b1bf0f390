import { afterEach, describe, expect, onTestFailed, test, afterAll } from 'vitest'

import type { ApiName, Group } from '../sandbox/dingtalk/types.ts'
import type { Incident } from '../sandbox/flashduty/types.ts'
import { readDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { composeIncident, enqueue, followUp } from '../support/jobs.ts'
import {
  changeIntegration,
  answerOf,
  callsFor,
  cardsOf,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  press,
  recordsOf,
  type Scene,
  settledRecords,
  theCardOf,
  useScene,
  view,
} from '../support/journey.ts'
import { readyz } from '../support/readyz.ts'

const PUBLIC_TEMPLATE = '1366a1eb-bc54-4859-ac88-517c56a9acb1.schema'

const scene = useScene()
afterEach(() => {
  scene.world.dingtalk.control.clearFaults()
})

/** DingTalk refuses the calls that carry this text, so often. */
function refuse(api: ApiName, code: string, bodyContains: string, times: number): void {
  const effect = { kind: 'answer', status: 400, body: { code, message: code, requestid: 'R-1' } } as const
  scene.world.dingtalk.control.addFault({ api, bodyContains, times, effect })
}

const forget = (card: string, api: ApiName = 'updateCard') => refuse(api, 'param.cardNotExist', card, 1_000)

function act(incident: Incident, what: Parameters<Scene['world']['flashduty']['control']['act']>[1]) {
  const { world } = scene
  return world.flashduty.control.act(incident.incident_id, what, world.people.zhang.member.member_id)
}

/** The card that took the place of the last of these. */
function newCard(incident: Incident, known: string[]): Promise<string> {
  return eventually('a card in its place', () => {
    const fresh = cardsOf(scene.world, incident).filter((card) => !known.includes(card))
    expect(fresh.length).toBeLessThanOrEqual(1)
    return fresh[0]
  })
}

const placesOf = (card: string) => Object.keys(scene.world.dingtalk.control.placementsOf(card)).sort()

describe('a card that DingTalk forgot', () => {
  test('is replaced in all its places when it is updated, and the new one carries on', async () => {
    const { world } = scene
    const { zhang, li } = world.people
    const { oncall, platform } = world.groups
    const chats = [inGroup(oncall), inGroup(platform)]
    const incident = await fire(world, { chats, personIds: [zhang.member.member_id] })
    const first = await theCardOf(world, incident)
    await settledRecords(world, incident)

    forget(first)
    await act(incident, 'ack')
    const second = await newCard(incident, [first])
    await everybodySees(world, second, '处理中')
    expect(placesOf(second)).toEqual(placesOf(first))
    expect(second).toMatch(new RegExp(`^fd-${incident.incident_id}-[a-z2-7]{24}$`))
    const records = await settledRecords(world, incident)
    const acked = records.filter(({ event_type: type }) => type === 'i_ack')
    expect(acked.map(({ status }) => status)).toEqual(['updated', 'updated', 'updated'])
    expect(acked.map(({ out_track_id: card }) => card)).toEqual([second, second, second])

    const puts = callsFor(world, 'updateCard', first).length
    expect(answerOf(await press(world, second, li, '关闭')).title).toContain('已关闭')
    await everybodySees(world, second, '已关闭')
    await settledRecords(world, incident)
    expect(callsFor(world, 'updateCard', first)).toHaveLength(puts)
    expect(cardsOf(world, incident)).toEqual([first, second])
  })

  test('still answers whoever presses a button on it, and the new one shows what came of it', async () => {
    const { world } = scene
    const { li, zhang } = world.people
    const incident = await fire(world, { chats: [inGroup(world.groups.oncall)] })
    const first = await theCardOf(world, incident)
    forget(first)
    await act(incident, { title: '换了标题' })
    const second = await newCard(incident, [first])
    await everybodySees(world, second, '换了标题')
    expect(answerOf(await press(world, first, li, '认领')).title).toContain('处理中')
    await everybodySees(world, second, '处理中')
    expect(view(world, second, zhang).tips).toContain('李四 于')
    await settledRecords(world, incident)
  })

  test('is replaced when another group is to get it', async () => {
    const { world } = scene
    const { oncall, platform } = world.groups
    const { incident, assigned } = await composeIncident(world, { chats: [inGroup(oncall)] })
    await enqueue(world, assigned)
    const first = await theCardOf(world, incident)
    await settledRecords(world, incident)

    forget(first, 'deliver')
    const chats = [inGroup(oncall), inGroup(platform)]
    await enqueue(world, followUp(assigned, { event_type: 'i_notify', delivery: { chats } }))
    const second = await newCard(incident, [first])
    expect(placesOf(second)).toEqual([oncall, platform].map((group) => group.openConversationId).sort())
    const records = (await settledRecords(world, incident)).filter(({ event_type: type }) => type === 'i_notify')
    expect(new Map(records.map((one) => [one.target_id, one.status]))).toEqual(
      new Map([
        [oncall.openConversationId, 'updated'],
        [platform.openConversationId, 'success'],
      ]),
    )
  })

  test('is not made a fifth time', async () => {
    const { world } = scene
    const incident = await fire(world, { chats: [inGroup(world.groups.oncall)] })
    const cards = [await theCardOf(world, incident)]
    forget(incident.incident_id)
    for (const title of ['第二张', '第三张', '第四张']) {
      await act(incident, { title })
      const card = await newCard(incident, cards)
      await everybodySees(world, card, title)
      cards.push(card)
    }
    await settledRecords(world, incident)
    await act(incident, { title: '没有第五张' })
    await eventually('it is given up', async () =>
      (await recordsOf(world, incident)).some(({ reason_code: reason }) => reason === 'CARD_NOT_EXIST'),
    )
    const records = await settledRecords(world, incident)
    expect(records.filter(({ status }) => status === 'failed')).toMatchObject([
      { event_type: 'i_r_title', reason_code: 'CARD_NOT_EXIST', failed_reason: '钉钉卡片不存在' },
    ])
    expect(cardsOf(world, incident)).toEqual(cards)

    const calls = callsFor(world, 'updateCard', cards.at(-1) ?? '').length
    await act(incident, 'resolve')
    await eventually('the closing is on record', async () =>
      (await recordsOf(world, incident)).some(({ event_type: type }) => type === 'i_rslv'),
    )
    await settledRecords(world, incident)
    expect(callsFor(world, 'updateCard', cards.at(-1) ?? '')).toHaveLength(calls)
    expect(cardsOf(world, incident)).toEqual(cards)
  })

  test('is not replaced when a newer message stands in its place anyway', async () => {
    const { world } = scene
    const { incident, assigned } = await composeIncident(world, { chats: [inGroup(world.groups.oncall)] })
    await enqueue(world, assigned)
    const first = await theCardOf(world, incident)
    await settledRecords(world, incident)
    forget(first)
    const assignedTo = { ...(assigned.incident['assigned_to'] as object), type: 'reassign' }
    await enqueue(world, followUp(assigned, { incident: { assigned_to: assignedTo } }))
    const second = await newCard(incident, [first])
    await eventually('the last update was tried', () => callsFor(world, 'updateCard', first).length === 1)
    await settledRecords(world, incident)
    await act(incident, 'ack')
    await everybodySees(world, second, '处理中')
    expect(cardsOf(world, incident)).toEqual([first, second])
    expect(callsFor(world, 'updateCard', first)).toHaveLength(1)
  })
})

describe('words that the content filter refuses', () => {
  const plainOf = (incident: Incident) =>
    readDatabase<{ plain: number }>(
      scene.world,
      'select plain from cards where incident_id = ?',
      incident.incident_id,
    ).map(({ plain }) => plain)
  const createsOf = (incident: Incident) =>
    scene.world.dingtalk.journal
      .requests('createAndDeliver')
      .filter(({ body }) => String((body as { outTrackId?: string }).outTrackId).includes(incident.incident_id))

  /** Whose first calls are refused, so often. */
  async function fireUnsafe(times: number): Promise<Incident> {
    const { world } = scene
    const chats = [inGroup(world.groups.oncall), inGroup(world.groups.platform)]
    const personIds = [world.people.zhang.member.member_id]
    const { incident, assigned } = await composeIncident(world, { chats, personIds })
    refuse('createAndDeliver', 'param.contentUnsafe', incident.incident_id, times)
    await enqueue(world, assigned)
    return incident
  }

  test('are sent once more, plain', async () => {
    const incident = await fireUnsafe(1)
    await theCardOf(scene.world, incident)
    const records = await settledRecords(scene.world, incident)
    expect(records.map(({ status }) => status)).toEqual(['success', 'success', 'success'])
    expect(plainOf(incident)).toEqual([1])
    expect(createsOf(incident)).toHaveLength(2)
  })

  test('and no third time: the groups have nothing to do with it', async () => {
    const incident = await fireUnsafe(1_000)
    await eventually('two tries', () => createsOf(incident).length >= 2)
    const records = await settledRecords(scene.world, incident)
    expect(records.map(({ status, reason_code: reason }) => [status, reason])).toEqual(
      Array.from({ length: 3 }, () => ['failed', 'CONTENT_REJECTED']),
    )
    expect(records[0]).toMatchObject({ failed_reason: '消息内容被拒绝' })
    expect(createsOf(incident)).toHaveLength(2)
    expect(cardsOf(scene.world, incident)).toEqual([])
  })

  test.each([
    [1, 'updated', null],
    [1_000, 'failed', 'CONTENT_REJECTED'],
  ] as const)('in an update as well (%d times)', async (times, status, reason) => {
    const { world } = scene
    const incident = await fire(world, { chats: [inGroup(world.groups.oncall)] })
    const card = await theCardOf(world, incident)
    await settledRecords(world, incident)
    refuse('updateCard', 'param.contentUnsafe', card, times)
    await act(incident, { title: '不宜显示的标题' })
    await eventually('two tries', () => callsFor(world, 'updateCard', card).length === 2)
    const records = (await settledRecords(world, incident)).filter(({ event_type: type }) => type === 'i_r_title')
    expect(records).toMatchObject([{ status, reason_code: reason }])
    expect(plainOf(incident)).toEqual([1])
    // What comes after it gets its own chance.
    world.dingtalk.control.clearFaults()
    await act(incident, 'resolve')
    await everybodySees(world, card, '已关闭')
  })
})

describe('a template of one’s own that DingTalk refuses', () => {
  const OWN = '0a1b2c3d-0000-4000-8000-000000000000.schema'
  const set = (templateId: string) => changeIntegration(scene, '--template-id', templateId)
  const triedWith = (templateId: string) =>
    scene.world.dingtalk.journal
      .requests('createAndDeliver')
      .filter(({ body }) => (body as { cardTemplateId?: string }).cardTemplateId === templateId)
  const alert = async (group: Group) => {
    const incident = await fire(scene.world, { chats: [inGroup(group)] })
    const card = await theCardOf(scene.world, incident)
    return { card, records: await settledRecords(scene.world, incident) }
  }

  test('is given up for the public one, which records and /readyz say', async () => {
    const { world, app } = scene
    onTestFailed(() => set(''))
    await set(OWN)
    const { card, records } = await alert(world.groups.oncall)
    expect(view(world, card, world.people.li).cardTemplateId).toBe(PUBLIC_TEMPLATE)
    const sent = records.filter(({ kind }) => kind === 'group')
    expect(sent).toMatchObject([{ status: 'success', reason_code: null, note: 'TEMPLATE_FALLBACK' }])
    expect(triedWith(OWN)).toHaveLength(1)
    const told = await readyz(app.url)
    expect(told).toMatchObject({ missing: {}, notes: [expect.stringContaining(OWN)] })

    // It is not tried with every alert, but again once somebody has set it anew.
    await alert(world.groups.platform)
    expect(triedWith(OWN)).toHaveLength(1)
    await set(OWN)
    expect((await readyz(app.url)).notes).toEqual([])
    await alert(world.groups.platform)
    expect(triedWith(OWN)).toHaveLength(2)
    await set('')
    expect((await readyz(app.url)).notes).toEqual([])
  })
})

afterAll(() => {
  const errors = ['card-update-failed', 'card-deliver-failed', 'card-create-failed', 'template-refused']
  expectSilence(scene.world, scene.app.lines, { errors })
})
