import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type Daemon, startDaemon } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { composeIncident, endedJob, enqueue } from '../support/jobs.ts'
import { everybodySees, fire, inGroup, install, press, settledRecords, theCardOf, view } from '../support/journey.ts'
import { createWorld, type World } from '../support/world.ts'

const AES_KEY = 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG'
const TOKEN = 'demoToken01'
const REDIS_PASSWORD = 'hush-redis-password'
const WRONG_SECRET = 'hush-a-client-secret-that-is-wrong'
const WRONG_KEY = 'hush-a-member-key-that-is-wrong'
const SESSION = 'hush-session-webhook-token'

let world: World
let daemon: Daemon
let watcher: Redis
/** Every command that Redis carried out, those of scripts with their arguments too. */
const commands: string[] = []
const printedByCli: string[] = []

beforeAll(async () => {
  world = await createWorld({
    dingtalk: { redeliveryDelaysMs: [300, ...Array.from({ length: 200 }, () => 1_000)], systemPingMs: 500 },
  })
  watcher = await new Redis(world.redis.url, { maxRetriesPerRequest: 1 }).monitor()
  watcher.on('monitor', (_time: string, args: string[]) => commands.push(args.join(' ')))
  const withPassword = `redis://:${REDIS_PASSWORD}@127.0.0.1:${world.redis.port}`
  daemon = await startDaemon({ ...world.env, REDIS_URL: withPassword, LOG_LEVEL: 'trace' })
  await install(world, Object.values(world.groups))
})
afterAll(async () => {
  await daemon?.end('SIGKILL')
  watcher?.disconnect()
  await world?.close()
})

async function cli(...args: string[]): Promise<number> {
  const { code, out, err } = await world.cli(...args)
  printedByCli.push(out, err)
  return code
}

function said(msg: string, fields: Record<string, unknown> = {}): Promise<true> {
  return eventually(
    `the log says ${msg}`,
    () =>
      daemon.lines.some(
        (line) => line.msg === msg && Object.entries(fields).every(([name, value]) => line[name] === value),
      ) && (true as const),
  )
}

function clientSecret(): string {
  return world.dingtalkApp.clientSecret
}

function tokensSoFar(): string[] {
  const answers = world.dingtalk.journal.requests('accessToken').map(({ answer }) => answer as { accessToken?: string })
  return answers.flatMap(({ accessToken }) => accessToken ?? [])
}

async function callbackKey(): Promise<string> {
  const shown = JSON.parse((await world.cli('integration', 'show', '--json')).out) as { eventSubscription: string }
  return new URL(shown.eventSubscription).searchParams.get('integration_key') ?? ''
}

/** A story with whatever can go wrong, told at the finest level before anything is looked for. */
describe('after a story with whatever can go wrong', () => {
  beforeAll(async () => {
    await alertAndPress()
    await sendNonsense()
    await loseConnections()
    await endInOrder()
  })

  /** Alerts, presses and refusals, some of which repeat what they were sent. */
  async function alertAndPress(): Promise<void> {
    const { zhang, li, wang } = world.people
    const people = [zhang, li, wang].map(({ member }) => member.member_id)
    const { control } = world.dingtalk

    const good = await fire(world, { title: '一切正常', chats: [inGroup(world.groups.oncall)], personIds: people })
    const card = await theCardOf(world, good)
    await press(world, card, li, '认领')
    await everybodySees(world, card, '处理中')
    await press(world, card, wang, '关闭')
    await said('press-refused', { userId: wang.user.userId })

    const key = zhang.member.app_key
    const refusal = {
      kind: 'error',
      status: 401,
      code: 'Unauthorized',
      message: `app_key ${key} is invalid`,
    } as const
    world.flashduty.control.addFault({ path: '/incident/resolve', effect: refusal })
    await press(world, card, zhang, '关闭')
    await said('click-failed')
    world.flashduty.control.addFault({ path: '/incident/unack', effect: { kind: 'apply-then-reset' } })
    await press(world, card, li, '取消认领').catch(() => {})

    const [token = ''] = tokensSoFar()
    expect(token).not.toBe('')
    const echo = { code: 'hush.refused', message: `不合法的 ${token} 与 ${clientSecret()}` }
    const faults = [
      { kind: 'answer', status: 400, body: echo },
      { kind: 'answer', status: 500, body: echo },
      { kind: 'answer', status: 403, body: echo },
      { kind: 'answer', status: 200, body: `<html>${token}</html>`, contentType: 'text/html' },
      { kind: 'apply-then-reset' },
      { kind: 'reset' },
    ] as const
    for (const [index, effect] of faults.entries()) {
      const title = `出错 ${index}`
      control.addFault({ api: 'createAndDeliver', bodyContains: title, effect })
      await fire(world, { title, chats: [inGroup(world.groups.platform)], personIds: people })
      // Faults and tokens are those of this moment, so none may wait for the next.
      await eventually('it was asked for', () =>
        world.dingtalk.journal.requests('createAndDeliver').some((call) => JSON.stringify(call.body).includes(title)),
      )
    }
    control.revokeTokens(world.dingtalkApp.clientId)
    const body = { code: 'hush.busy', message: `appSecret=${clientSecret()}` }
    control.addFault({ api: 'accessToken', effect: { kind: 'answer', status: 500, body } })
    const late = await fire(world, { title: '换令牌', chats: [inGroup(world.groups.platform)] })
    await theCardOf(world, late)
    await eventually('a token was fetched anew', () => new Set(tokensSoFar()).size > 1)
  }

  /** Jobs that are none, and frames that nobody asked for. */
  async function sendNonsense(): Promise<void> {
    const { assigned } = await composeIncident(world, { title: '坏的任务' })
    const bad = await enqueue(world, { ...assigned, incident: { ...assigned.incident, incident_id: 7 } })
    expect((await endedJob(world, bad)).state).toBe('failed')

    const { control } = world.dingtalk
    const { clientId } = world.dingtalkApp
    const sessionWebhook = `https://oapi.dingtalk.com/robot/sendBySession?session=${SESSION}`
    const data = JSON.stringify({ sessionWebhook, text: { content: '你好' }, accessToken: tokensSoFar()[0] })
    const frame = (type: string, topic: string, more: object = {}) =>
      JSON.stringify({
        specVersion: '1.0',
        type,
        headers: { topic, contentType: 'application/json', messageId: `m-${type}-${topic}`, ...more },
        data,
      })
    control.sendRaw(clientId, frame('CALLBACK', '/v1.0/im/bot/messages/get'))
    control.sendRaw(clientId, frame('CALLBACK', '/v1.0/card/instances/callback'))
    control.sendRaw(clientId, frame('EVENT', '*', { eventId: 'hush-event', eventType: 'im_cool_app_install' }))
    control.sendRaw(clientId, frame('SYSTEM', 'something-new'))
    control.sendRaw(clientId, `{"sessionWebhook":"${sessionWebhook}`)
    control.sendRaw(clientId, Buffer.from(data))
    await said('frame-unknown', { topic: '/v1.0/im/bot/messages/get' })
    await said('frame-malformed')
    expect(await control.eventSettled(control.renameGroup(world.groups.oncall.openConversationId, '改了名'))).toBe(
      'success',
    )
  }

  /** Lost connections, refused handshakes, a wrong secret on file, and keys in addresses. */
  async function loseConnections(): Promise<void> {
    const { control, journal } = world.dingtalk
    const { clientId } = world.dingtalkApp
    const opened = () => journal.of('stream-open').length
    for (const lose of [() => control.disconnect(clientId), () => control.dropConnections(clientId)]) {
      const before = opened()
      lose()
      await eventually('another connection is open', () => opened() > before)
    }
    const body = { code: 'systemError', message: `secret ${clientSecret()}` }
    const stateNow = () => daemon.lines.findLast(({ msg }) => msg === 'stream-state')?.['state']
    const waiting = () => daemon.lines.filter(({ msg, state }) => msg === 'stream-state' && state === 'waiting').length
    for (const refuse of [
      () => control.addFault({ api: 'connections/open', times: 100, effect: { kind: 'answer', status: 500, body } }),
      () =>
        control.addFault({
          api: 'connections/open',
          times: 100,
          effect: { kind: 'answer', status: 200, body: { ticket: SESSION } },
        }),
      () => control.addHandshakeFault({ times: 100, effect: { kind: 'refuse', status: 503 } }),
      () => control.addHandshakeFault({ times: 100, effect: { kind: 'reset' } }),
    ]) {
      // As the daemon sees it: one that is cut before its first sign of life was never open.
      await eventually('it is open', () => stateNow() === 'open')
      const before = waiting()
      refuse()
      control.dropConnections(clientId)
      await eventually('it was refused', () => waiting() > before)
      control.clearFaults()
    }

    expect(await cli('integration', 'set', world.integrationId, '--client-secret', WRONG_SECRET)).toBe(0)
    await said('stream-state', { state: 'waiting', reason: 'APP_CREDENTIAL_INVALID' })
    const url = String(daemon.lines.find(({ msg }) => msg === 'ready')?.['url'])
    printedByCli.push(await (await fetch(`${url}/readyz`)).text())
    expect(await cli('send-test', '--user', world.people.li.user.userId)).toBe(1)
    const connections = opened()
    expect(await cli('integration', 'set', world.integrationId, '--client-secret', clientSecret())).toBe(0)
    await eventually('it is open again', () => opened() > connections)
    expect(await cli('send-test', '--user', world.people.li.user.userId)).toBe(0)

    const { user, member } = world.people.wang
    const link = ['links', 'add', '--dingtalk-user', user.userId, '--member', String(member.member_id)]
    expect(await cli(...link, '--member-key', WRONG_KEY)).toBe(1)
    expect(await cli(...link, '--member-key', member.app_key)).toBe(0)

    const secret = await callbackKey()
    for (const path of ['/event/push/dingtalk', '/card/push/dingtalk', '/nowhere', `/h5/${world.integrationId}/`]) {
      for (const method of ['GET', 'POST']) {
        const answer = await fetch(`${url}${path}?integration_key=${secret}`, { method })
        printedByCli.push(await answer.text())
      }
    }
  }

  async function endInOrder(): Promise<void> {
    const incident = await fire(world, { title: '最后一条', chats: [inGroup(world.groups.oncall)] })
    await theCardOf(world, incident)
    await settledRecords(world, incident)
    expect(await daemon.end('SIGTERM')).toEqual({ code: 0, signal: null })
  }

  const texts = new Map<string, string>()
  const secrets = new Map<string, string>()

  beforeAll(async () => {
    await collectSecrets()
    texts.set('the log', daemon.written())
    for (const command of [
      ['records', '--limit', '10000'],
      ['links', 'list'],
      ['groups', '--all'],
      ['integration', 'list'],
    ]) {
      await cli(...command)
      await cli(...command, '--json')
    }
    texts.set('the records, and what the CLI and the pages print', printedByCli.join('\n'))
    texts.set('the commands of Redis', commands.join('\n'))
    texts.set('Redis', await readRedis())
    const data = dirname(world.config.databasePath)
    for (const name of await readdir(data)) {
      if (name !== 'secret.key') texts.set(`the file ${name}`, await readFile(join(data, name), 'latin1'))
    }
    const { journal } = world.dingtalk
    texts.set(
      'addresses at DingTalk',
      journal
        .of('request')
        .map(({ path }) => path)
        .join('\n'),
    )
    texts.set('messages and cards', JSON.stringify([...journal.of('message'), ...journal.of('view')]))
    const calls = world.flashduty.control.requests().map(({ path, body }) => ({ path, body }))
    texts.set('calls at Flashduty', JSON.stringify(calls))
  })

  async function collectSecrets(): Promise<void> {
    const { journal } = world.dingtalk
    secrets.set('the client secret', clientSecret())
    secrets.set('the aes key', AES_KEY)
    secrets.set('the token of the form', TOKEN)
    secrets.set('the callback key', await callbackKey())
    secrets.set(
      'the encryption key',
      (await readFile(join(dirname(world.config.databasePath), 'secret.key'), 'utf8')).trim(),
    )
    secrets.set('a wrong client secret', WRONG_SECRET)
    secrets.set('a wrong member key', WRONG_KEY)
    secrets.set('a session webhook', SESSION)
    secrets.set('the password of Redis', REDIS_PASSWORD)
    for (const { member } of Object.values(world.people))
      secrets.set(`the key of ${member.member_name}`, member.app_key)
    for (const [index, token] of [...new Set(tokensSoFar())].entries()) secrets.set(`access token ${index}`, token)
    const tickets = journal
      .requests('connections/open')
      .map(({ answer }) => (answer as { ticket?: string }).ticket ?? '')
    for (const [index, ticket] of [...new Set(tickets)].entries()) if (ticket) secrets.set(`ticket ${index}`, ticket)
  }

  async function readRedis(): Promise<string> {
    const redis = new Redis(world.redis.url, { maxRetriesPerRequest: 1 })
    const found: unknown[] = []
    try {
      for (const key of await redis.keys('*')) {
        const read: Record<string, () => Promise<unknown>> = {
          string: () => redis.get(key),
          hash: () => redis.hgetall(key),
          list: () => redis.lrange(key, 0, -1),
          set: () => redis.smembers(key),
          zset: () => redis.zrange(key, '0', '-1'),
          stream: () => redis.xrange(key, '-', '+'),
        }
        found.push(key, await read[await redis.type(key)]?.())
      }
    } finally {
      redis.disconnect()
    }
    return JSON.stringify(found)
  }

  test('the story was told, and everything was looked at', () => {
    const log = texts.get('the log') ?? ''
    for (const msg of [
      'card-created',
      'card-updated',
      'click-done',
      'click-failed',
      'stream-replace',
      'stream-closed',
    ]) {
      expect(log).toContain(`"${msg}"`)
    }
    expect(log).toContain('hush.refused')
    expect(log).toContain('hush.busy')
    expect(texts.get('the records, and what the CLI and the pages print')).toContain('Unauthorized: app_key [secret]')
    expect(texts.get('the commands of Redis')).toContain('flashduty-dingtalk-pace-')
    expect(texts.get('Redis')).toContain('flashduty-dingtalk-deliver')
    // While somebody reads the database, its newest pages stay in the log beside it.
    const files = [...texts].filter(([place]) => place.startsWith('the file flashduty-dingtalk.db'))
    expect(files.map(([, text]) => text).join('')).toContain(world.groups.oncall.openConversationId)
    expect(texts.get('messages and cards')).toContain('一切正常')
    expect(texts.get('calls at Flashduty')).toContain('/incident/ack')
    expect([...secrets.values()].every((secret) => secret.length >= 8)).toBe(true)
    expect([...secrets.keys()].filter((name) => name.startsWith('access token')).length).toBeGreaterThan(1)
    expect([...secrets.keys()].filter((name) => name.startsWith('ticket')).length).toBeGreaterThan(3)
    // Who looks has to be able to find.
    expect(view(world, world.dingtalk.control.cards()[0] ?? '', world.people.li).title).not.toBe('')
    expect(JSON.stringify(world.dingtalk.journal.requests('accessToken'))).toContain(clientSecret())
  })

  test.each([
    'the log',
    'the records, and what the CLI and the pages print',
    'the commands of Redis',
    'Redis',
    'the file flashduty-dingtalk.db',
    'addresses at DingTalk',
    'messages and cards',
    'calls at Flashduty',
  ])('in %s', (place) => {
    const text = texts.get(place)
    expect(text?.length).toBeGreaterThan(100)
    expect(findSecrets(text ?? '')).toEqual([])
  })

  test('in any other file beside the database', () => {
    const files = [...texts].filter(([place]) => place.startsWith('the file '))
    expect(files.flatMap(([place, text]) => findSecrets(text).map((name) => `${name} in ${place}`))).toEqual([])
  })

  /** In clear, as it would stand in an address, and as base64. */
  function findSecrets(text: string): string[] {
    return [...secrets]
      .filter(([, secret]) =>
        [secret, encodeURIComponent(secret), Buffer.from(secret, 'utf8').toString('base64').replace(/=+$/, '')].some(
          (shape) => text.includes(shape),
        ),
      )
      .map(([name]) => name)
  }
})
