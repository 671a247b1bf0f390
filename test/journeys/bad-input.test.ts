import { randomUUID } from 'node:crypto'

import { describe, expect, test, afterAll } from 'vitest'

import type { IncidentEvent } from '../sandbox/flashduty/types.ts'
import { readDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { composeIncident, endedJob, enqueue, followUp, readJob, retryJob } from '../support/jobs.ts'
import {
  actsOn,
  answerOf,
  buttonTexts,
  callsFor,
  cardsOf,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  listGroups,
  listRecords,
  press,
  recordsOf,
  settledRecords,
  theCardOf,
  useScene,
  view,
} from '../support/journey.ts'
import { CARD_TOPIC, pushPress } from '../support/push-press.ts'

const scene = useScene()

/** An alert in the group of everybody, which is what still has to work after whatever was thrown at the daemon. */
async function expectStillDelivering(title: string): Promise<void> {
  const { world } = scene
  const incident = await fire(world, { title, chats: [inGroup(world.groups.oncall)] })
  const card = await theCardOf(world, incident)
  expect(answerOf(await press(world, card, world.people.li, '认领')).title).toContain('处理中')
  await everybodySees(world, card, '处理中')
  await settledRecords(world, incident)
}

describe('a job that cannot be read', () => {
  type Change = (body: IncidentEvent) => unknown
  const without = (...keys: string[]): Change => {
    return (body) => Object.fromEntries(Object.entries(body).filter(([key]) => !keys.includes(key)))
  }
  const bad: [path: string, change: Change][] = [
    ['incident', without('incident')],
    ['incident.incident_id', (body) => followUp(body, { incident: { incident_id: 7 } })],
    ['incident.incident_id', (body) => followUp(body, { incident: { incident_id: '{{incident.incident_id}}' } })],
    ['incident.incident_id', (body) => followUp(body, { incident: { incident_id: 'x'.repeat(65) } })],
    ['(body)', (body) => followUp(body, { incident: { description: 'x'.repeat(1_100_000) } })],
    ['(body)', () => ['not', 'an', 'object']],
    ['(body)', () => 'not an object'],
    ['(body)', () => 7],
  ]

  test.each(bad)('at %s fails at once, with one record that says so', async (path, change) => {
    const { world } = scene
    const { assigned } = await composeIncident(world, { title: '坏任务', chats: [inGroup(world.groups.oncall)] })
    const body = change(assigned)
    const jobId = await enqueue(world, body)

    const job = await endedJob(world, jobId)
    expect(job).toMatchObject({ state: 'failed', attemptsMade: 1, data: body })
    expect(job.failedReason).toContain(`INVALID_PAYLOAD at ${path}: `)
    const records = await listRecords(world, '--target', jobId)
    expect(records).toMatchObject([
      {
        record_key: `job:${jobId}`,
        kind: 'job',
        status: 'failed',
        reason_code: 'INVALID_PAYLOAD',
        failed_reason: '任务格式错误',
        duplicates: 0,
      },
    ])
    expect(records[0]?.detail).toMatch(new RegExp(`^${path.replaceAll(/[().]/g, String.raw`\$&`)}: .`))
    const told = scene.app.lines.filter((line) => line.msg === 'delivery-invalid' && line['jobId'] === jobId)
    expect(told).toMatchObject([{ level: 'warn', path }])
  })

  test('names the event and the incident as far as they can be read, and reaches nobody', async () => {
    const { world } = scene
    const { incident, assigned } = await composeIncident(world, { chats: [inGroup(world.groups.oncall)] })
    const body = followUp(assigned, { incident: { description: 'x'.repeat(1_100_000) } })
    const jobId = await enqueue(world, body)
    await endedJob(world, jobId)
    const seen = (await world.cli('records', '--incident', incident.incident_id)).out
    expect(seen).toContain('任务格式错误')
    expect(await recordsOf(world, incident)).toMatchObject([
      { record_key: `job:${jobId}`, event_id: body.event_id, incident_id: incident.incident_id },
    ])
    await expectStillDelivering('坏任务之后')
    expect(cardsOf(world, incident)).toEqual([])
    expect(await readJob(world, jobId)).toMatchObject({ state: 'failed', attemptsMade: 1, data: body })
  })

  test('stays one record when somebody has it run again, and its event can still be delivered', async () => {
    const { world } = scene
    const { incident, assigned } = await composeIncident(world, { chats: [inGroup(world.groups.oncall)] })
    const broken = { ...assigned, incident: { ...assigned.incident, incident_id: ['broken'] } }
    const jobId = await enqueue(world, broken)
    await endedJob(world, jobId)
    await retryJob(world, jobId)
    const counted = 'select 1 from records where target_id = ? and duplicates = 1'
    await eventually('the second run is counted', () => readDatabase(world, counted, jobId).length > 0)
    const failed = { status: 'failed', reason_code: 'INVALID_PAYLOAD', duplicates: 1 }
    expect(await listRecords(world, '--target', jobId)).toMatchObject([failed])

    await enqueue(world, assigned)
    await theCardOf(world, incident)
    const records = await settledRecords(world, incident)
    expect(records.map(({ kind, status }) => [kind, status])).toEqual([['group', 'success']])
  })

  test('with a body beyond all measure costs nobody else anything', async () => {
    const { world } = scene
    const jobId = await enqueue(world, { event_id: randomUUID(), incident: { title: 'x'.repeat(5_000_000) } })
    await endedJob(world, jobId)
    expect(await listRecords(world, '--target', jobId)).toMatchObject([{ reason_code: 'INVALID_PAYLOAD' }])
    await expectStillDelivering('巨大任务之后')
  })
})

describe('an event that asks for nothing we do', () => {
  test.each(['a_new', 'a_close', 'i_shiny', 'shiny'])('%s is skipped, once however often it comes', async (type) => {
    const { world } = scene
    const { incident, assigned } = await composeIncident(world, { chats: [inGroup(world.groups.oncall)] })
    const body = { ...assigned, event_type: type }
    for (const jobId of [await enqueue(world, body), await enqueue(world, body)]) {
      expect(await endedJob(world, jobId)).toMatchObject({ state: 'completed' })
    }
    expect(await recordsOf(world, incident)).toMatchObject([
      { kind: 'none', event_type: type, status: 'skipped', reason_code: 'UNSUPPORTED_EVENT', duplicates: 1 },
    ])
    expect(cardsOf(world, incident)).toEqual([])
  })

  test('an alert event without an incident is no failure either', async () => {
    const { world } = scene
    const eventId = randomUUID()
    const jobId = await enqueue(world, { event_id: eventId, event_time: Date.now(), event_type: 'a_new', alert: {} })
    expect(await endedJob(world, jobId)).toMatchObject({ state: 'completed' })
    const records = (await listRecords(world, '--status', 'skipped')).filter(({ event_id: id }) => id === eventId)
    expect(records).toMatchObject([{ reason_code: 'UNSUPPORTED_EVENT' }])
  })
})

describe('a delivery to nobody we know', () => {
  test('an integration that does not exist: one failed record, and somebody is told', async () => {
    const { world } = scene
    const { incident, assigned } = await composeIncident(world, { chats: [inGroup(world.groups.oncall)] })
    const body = followUp(assigned, { delivery: { integration_id: 999 } })
    expect(await endedJob(world, await enqueue(world, body))).toMatchObject({ state: 'completed' })
    expect(await recordsOf(world, incident)).toMatchObject([
      { kind: 'none', status: 'failed', reason_code: 'INTEGRATION_NOT_FOUND', failed_reason: '集成不存在' },
    ])
    const told = scene.app.lines.filter(
      (line) => line.msg === 'delivery-refused' && line['incidentId'] === incident.incident_id,
    )
    expect(told).toMatchObject([{ level: 'error', reason: 'INTEGRATION_NOT_FOUND' }])

    // Corrected in Flashduty and sent again: the alert arrives.
    await enqueue(world, followUp(body, { delivery: { integration_id: assigned.delivery?.['integration_id'] } }))
    await theCardOf(world, incident)
    await settledRecords(world, incident)
  })

  test('each unknown group and unlinked person has a failed record with its reason; the others have the card', async () => {
    const { world } = scene
    const { oncall, platform } = world.groups
    const { zhang, li, wang } = world.people
    const { control } = world.dingtalk
    const memberUserIds = [zhang, li].map(({ user }) => user.userId)
    const bare = control.createGroup({ title: '没装酷应用的群', memberUserIds })
    const left = control.createGroup({ title: '卸载了的群', memberUserIds })
    control.installCoolApp(left.openConversationId, world.dingtalkApp.clientId)
    await eventually('the group is known', async () =>
      (await listGroups(world)).some((row) => row.openConversationId === left.openConversationId && row.title),
    )
    const removed = control.uninstallCoolApp(left.openConversationId, world.dingtalkApp.clientId)
    expect(await control.eventSettled(removed)).toBe('success')

    const incident = await fire(world, {
      title: '有人找不到',
      chats: [
        { chat_id: 'cidNobodyKnows==', chat_name: '写错的群' },
        inGroup(oncall),
        inGroup(bare),
        { chat_id: '../../etc/passwd;IM_GROUP.cid' },
        inGroup(left),
        inGroup(platform),
        inGroup(oncall),
      ],
      personIds: [wang.member.member_id, li.member.member_id, li.member.member_id],
      delivery: { person_ids: [424_242, wang.member.member_id, li.member.member_id, li.member.member_id] },
    })
    const card = await theCardOf(world, incident)
    const records = await settledRecords(world, incident)
    const told = records.filter(({ event_type: type }) => type === 'i_assign')
    const rows = told.map(({ kind, target_id: id, status, reason_code: why }) => [kind, id, status, why])
    expect(rows.sort()).toEqual(
      [
        ['group', 'cidNobodyKnows==', 'failed', 'COOL_APP_NOT_INSTALLED'],
        ['group', oncall.openConversationId, 'success', null],
        ['group', bare.openConversationId, 'failed', 'COOL_APP_NOT_INSTALLED'],
        ['group', '../../etc/passwd;IM_GROUP.cid', 'failed', 'COOL_APP_NOT_INSTALLED'],
        ['group', left.openConversationId, 'failed', 'COOL_APP_NOT_INSTALLED'],
        ['group', platform.openConversationId, 'success', null],
        ['person', 'member:424242', 'failed', 'NOT_LINKED'],
        ['person', `member:${wang.member.member_id}`, 'failed', 'NOT_LINKED'],
        ['person', li.user.userId, 'success', null],
      ].sort(),
    )
    expect(told.find(({ target_id: id }) => id === 'cidNobodyKnows==')).toMatchObject({
      target_name: '写错的群',
      failed_reason: '群未安装酷应用',
    })
    expect(told.find(({ target_id: id }) => id === `member:${wang.member.member_id}`)).toMatchObject({
      target_name: '王五',
      failed_reason: '未关联应用',
    })
    expect(Object.keys(control.placementsOf(card))).toHaveLength(3)
    expect(callsFor(world, 'createAndDeliver', card)).toHaveLength(1)
    expect(control.placementsOf(card)[bare.openConversationId]).toBeUndefined()
  })

  test('nobody at all is a record too', async () => {
    const { world } = scene
    const incident = await fire(world, { title: '没有目标', chats: [], personIds: [] })
    const records = await eventually('both events are recorded', async () => {
      const rows = await recordsOf(world, incident)
      return rows.length === 2 && rows
    })
    expect(records.every(({ status, reason_code: why }) => status === 'skipped' && why === 'NO_TARGET')).toBe(true)
    expect(cardsOf(world, incident)).toEqual([])
  })
})

describe('frames that are none', () => {
  const headers = (fields: Record<string, unknown>) => ({ time: '1', contentType: 'application/json', ...fields })
  const dropped: [what: string, raw: string | Buffer][] = [
    ['not JSON', 'not JSON'],
    ['cut in half', '{"specVersion":"1.0","type":"EVENT","headers":{"topic":"*","mess'],
    ['empty', ''],
    ['a list', '[]'],
    ['null', 'null'],
    ['an object with nothing in it', '{}'],
    ['no headers', JSON.stringify({ specVersion: '1.0', type: 'EVENT', data: '{}' })],
    ['headers that are a text', JSON.stringify({ type: 'EVENT', headers: 'topic: *', data: '{}' })],
    ['no messageId', JSON.stringify({ type: 'EVENT', headers: headers({ topic: '*' }), data: '{}' })],
    [
      'no topic',
      JSON.stringify({ type: 'EVENT', headers: headers({ messageId: 'x' }), data: '{}' }).replace('"x"', '{}'),
    ],
    ['binary', Buffer.from([0x00, 0xff, 0xfe, 0x80])],
    ['binary that would be JSON', Buffer.from('{"type":"EVENT","headers":{"topic":"*"},"data":"{}"}')],
    ['300 KiB of nothing', 'x'.repeat(300 * 1024)],
    ['300 KiB of brackets', '['.repeat(300 * 1024)],
  ]
  test('are counted and dropped, and the connection goes on working', async () => {
    const { world, app } = scene
    const { control, journal } = world.dingtalk
    const connections = control.connections(world.dingtalkApp.clientId)
    const malformed = () => app.lines.filter(({ msg }) => msg === 'frame-malformed')
    const before = malformed().length
    const closed = journal.of('stream-close').length
    for (const [what, raw] of dropped) {
      const known = malformed().length
      control.sendRaw(world.dingtalkApp.clientId, raw, connections[0])
      await eventually(`the frame "${what}" is counted`, () => malformed().length === known + 1)
    }
    const counted = malformed().slice(before)
    expect(counted.map((line) => line['malformed'])).toEqual(dropped.map((_, index) => before + index + 1))
    expect(counted.every(({ level }) => level === 'warn')).toBe(true)

    await expectStillDelivering('坏帧之后')
    expect(control.connections(world.dingtalkApp.clientId)).toEqual(connections)
    expect(journal.of('stream-close')).toHaveLength(closed)
    expect(journal.of('violation')).toEqual([])
  })

  const unknown: [what: string, frame: Record<string, unknown>][] = [
    ['a topic nobody subscribed to', { type: 'CALLBACK', headers: { topic: '/v1.0/im/bot/messages/get' }, data: '{}' }],
    ['a type nobody heard of', { type: 'GOSSIP', headers: { topic: '*' }, data: '{}' }],
    ['an event whose data is a number', { type: 'EVENT', headers: { topic: '*' }, data: 7 }],
    ['an event without type and id', { type: 'EVENT', headers: { topic: '*' }, data: '{}' }],
    ['a press without a card', { type: 'CALLBACK', headers: { topic: CARD_TOPIC }, data: '{"userId":"u"}' }],
    ['a press that is a list', { type: 'CALLBACK', headers: { topic: CARD_TOPIC }, data: '[]' }],
    ['a press without data', { type: 'CALLBACK', headers: { topic: CARD_TOPIC } }],
  ]
  test.each(unknown)('%s is answered once, as not known here', async (what, frame) => {
    const { world } = scene
    const { control, journal } = world.dingtalk
    const messageId = `raw-${randomUUID()}`
    const withId = { ...frame, headers: { ...(frame['headers'] as object), messageId } }
    const [first] = control.connections(world.dingtalkApp.clientId)
    control.sendRaw(world.dingtalkApp.clientId, JSON.stringify(withId), first)
    const reply = await journal.waitFor(
      what,
      (entry) => entry.type === 'frame-received' && entry.messageId === messageId,
    )
    expect(reply).toMatchObject({ frame: { code: 404, headers: { messageId } } })
  })

  test('an event with fields of the wrong kind is taken note of and changes nothing', async () => {
    const { world } = scene
    const { control } = world.dingtalk
    const before = await listGroups(world)
    const { clientId } = world.dingtalkApp
    const odd = [
      control.pushEvent(clientId, { eventType: 'chat_update_title', data: { openConversationId: 7, title: [] } }),
      control.pushEvent(clientId, { eventType: 'chat_update_title', data: {} }),
      control.pushEvent(clientId, { eventType: 'im_cool_app_install', data: { openConversationId: null } }),
      control.pushEvent(clientId, { eventType: 'im_cool_app_uninstall', data: { operateTime: 'soon' } }),
      control.pushEvent(clientId, { eventType: 'constructor', data: {} }),
      control.pushEvent(clientId, { eventType: '__proto__', data: {} }),
      control.pushEvent(clientId, { eventType: 'something_new', data: { a: { b: 'x'.repeat(200_000) } } }),
    ]
    for (const eventId of odd) expect(await control.eventSettled(eventId)).toBe('success')
    expect(await listGroups(world)).toEqual(before)
  })

  test('one too large for any limit ends the connection, and the next one is opened at once', async () => {
    const { world } = scene
    const { control, journal } = world.dingtalk
    const { clientId } = world.dingtalkApp
    const [connection] = control.connections(clientId)
    control.sendRaw(clientId, 'x'.repeat(5 * 1024 * 1024), connection)
    await journal.waitFor('the end', (entry) => entry.type === 'stream-close' && entry.connectionId === connection)
    await eventually('another connection', () => {
      const live = control.connections(clientId)
      return live.length === 2 && !live.includes(connection ?? '')
    })
    await expectStillDelivering('巨帧之后')
  })
})

describe('presses that cannot be ours', () => {
  async function alertGroup(title: string) {
    const { world } = scene
    const incident = await fire(world, { title, chats: [inGroup(world.groups.oncall)] })
    const card = await theCardOf(world, incident)
    await settledRecords(world, incident)
    return { incident, card }
  }

  test('from another corporation: told that it is not theirs, and nothing happens to it', async () => {
    const { world } = scene
    const { zhang, li } = world.people
    const { incident, card } = await alertGroup('别家公司来点')
    const asked = world.flashduty.control.requests().length
    const spaceId = 'cidGroupOfSomebodyElse=='
    const answer = await pushPress(scene.world, {
      outTrackId: card,
      userId: li.user.userId,
      corpId: 'dingsomebodyelse',
      spaceId,
    })
    expect(answer['tips']).toContain('非本企业成员不能操作此卡片')
    // Nothing of the incident goes to people it is none of the business of.
    expect(JSON.stringify(answer)).not.toContain('别家公司来点')
    expect((await listGroups(world)).map((group) => group.openConversationId)).not.toContain(spaceId)
    expect(actsOn(world, incident)).toEqual([])
    const since = world.flashduty.control.requests().slice(asked)
    expect(since.filter(({ body }) => JSON.stringify(body).includes(incident.incident_id))).toEqual([])
    expect(view(world, card, zhang).title).toContain('待处理')
    const records = await listRecords(world, '--target', li.user.userId)
    expect(
      records.filter(({ kind, reason_code: why }) => kind === 'action' && why === 'OTHER_CORPORATION'),
    ).toHaveLength(1)
    // i_new may be taken in after the event that names the group.
    const told = await eventually('both events are on record', async () => {
      const rows = (await recordsOf(world, incident)).filter(({ kind }) => kind !== 'action')
      return rows.length >= 2 && rows
    })
    expect(told.map(({ event_type: type }) => type).sort()).toEqual(['i_assign', 'i_new'])
    expect(told.find(({ event_type: type }) => type === 'i_assign')).toMatchObject({ status: 'success' })
    expect(callsFor(world, 'updateCard', card)).toEqual([])
  })

  test.each([
    ['one that was never made', 'fd-000000000000000000000000-aaaaaaaaaaaaaaaaaaaaaaaa'],
    ['one of a name without end', 'x'.repeat(20_000)],
    ['one with a name for a database', "fd-'; drop table cards; --"],
  ])('on a card nobody knows, %s', async (_what, outTrackId) => {
    const { world } = scene
    const user = world.dingtalk.control.createUser({ name: '路人' })
    const answer = await pushPress(scene.world, { outTrackId, userId: user.userId })
    expect(answer).toEqual({ tips: expect.stringContaining('卡片已失效') })
    const records = await listRecords(world, '--target', user.userId)
    expect(records).toMatchObject([{ kind: 'action', status: 'failed', reason_code: 'CARD_UNKNOWN' }])
  })

  test('by buttons that no card of ours ever had, of whatever length and kind', async () => {
    const { world } = scene
    const { li } = world.people
    const { incident, card } = await alertGroup('没见过的按钮')
    const odd = [
      'ack~-1',
      'ack~1.5',
      'ack~99999999999',
      'ack.5~1',
      'ACK~1',
      'snooze.0~1',
      'snooze.1441~1',
      'snooze.2e3~1',
      'resolve~1; drop table clicks',
      '__proto__~1',
      'x'.repeat(20_000),
    ]
    for (const buttonId of odd) {
      const answer = await pushPress(scene.world, { outTrackId: card, userId: li.user.userId }, buttonId)
      expect(answer['tips']).toContain('按钮已失效')
      expect(answer['title']).toContain('待处理')
    }
    expect(actsOn(world, incident)).toEqual([])
    const presses = (await recordsOf(world, incident)).filter(({ kind }) => kind === 'action')
    expect(presses.map(({ reason_code: why }) => why)).toEqual(odd.map(() => 'BUTTON_UNKNOWN'))
    expect(callsFor(world, 'updateCard', card)).toEqual([])
  })

  test('of a revision that is yet to come: Flashduty decides, as with any other', async () => {
    const { world } = scene
    const { li } = world.people
    const { incident, card } = await alertGroup('未来的按钮')
    const answer = await pushPress(scene.world, { outTrackId: card, userId: li.user.userId }, 'ack~4711')
    expect(answer['title']).toContain('处理中')
    await everybodySees(world, card, '处理中')
    expect(actsOn(world, incident, 'ack')).toHaveLength(1)
    await settledRecords(world, incident)
  })

  test('by a user who is nobody', async () => {
    const { world } = scene
    const { incident, card } = await alertGroup('不存在的人')
    const answer = await pushPress(scene.world, { outTrackId: card, userId: 'nobody-at-all' })
    expect(answer['tips']).toContain('未关联应用')
    expect(actsOn(world, incident)).toEqual([])
    const presses = (await recordsOf(world, incident)).filter(({ kind }) => kind === 'action')
    expect(presses).toMatchObject([{ target_id: 'nobody-at-all', reason_code: 'NOT_LINKED' }])
    expect(buttonTexts(view(world, card, world.people.li))).toEqual(['认领', '关闭', '查看详情', '快速静默', '刷新'])
  })
})

afterAll(() => {
  expectSilence(scene.world, scene.app.lines, { errors: ['delivery-refused'] })
})
