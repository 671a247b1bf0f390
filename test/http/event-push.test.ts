import { randomBytes } from 'node:crypto'

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'

import { robotSignature } from '../sandbox/dingtalk/push-crypto.ts'
import type { EventForgery } from '../sandbox/dingtalk/types.ts'
import { readDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { chooseHttpMode, EVENT_KEYS, eventUrlOf, lead, localEventUrl } from '../support/http-door.ts'
import { changeIntegration, expectSilence, listGroups, openScene, type Scene } from '../support/journey.ts'
import { lockDatabase } from '../support/lock.ts'
import { readyz } from '../support/readyz.ts'
import { bootApp } from '../support/world.ts'

let scene: Scene
let url: string
beforeAll(async () => {
  scene = await openScene({
    dingtalk: { httpRetryDelaysMs: [200, ...Array.from({ length: 200 }, () => 1_000)] },
  })
  lead(scene.world, scene.app)
  url = await localEventUrl(scene.world, scene.app)
  await chooseHttpMode(scene.world)
})
afterAll(async () => {
  expectSilence(scene.world, scene.app.lines, {
    errors: ['event-late', 'event-not-stored', 'message-late', 'http-unavailable', 'stream-state', 'sweep-failed'],
  })
  await scene.close()
})

const renamed = (title: string, over: object = {}) => ({
  eventType: 'chat_update_title',
  data: {
    timeStamp: Date.now(),
    chatId: scene.world.groups.oncall.chatId,
    title,
    openConversationId: scene.world.groups.oncall.openConversationId,
    ...over,
  },
})

const titleOf = async (): Promise<string | undefined> => {
  const { openConversationId } = scene.world.groups.oncall
  return (await listGroups(scene.world)).find((group) => group.openConversationId === openConversationId)?.title
}

const post = (body: string, query = '', type = 'application/json', to = url): Promise<Response> =>
  fetch(`${to}${query}`, { method: 'POST', body, headers: { 'content-type': type } })

const journalOf = (businessId: string) =>
  readDatabase(scene.world, 'SELECT id FROM journal WHERE business_id = ?', businessId)

const inboxIds = () => readDatabase<{ id: string }>(scene.world, "SELECT id FROM inbox WHERE source = 'event'").length

describe('the address in the console', () => {
  test('is saved, since it answers the check, and events come by it', async () => {
    const { world } = scene
    await chooseHttpMode(world)
    const eventId = world.dingtalk.control.renameGroup(world.groups.oncall.openConversationId, '一组 (HTTP)')
    expect(await world.dingtalk.control.eventSettled(eventId)).toBe('success')
    expect(await titleOf()).toBe('一组 (HTTP)')
    const pushes = world.dingtalk.journal.of('http-push').filter(({ businessId }) => businessId === eventId)
    expect(pushes).toMatchObject([{ status: 200, reason: undefined }])
  })

  test.each([
    ['another key', { ...EVENT_KEYS, aesKey: '0'.repeat(43) }, 403],
    ['another token', { ...EVENT_KEYS, token: 'another' }, 403],
  ])('is not saved with %s', async (_what, keys, status) => {
    const { control } = scene.world.dingtalk
    const { clientId } = scene.world.dingtalkApp
    const saved = await control.setEventUrl(clientId, { url: await eventUrlOf(scene.world), ...keys })
    expect(saved).toMatchObject({ saved: false, reason: expect.stringContaining(String(status)) as string })
  })

  test('says nothing to whoever does not know it', async () => {
    const wrong = await post('{"encrypt":"x"}', '', 'application/json', url.replace(/=.*/, `=${'0'.repeat(32)}`))
    expect(wrong.status).toBe(404)
    const elsewhere = await post('{}', '', 'application/json', `${scene.app.url}/nowhere`)
    expect([await wrong.json(), elsewhere.status]).toEqual([await elsewhere.json(), 404])
  })

  test('shows a browser the state of the integration', async () => {
    const page = await (await fetch(url)).text()
    expect(page).toContain('事件订阅请求网址')
    expect(page).toMatch(/事件接收方式<[^>]*><[^>]*>Stream 模式推送（最近一次 20/)
  })
})

describe('a push that is not as it should be', () => {
  const forge = (forgery: EventForgery, title = `forged ${forgery}`) =>
    scene.world.dingtalk.control.forgeEvent(scene.world.dingtalkApp.clientId, renamed(title), forgery)

  test.each<[EventForgery, number, object]>([
    ['bad-signature', 403, { msg: 'event-push-refused', vendorError: 900005 }],
    ['wrong-owner', 403, { msg: 'event-push-refused', vendorError: 900010 }],
    ['wrong-padding', 403, { msg: 'event-push-refused', vendorError: 900008 }],
    ['wrong-key', 403, { msg: 'event-push-refused', vendorError: 900008 }],
    ['plain', 400, { msg: 'event-push-refused', why: 'not encrypted' }],
    ['not-json', 415, { msg: 'callback-refused', why: 'not application/json' }],
  ])('%s: HTTP %i', async (forgery, status, line) => {
    const before = inboxIds()
    const from = scene.app.lines.length
    expect((await forge(forgery)).status).toBe(status)
    expect(scene.app.lines.slice(from)).toContainEqual(expect.objectContaining(line))
    expect(inboxIds()).toBe(before)
    expect(await titleOf()).not.toContain('forged')
  })

  test('too large: HTTP 413, or a connection that is cut', async () => {
    expect([0, 413]).toContain((await forge('huge')).status)
  })

  test.each<[EventForgery]>([['old-names'], ['by-corporation']])('but %s is taken', async (forgery) => {
    const answer = await forge(forgery, `taken ${forgery}`)
    expect(answer.status).toBe(200)
    expect(Object.keys(JSON.parse(answer.text) as object).sort()).toEqual([
      'encrypt',
      'msg_signature',
      'nonce',
      'timeStamp',
    ])
    expect(await titleOf()).toBe(`taken ${forgery}`)
  })

  test('signed long ago is taken, and noted', async () => {
    const from = scene.app.lines.length
    expect((await forge('late', 'signed long ago')).status).toBe(200)
    const noted = scene.app.lines.slice(from).find(({ msg }) => msg === 'event-push-skewed')
    expect(Number(noted?.['skewMs'])).toBeGreaterThan(7_000_000)
  })

  test('replayed is a duplicate, and answered with success', async () => {
    const { control } = scene.world.dingtalk
    const { clientId } = scene.world.dingtalkApp
    const eventId = control.pushEvent(clientId, renamed('once'))
    expect(await control.eventSettled(eventId)).toBe('success')
    const before = inboxIds()
    expect((await forge('replay')).status).toBe(200)
    expect(inboxIds()).toBe(before)
    expect(scene.app.lines).toContainEqual(expect.objectContaining({ msg: 'event-duplicate', eventId }))
  })
})

test('an integration that is switched off says so', async () => {
  const { app } = scene
  await changeIntegration(scene, '--disable')
  try {
    const answer = await post('{"encrypt":"x"}')
    expect([answer.status, await answer.json()]).toMatchObject([403, { error: 'INTEGRATION_DISABLED' }])
  } finally {
    await changeIntegration(scene, '--enable')
    await eventually('it runs again', async () => (await readyz(app.url)).status === 200)
  }
})

describe('odd events', () => {
  test('of the register-callback era are read alike, and known again without an id', async () => {
    const { control } = scene.world.dingtalk
    const { clientId } = scene.world.dingtalkApp
    control.updateApp(clientId, { eventForm: 'legacy' })
    onTestFinished(() => void control.updateApp(clientId, { eventForm: 'current' }))
    const event = { ...renamed('旧格式'), bornTime: Date.now() }
    const before = inboxIds()
    for (let time = 0; time < 2; time++) {
      expect(await control.eventSettled(control.pushEvent(clientId, event))).toBe('success')
    }
    expect(await titleOf()).toBe('旧格式')
    expect(inboxIds()).toBe(before + 1)
  })

  test('of no known type are answered with success', async () => {
    const { control } = scene.world.dingtalk
    const { clientId } = scene.world.dingtalkApp
    const eventId = control.pushEvent(clientId, { eventType: 'label_user_change', data: { action: 'add' } })
    expect(await control.eventSettled(eventId)).toBe('success')
  })
})

test('through both doors the same event is taken once', async () => {
  const { control } = scene.world.dingtalk
  const { clientId } = scene.world.dingtalkApp
  const event = { ...renamed('两个门'), eventId: `both-${Date.now()}` }
  const before = inboxIds()
  for (const via of ['HTTP', 'STREAM', 'HTTP', 'STREAM'] as const) control.pushEvent(clientId, { ...event, via })
  expect(await control.eventSettled(event.eventId)).toBe('success')
  expect(inboxIds()).toBe(before + 1)
  expect(journalOf(event.eventId)).toHaveLength(1)
  expect(await titleOf()).toBe('两个门')
})

test('another process, and the same one after a restart, know an event that was taken in', async () => {
  const { world } = scene
  const { control } = world.dingtalk
  const { clientId } = world.dingtalkApp
  const event = { ...renamed('一次'), eventId: `again-${Date.now()}`, via: 'HTTP' as const }
  control.pushEvent(clientId, event)
  expect(await control.eventSettled(event.eventId)).toBe('success')
  const before = inboxIds()
  const other = await bootApp(world)
  try {
    lead(world, other)
    control.pushEvent(clientId, event)
    expect(await control.eventSettled(event.eventId)).toBe('success')
    // Other parts of it, just started, have lines of their own.
    expect(other.lines).toContainEqual(expect.objectContaining({ msg: 'event-duplicate', eventId: event.eventId }))
  } finally {
    lead(world, scene.app)
    await other.stop()
  }
  expect(inboxIds()).toBe(before)
})

test('while the database is locked a push is asked for again, then stored once', async () => {
  const { world } = scene
  const { control, journal } = world.dingtalk
  const before = inboxIds()
  const unlock = await lockDatabase(world.config.databasePath)
  let eventId: string
  try {
    eventId = control.pushEvent(world.dingtalkApp.clientId, { ...renamed('锁住时'), via: 'HTTP' })
    await journal.waitFor(
      'the refusal',
      (entry) => entry.type === 'http-push' && entry.businessId === eventId && entry.status === 500,
    )
  } finally {
    unlock()
  }
  expect(await control.eventSettled(eventId)).toBe('success')
  expect(await titleOf()).toBe('锁住时')
  expect(inboxIds()).toBe(before + 1)
})

test('what a person writes to the robot makes its group known here too, and is refused unsigned', async () => {
  const { world } = scene
  const to = url.replace('/event/push/', '/robot/push/')
  const { clientSecret } = world.dingtalkApp
  const write = (title: string, sign: (stamp: string) => string, stamp = String(Date.now())) => {
    const body = {
      msgId: `msg-${title}`,
      conversationId: 'cidWritten==',
      conversationType: '2',
      conversationTitle: title,
    }
    const headers = { 'content-type': 'application/json; charset=utf-8', timestamp: stamp, sign: sign(stamp) }
    return fetch(to, { method: 'POST', headers, body: JSON.stringify({ ...body, createAt: Date.now() }) })
  }
  expect((await write('冒名群', () => 'forged')).status).toBe(403)
  const sign = (stamp: string) => robotSignature(clientSecret, stamp)
  const stamp = String(Date.now())
  expect((await write('写过话的群', sign, stamp)).status).toBe(200)
  // Whoever has seen one signature cannot put words of their own under it.
  expect((await write('冒名群', sign, stamp)).status).toBe(403)
  const known = (await listGroups(world)).filter((group) => group.openConversationId === 'cidWritten==')
  expect(known.map(({ title }) => title)).toEqual(['写过话的群'])
  expect(journalOf('msg-写过话的群')).toHaveLength(1)

  const unlock = await lockDatabase(world.config.databasePath)
  try {
    expect((await write('锁住时写话的群', sign)).status).toBe(503)
  } finally {
    unlock()
  }
  expect((await write('锁住时写话的群', sign)).status).toBe(200)
  expect(journalOf('msg-锁住时写话的群')).toHaveLength(1)
})

test('hundreds of forged bodies are refused one like the other', async () => {
  const before = inboxIds()
  const statuses = new Set<number>()
  for (let batch = 0; batch < 20; batch++) {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => {
        const encrypt = randomBytes(16 * (index % 12)).toString('base64')
        const query = `&signature=${randomBytes(20).toString('hex')}&timestamp=${Date.now()}&nonce=n${index}`
        const bodies = [JSON.stringify({ encrypt }), encrypt, JSON.stringify([encrypt]), '{"encrypt":1}', '', '{']
        return post(bodies[index % bodies.length] ?? '', query)
      }),
    )
    for (const answer of answers) statuses.add(answer.status)
  }
  expect([...statuses].sort()).toEqual([400, 403])
  expect(inboxIds()).toBe(before)
})

test('switching the doors while events come loses none and doubles none', async () => {
  const { world, app } = scene
  const { control } = world.dingtalk
  const { clientId } = world.dingtalkApp
  const set = async (...flags: string[]): Promise<void> => {
    expect((await world.cli('integration', 'set', world.integrationId, ...flags)).code).toBe(0)
    // Amid the restart of the integration that follows.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const open = (): boolean => control.connections(clientId).length > 0
  const ids: string[] = []
  const group = (index: number): string => `cidSwitch${String(index).padStart(3, '0')}==`
  const enough = new AbortController()
  const pushing = (async () => {
    for (let index = 0; !enough.signal.aborted; index++) {
      const { coolAppCode } = world.dingtalkApp
      const where = { coolAppCode, robotCode: clientId, openConversationId: group(index) }
      const data = { operateTime: String(Date.now()), ...where }
      ids.push(control.pushEvent(clientId, { eventType: 'im_cool_app_uninstall', data }))
      await new Promise((resolve) => setTimeout(resolve, 40))
    }
  })()
  /** Some come in each of the modes. */
  const some = async (): Promise<void> => {
    const before = ids.length
    await eventually('some were pushed', () => ids.length >= before + 3)
  }
  try {
    control.updateApp(clientId, { eventMode: 'STREAM' })
    await some()
    await set('--events', 'http')
    control.updateApp(clientId, { eventMode: 'HTTP' })
    await some()
    await set('--stream', 'off')
    await eventually('the Stream is closed', () => !open())
    await some()
    await set('--stream', 'on')
    await eventually('the Stream is open', open)
    control.updateApp(clientId, { eventMode: 'STREAM' })
    await set('--events', 'stream')
    await some()
    await eventually('it is ready', async () => (await readyz(app.url)).status === 200)
  } finally {
    enough.abort()
    await pushing
    control.updateApp(clientId, { eventMode: 'HTTP' })
    // Of the changes before it some may not be taken up yet: the name tells that all are.
    await set('--events', 'stream', '--stream', 'on', '--name', '门都试过了')
    await eventually('all is taken up', () =>
      app.lines.some(({ msg, name }) => msg === 'integration-changed' && name === '门都试过了'),
    )
    await eventually('it is ready again', async () => (await readyz(app.url)).status === 200)
  }
  expect(await Promise.all(ids.map((id) => control.eventSettled(id)))).toEqual(ids.map(() => 'success'))
  const taken = readDatabase<{ id: string }>(world, "SELECT id FROM inbox WHERE source = 'event'").map(({ id }) => id)
  expect(ids.filter((id) => !taken.includes(`${world.integrationId}:${id}`))).toEqual([])
  const groups = readDatabase(world, "SELECT 1 FROM groups WHERE open_conversation_id LIKE 'cidSwitch%'")
  expect(groups).toHaveLength(ids.length)
})
