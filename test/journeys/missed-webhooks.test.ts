import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import type { Incident } from '../sandbox/flashduty/types.ts'
import { makeToken } from '../support/bridge.ts'
import { changeDatabase, readDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { findFreePort } from '../support/free-port.ts'
import {
  bootImpatient,
  callsFor,
  cardsOf,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  install,
  recordsOf,
  settledRecords,
  theCardOf,
} from '../support/journey.ts'
import { lockDatabase } from '../support/lock.ts'
import { createWorld, type LogLine, type RunningApp, type World } from '../support/world.ts'
import { loadConfig } from '../../src/config.ts'

/** Short pauses. */
const QUICK = { beatMs: 100, settleMs: 0, marginMs: 60_000, pageEveryMs: 0, retryMs: 100 }

let world: World
let port: number
let webhook: { url: string; headers: Record<string, string> }
let app: RunningApp | undefined
const seen: LogLine[] = []

beforeAll(async () => {
  port = await findFreePort()
  world = await createWorld({
    dingtalk: { redeliveryDelaysMs: [300, 1_000, 1_000, 1_000], systemPingMs: 0 },
    env: { HTTP_PORT: String(port), PUBLIC_URL: `http://127.0.0.1:${port}` },
  })
  await setKey(world.people.zhang.member.app_key)
  const { token } = await makeToken(world)
  webhook = { url: `http://127.0.0.1:${port}/api/v1/deliver?from=flashduty`, headers: bearerOf(token) }
})
beforeEach(() => {
  world.flashduty.control.clearFaults()
  world.flashduty.control.sendBy({ webhook })
  world.people.zhang.member.may_see_integrations = true
})
afterEach(() => stop())
afterAll(() => world.close())

const bearerOf = (token: string) => ({ authorization: `Bearer ${token}` })

async function setKey(key: string): Promise<void> {
  const { code, err } = await world.cli('integration', 'set', world.integrationId, '--flashduty-key', key)
  expect({ code, err }).toEqual({ code: 0, err: '' })
}

async function start(env: Record<string, string> = {}, settings: Partial<typeof QUICK> = {}): Promise<RunningApp> {
  const config = loadConfig({ ...world.env, ...env })
  app = await bootImpatient({ ...world, config }, { webhookWatch: { ...QUICK, ...settings } })
  await install(world, Object.values(world.groups))
  return app
}

async function stop(): Promise<void> {
  await app?.stop()
  seen.push(...(app?.lines ?? []))
  app = undefined
}

const said = (lines: LogLine[], msg: string) => lines.filter((line) => line.msg === msg)

/** What the first look at the history came to. */
function replayed({ lines }: RunningApp): Promise<LogLine> {
  return eventually('the history was read', () => said(lines, 'missed-webhooks-replayed')[0])
}

const asked = () => world.flashduty.control.requests().filter(({ path }) => path === '/webhook/history/list')
const inOncall = () => ({ chats: [inGroup(world.groups.oncall)] })
/** Three that are missed: one opened and acknowledged, one opened and closed, one acknowledged that has a card. */
async function missThree(known: Incident) {
  const { control } = world.flashduty
  const li = world.people.li.member.member_id
  const opened = await fire(world, { title: '停机时触发', ...inOncall() })
  await control.act(opened.incident_id, 'ack', li)
  const over = await fire(world, { title: '停机时触发又恢复', ...inOncall() })
  await control.act(over.incident_id, 'resolve')
  await control.act(known.incident_id, 'ack', li)
  return { opened, over }
}

/** An incident with a card, before the daemon stops. */
async function fireBefore(): Promise<{ known: Incident; card: string }> {
  const known = await fire(world, { title: '停机前触发', ...inOncall() })
  const card = await theCardOf(world, known)
  await settledRecords(world, known)
  return { known, card }
}

describe('webhooks that came while the daemon was stopped', () => {
  test('come back: one card with the newest state, none for what is over, the old card is true; and only once', async () => {
    await start()
    const { known, card } = await fireBefore()
    await stop()
    const { opened, over } = await missThree(known)

    const line = await replayed(await start())
    expect(line).toMatchObject({ replayed: 7, untold: 0, unreadable: 0 })
    const fresh = await theCardOf(world, opened)
    await everybodySees(world, fresh, '处理中')
    await everybodySees(world, card, '处理中')
    for (const incident of [known, opened, over]) await settledRecords(world, incident)
    expect(cardsOf(world, opened)).toEqual([fresh])
    expect(cardsOf(world, known)).toEqual([card])
    expect(callsFor(world, 'createAndDeliver', fresh)).toHaveLength(1)
    // It was never shown as it had been before.
    expect(JSON.stringify(callsFor(world, 'createAndDeliver', fresh)[0]?.body)).toContain('处理中')
    expect(cardsOf(world, over)).toEqual([])
    const told = (await recordsOf(world, over)).filter(({ kind }) => kind === 'group')
    expect(told.map(({ status, reason_code: reason }) => [status, reason])).toEqual([['skipped', 'ALREADY_CLOSED']])
    await stop()

    const again = await start()
    expect(await replayed(again)).toMatchObject({ replayed: 0 })
    expect(cardsOf(world, opened)).toEqual([fresh])
    expect(cardsOf(world, over)).toEqual([])
    expectSilence(world, [...seen, ...again.lines])
  })

  test('stay away with WEBHOOK_HISTORY=off, then and later', async () => {
    await start()
    const { known } = await fireBefore()
    await stop()
    const { opened } = await missThree(known)
    const before = asked().length
    const off = await start({ WEBHOOK_HISTORY: 'off' })
    await eventually('the time was given up', () =>
      readDatabase<{ gap_from: null }>(world, 'select gap_from from webhook_watch').every(
        (row) => row.gap_from === null,
      ),
    )
    expect(asked()).toHaveLength(before)
    expect(said(off.lines, 'missed-webhooks-replayed')).toEqual([])
    await stop()
    // What was missed a moment ago would be found in the margin.
    expect(await replayed(await start({}, { marginMs: 0 }))).toMatchObject({ replayed: 0 })
    expect(cardsOf(world, opened)).toEqual([])
  })

  test('a refusal is said in words, once, and what was missed is not forgotten', async () => {
    await start()
    const { known } = await fireBefore()
    await stop()
    const { opened } = await missThree(known)
    world.people.zhang.member.may_see_integrations = false
    const refused = await start()
    const line = await eventually('it is said', () => said(refused.lines, 'missed-webhooks-unread')[0])
    expect(line).toMatchObject({ level: 'error', code: 'NO_PERMISSION' })
    expect(line['zh']).toContain('集成中心查看')
    expect(line['en']).toContain('view the integration centre')
    const notes = (await (await fetch(`${refused.url}/readyz`)).json()) as { notes?: string[] }
    expect(JSON.stringify(notes)).toContain('集成中心查看')
    expect(cardsOf(world, opened)).toEqual([])
    await stop()
    world.people.zhang.member.may_see_integrations = true
    await replayed(await start())
    await theCardOf(world, opened)
    expect(said(refused.lines, 'missed-webhooks-unread')).toHaveLength(1)
    // The address may carry a secret.
    expect(JSON.stringify([...seen, ...(app?.lines ?? [])])).not.toContain('from=flashduty')
  })

  test('too many requests and an answer that is none are waited for', async () => {
    await start()
    const { known } = await fireBefore()
    await stop()
    const { opened } = await missThree(known)
    const path = '/webhook/history/list'
    const tooOften = { kind: 'error', status: 429, code: 'RequestTooFrequently', message: '太频繁' } as const
    world.flashduty.control.addFault({ path, effect: { ...tooOften, headers: { 'Retry-After': '1' } } })
    world.flashduty.control.addFault({
      path,
      effect: { kind: 'error', status: 500, code: 'InternalError', message: '' },
    })
    const started = await start()
    await replayed(started)
    await theCardOf(world, opened)
    const waits = said(started.lines, 'missed-webhooks-wait').map(({ pauseMs }) => Number(pauseMs))
    expect(waits).toHaveLength(2)
    expect(waits[0]).toBeGreaterThanOrEqual(1_000)
  })

  test('reassigned twice, it tells once more; of what is deleted nobody is told; what is no event costs nothing', async () => {
    const { control } = world.flashduty
    await start()
    await stop()
    const moved = await fire(world, { title: '停机时改派', ...inOncall() })
    const reassign = () =>
      control.tell(moved.incident_id, {
        event_type: 'i_assign',
        incident: { assigned_to: { type: 'reassign', person_ids: [] } },
        delivery: {},
      })
    await reassign()
    await reassign()
    const deleted = await fire(world, { title: '停机时触发又删除', ...inOncall() })
    control.deleteIncident(deleted.incident_id)
    await control.pushRaw('not an event')
    expect(await replayed(await start())).toMatchObject({ level: 'warn', replayed: 6, untold: 1, unreadable: 1 })
    await settledRecords(world, moved)
    await settledRecords(world, deleted)
    expect(cardsOf(world, deleted)).toEqual([])
    const cards = cardsOf(world, moved)
    expect(cards).toHaveLength(1)
    expect(callsFor(world, 'createAndDeliver', cards[0] ?? '')).toHaveLength(1)
  })

  test('of another daemon are left to it', async () => {
    await start()
    await stop()
    const opened = await fire(world, { title: '别处的 Webhook', ...inOncall() })
    const elsewhere = await start({ WEBHOOK_URL: 'https://other.example.com/api/v1/deliver' })
    expect(await replayed(elsewhere)).toMatchObject({ replayed: 0 })
    expect(cardsOf(world, opened)).toEqual([])
  })
})

test('a webhook that the database could not take comes back while the daemon runs', async () => {
  const running = await start()
  await replayed(running)
  const release = await lockDatabase(world.config.databasePath)
  const opened = await fire(world, { title: '库忙时触发', ...inOncall() }).finally(release)
  expect(world.flashduty.control.webhookPosts().at(-1)?.status).not.toBe(200)
  await theCardOf(world, opened)
  await settledRecords(world, opened)
  expect(cardsOf(world, opened)).toHaveLength(1)
})

test('a card of an incident that was closed without a word is closed by the daily comparison', async () => {
  const { control } = world.flashduty
  await start()
  const { known, card } = await fireBefore()
  await stop()
  control.sendBy({})
  await control.act(known.incident_id, 'resolve')
  // A day has gone by.
  await changeDatabase(world, 'update webhook_watch set compare_at = 1')
  const running = await start({ WEBHOOK_HISTORY: 'off' })
  await everybodySees(world, card, '已恢复')
  expect(said(running.lines, 'open-cards-compared')[0]).toMatchObject({ closed: [known.incident_id] })
  expect(cardsOf(world, known)).toEqual([card])
})
