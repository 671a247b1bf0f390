import { afterEach, describe, expect, onTestFailed, test, afterAll } from 'vitest'

import type { ApiName, JournalEntry } from '../sandbox/dingtalk/types.ts'
import type { Incident } from '../sandbox/flashduty/types.ts'
import { eventually } from '../support/eventually.ts'
import {
  actsOn,
  answerOf,
  callsFor,
  cardsOf,
  endPatience,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  listGroups,
  type OperationRecord,
  press,
  recordsOf,
  settledRecords,
  theCardOf,
  useScene,
  view,
} from '../support/journey.ts'
import { lockDatabase } from '../support/lock.ts'
import { readyz } from '../support/readyz.ts'

const scene = useScene({
  // What has to be stored is held for as long as the lock lasts.
  overrides: { watchMs: 1_000, action: { clickLeaseMs: 600_000 }, delivery: { leaseMs: 600_000 } },
})
let release = (): void => {}
afterEach(() => {
  release()
  scene.world.dingtalk.control.clearFaults()
  scene.world.flashduty.control.clearFaults()
})

/** Somebody else writes to the database and does not come to an end. */
async function lock(): Promise<void> {
  release = await lockDatabase(scene.world.config.databasePath)
}

/** The same at the very moment DingTalk writes this into its journal, before any answer is on its way. */
function lockAt(moment: (entry: JournalEntry) => boolean): void {
  const unsubscribe = scene.world.dingtalk.journal.subscribe((entry) => {
    if (!moment(entry)) return
    unsubscribe()
    void lock()
  })
}

/** A call about that card alone: something of an earlier test may still be under way. */
const isRequest = (entry: JournalEntry, api: ApiName, text: string): boolean =>
  entry.type === 'request' && entry.api === api && JSON.stringify(entry.body).includes(text)

function linesOf(msg: string) {
  return scene.app.lines.filter((line) => line.msg === msg)
}

/** Resolves when the daemon has met the lock in this way once more. */
async function met(msg: string): Promise<void> {
  const before = linesOf(msg).length
  await eventually(`a line ${msg}`, () => linesOf(msg).length > before)
}

/** Of the event that names the groups: i_new may be taken in after it, and is on record then too. */
const isAssignment = ({ kind, event_type: type }: OperationRecord): boolean => kind === 'group' && type === 'i_assign'

async function alertGroup(title: string): Promise<{ incident: Incident; card: string }> {
  const { world } = scene
  const incident = await fire(world, { title, chats: [inGroup(world.groups.oncall)] })
  const card = await theCardOf(world, incident)
  await settledRecords(world, incident)
  return { incident, card }
}

describe('while another process holds the database', () => {
  test('an event is answered LATER and taken in when it comes again', async () => {
    const { world } = scene
    const { control, journal } = world.dingtalk
    const { platform } = world.groups
    await lock()
    const eventId = control.renameGroup(platform.openConversationId, '平台运维群（新）')
    const pushes = () => journal.of('frame-sent').filter(({ businessId }) => businessId === eventId)
    const replies = () =>
      journal.of('frame-received').filter(({ messageId }) => pushes().some((push) => push.messageId === messageId))
    await eventually('a reply', () => replies().length > 0)
    expect(JSON.stringify(replies()[0]?.frame)).toContain('LATER')
    release()

    expect(await control.eventSettled(eventId)).toBe('success')
    expect(new Set(pushes().map(({ messageId }) => messageId)).size).toBe(pushes().length)
    expect(replies()).toHaveLength(pushes().length)
    const known = (await listGroups(world)).find((row) => row.openConversationId === platform.openConversationId)
    expect(known?.title).toBe('平台运维群（新）')
    expect(linesOf('group-renamed').filter((line) => line['eventId'] === eventId)).toHaveLength(1)
  })

  test('presses are answered 服务暂不可用 in time, nothing is half done, and they count afterwards', async () => {
    const { world } = scene
    const { zhang, li } = world.people
    const { incident, card } = await alertGroup('库被锁住')
    await lock()
    const first = press(world, card, li, '认领')
    const second = press(world, card, zhang, '关闭')
    for (const pressed of [await first, await second]) {
      expect(answerOf(pressed).tips).toContain('服务暂不可用')
      expect(answerOf(pressed).title).toContain('待处理')
    }
    expect(actsOn(world, incident)).toEqual([])
    release()

    expect((await recordsOf(world, incident)).filter(({ kind }) => kind === 'action')).toEqual([])
    expect(answerOf(await press(world, card, li, '认领')).title).toContain('处理中')
    await everybodySees(world, card, '处理中')
    expect(actsOn(world, incident)).toHaveLength(1)
  })

  test('a person of another corporation gets the sentence, and nothing of the incident', async () => {
    const { world } = scene
    const { card } = await alertGroup('外人看不到')
    await lock()
    const { userId } = world.people.li.user
    const foreign = { outTrackId: card, userId, buttonId: 'ack~1', force: true, corpId: 'dingelsewhere' }
    const pressed = await world.dingtalk.control.press(foreign)
    expect(answerOf(pressed).tips).toContain('服务暂不可用')
    expect(JSON.stringify(pressed.outcome === 'answered' && pressed.response)).not.toContain('外人看不到')
  })

  test('a job is delayed, and taken in once afterwards', async () => {
    const { world } = scene
    await lock()
    const delayed = met('deliver-delayed')
    const incident = await fire(world, { title: '迟到的告警', chats: [inGroup(world.groups.oncall)] })
    await delayed
    release()
    const card = await theCardOf(world, incident)
    const records = await settledRecords(world, incident)
    expect(records.filter(isAssignment)).toMatchObject([{ status: 'success', note: null }])
    expect(callsFor(world, 'createAndDeliver', card)).toHaveLength(1)
  })

  test('a card that DingTalk has is not told again because the answer could not be stored at once', async () => {
    const { world } = scene
    lockAt((entry) => isRequest(entry, 'createAndDeliver', '记不下来'))
    const incident = await fire(world, { title: '记不下来', chats: [inGroup(world.groups.oncall)] })
    const card = await theCardOf(world, incident)
    // Until something that came later has been refused.
    const eventId = world.dingtalk.control.renameGroup(world.groups.platform.openConversationId, '平台运维群')
    await met('event-not-stored')
    release()

    expect(await world.dingtalk.control.eventSettled(eventId)).toBe('success')
    const records = await settledRecords(world, incident)
    expect(records.filter(isAssignment)).toMatchObject([{ status: 'success', note: null }])
    expect(callsFor(world, 'createAndDeliver', card)).toHaveLength(1)
    expect(callsFor(world, 'deliver', card)).toEqual([])
    await world.flashduty.control.act(incident.incident_id, 'resolve')
    await everybodySees(world, card, '已恢复')
  })

  test('a press that Flashduty has carried out is not forgotten', async () => {
    const { world } = scene
    const { li } = world.people
    const { incident, card } = await alertGroup('点了记不下')
    let locked = false
    const unsubscribe = world.flashduty.control.subscribe((happening) => {
      if (happening.kind !== 'request' || happening.request.path !== '/incident/ack') return
      if (happening.request.status !== 200) return
      void lock().then(() => (locked = true))
    })
    const pressed = press(world, card, li, '认领')
    await endPatience(scene.app, 'Flashduty has done it', () => locked)
    expect(answerOf(await pressed).tips).toBe('处理中，卡片稍后更新')
    unsubscribe()
    // Until something that came later has been refused.
    world.dingtalk.control.renameGroup(world.groups.platform.openConversationId, '平台运维群')
    await met('event-not-stored')
    release()
    await everybodySees(world, card, '处理中')
    const records = await settledRecords(world, incident)
    expect(records.filter(({ kind }) => kind === 'action')).toMatchObject([{ status: 'success' }])
    expect(actsOn(world, incident)).toHaveLength(1)
  })

  test('an update that DingTalk has done is not sent again', async () => {
    const { world } = scene
    const { incident, card } = await alertGroup('更新记不下来')
    lockAt((entry) => isRequest(entry, 'updateCard', card))
    await world.flashduty.control.act(incident.incident_id, 'ack', world.people.zhang.member.member_id)
    await everybodySees(world, card, '处理中')
    world.dingtalk.control.renameGroup(world.groups.platform.openConversationId, '平台运维群')
    await met('event-not-stored')
    release()
    const records = await settledRecords(world, incident)
    expect(records.filter(({ event_type: type }) => type === 'i_ack')).toMatchObject([{ status: 'updated' }])
    expect(callsFor(world, 'updateCard', card)).toHaveLength(1)
  })

  test('a card whose turn it was keeps its turn', async () => {
    const { world } = scene
    const busy = { status: 503, body: { code: 'ServiceUnavailable', message: 'busy' } }
    world.dingtalk.control.addFault({ api: 'createAndDeliver', effect: { kind: 'answer', ...busy } })
    const failed = met('card-create-failed')
    const incident = await fire(world, { title: '轮到时锁住', chats: [inGroup(world.groups.oncall)] })
    await failed
    await lock()
    await met('tick-delayed')
    release()
    await theCardOf(world, incident)
    await settledRecords(world, incident)
    expect(cardsOf(world, incident)).toHaveLength(1)
  })
})

test('a command of the CLI that cannot write says so and changes nothing', async () => {
  const { world } = scene
  await lock()
  const refused = await world.cli('links', 'remove', '--dingtalk-user', world.people.li.user.userId)
  expect(refused).toMatchObject({ code: 1, out: '' })
  expect(refused.err).toContain('SQLITE_BUSY')
  expect((await world.cli('links', 'list')).out).toContain(world.people.li.user.userId)
  release()
})

describe('what is changed on the CLI is seen by the running daemon', () => {
  test('an integration switched off and on again', async () => {
    const { world, app } = scene
    const { clientId } = world.dingtalkApp
    const { control } = world.dingtalk
    const busy = { status: 503, body: { code: 'ServiceUnavailable', message: 'busy' } }
    control.addFault({ api: 'createAndDeliver', times: 100, effect: { kind: 'answer', ...busy } })
    const failed = met('card-create-failed')
    const waiting = await fire(world, { title: '停用前的告警', chats: [inGroup(world.groups.oncall)] })
    await failed

    onTestFailed(async () => void (await world.cli('integration', 'set', world.integrationId, '--enable')))
    expect((await world.cli('integration', 'set', world.integrationId, '--disable')).code).toBe(0)
    await eventually('the connection is given up', () => control.connections(clientId).length === 0)
    expect(await readyz(app.url)).toMatchObject({
      status: 503,
      missing: { integration: expect.stringContaining('integration') as string },
    })
    const refused = await fire(world, { title: '停用时的告警', chats: [inGroup(world.groups.oncall)] })
    await eventually('both its events are refused', async () => {
      const refusals = (await recordsOf(world, refused)).map(({ reason_code: reason }) => reason)
      expect(refusals).toEqual(['INTEGRATION_DISABLED', 'INTEGRATION_DISABLED'])
      return true
    })

    control.clearFaults()
    expect((await world.cli('integration', 'set', world.integrationId, '--enable')).code).toBe(0)
    await eventually('the connection is back', () => control.connections(clientId).length === 2)
    await eventually('ready', async () => (await readyz(app.url)).status === 200)
    await theCardOf(world, waiting)
    await settledRecords(world, waiting)
    expect(cardsOf(world, refused)).toEqual([])
  })

  test('credentials that are wrong, and right again', async () => {
    const { world, app } = scene
    const { clientSecret } = world.dingtalkApp
    const set = ['integration', 'set', world.integrationId, '--client-secret']
    onTestFailed(async () => void (await world.cli(...set, clientSecret)))
    expect((await world.cli(...set, 'not-the-secret')).code).toBe(0)
    await eventually('the stream is refused', async () => (await readyz(app.url)).status === 503)
    await eventually('the reason is told', async () => {
      expect((await readyz(app.url)).missing['stream of 钉钉值班']).toContain('APP_CREDENTIAL_INVALID')
      return true
    })
    const failed = met('card-create-failed')
    const incident = await fire(world, { title: '凭证有误', chats: [inGroup(world.groups.oncall)] })
    await failed
    expect((await world.cli(...set, clientSecret)).code).toBe(0)
    await eventually('the stream is open', async () => (await readyz(app.url)).status === 200)
    await theCardOf(world, incident)
    await settledRecords(world, incident)
  })

  test('a second integration, added and removed', async () => {
    const { world, app } = scene
    const { control } = world.dingtalk
    // Of a corporation of its own, so that no event of the others is pushed to it.
    const second = control.createApp({ corpId: 'dingsecondcorporation' })
    const first = await eventually('the first one has all its connections', () => {
      const open = control.connections(world.dingtalkApp.clientId)
      return open.length === 2 && open
    })
    const added = await world.cli(
      ...['integration', 'add', '--json', '--name', '第二集成', '--corp-id', second.corpId],
      ...['--agent-id', second.agentId, '--client-id', second.clientId, '--client-secret', second.clientSecret],
      ...['--aes-key', 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG', '--token', 'demoToken02'],
    )
    expect(added).toMatchObject({ code: 0, err: '' })
    const { id } = JSON.parse(added.out) as { id: string }
    onTestFailed(async () => void (await world.cli('integration', 'remove', id, '--yes')))
    await eventually('its connection', () => control.connections(second.clientId).length === 2)
    await eventually('ready', async () => (await readyz(app.url)).status === 200)
    expect((await world.cli('integration', 'remove', id, '--yes')).code).toBe(0)
    await eventually('it is gone', () => control.connections(second.clientId).length === 0)
    expect((await readyz(app.url)).status).toBe(200)
    expect(control.connections(world.dingtalkApp.clientId)).toEqual(first)
  })

  test('links, by the very next press and the very next alert', async () => {
    const { world } = scene
    const { li } = world.people
    const { incident, card } = await alertGroup('换人')
    const user = ['--dingtalk-user', li.user.userId]
    const member = ['--member', String(li.member.member_id), '--member-key', li.member.app_key]
    onTestFailed(async () => void (await world.cli('links', 'add', ...user, ...member)))
    expect((await world.cli('links', 'remove', ...user)).code).toBe(0)
    expect(answerOf(await press(world, card, li, '认领')).tips).toContain('未关联应用')
    const untold = await fire(world, { title: '找不到李四', personIds: [li.member.member_id] })
    const records = await eventually('the assignment is taken in', async () => {
      const found = (await settledRecords(world, untold)).filter(({ kind }) => kind === 'person')
      return found.length > 0 && found
    })
    expect(records).toMatchObject([{ reason_code: 'NOT_LINKED' }])

    expect((await world.cli('links', 'add', ...user, ...member)).code).toBe(0)
    expect(answerOf(await press(world, card, li, '认领')).title).toContain('处理中')
    const told = await fire(world, { title: '找得到李四', personIds: [li.member.member_id] })
    expect(view(world, await theCardOf(world, told), li).title).toContain('找得到李四')
    expect(actsOn(world, incident)).toHaveLength(1)
    await settledRecords(world, told)
  })
})

afterAll(async () => {
  const errors = ['event-not-stored', 'press-not-stored', 'delivery-refused', 'card-create-failed', 'sweep-failed']
  expectSilence(scene.world, scene.app.lines, { errors })
})
