import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { readDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { PATIENT_DINGTALK } from '../support/far-deadlines.ts'
import { chooseHttpMode, lead } from '../support/http-door.ts'
import { bootImpatient, expectSilence, install, listGroups } from '../support/journey.ts'
import { lockDatabase } from '../support/lock.ts'
import { createWorld, type RunningApp, type World } from '../support/world.ts'

/** DingTalk tries once, and hands out its list three at a time. */
const IMPATIENT = {
  ...PATIENT_DINGTALK,
  httpRetryDelaysMs: [],
  failedPageSize: 3,
  redeliveryDelaysMs: [300],
  systemPingMs: 0,
}
const OVERRIDES = { recovery: { afterRefusalMs: 300, retryMs: 200 } }

let world: World
let app: RunningApp
const boot = async (): Promise<void> => {
  app = await bootImpatient(world, OVERRIDES)
  lead(world, app)
}
beforeAll(async () => {
  world = await createWorld({ dingtalk: IMPATIENT })
  await boot()
  await install(world, Object.values(world.groups))
  await chooseHttpMode(world)
  await world.cli('integration', 'set', world.integrationId, '--events', 'http')
  await eventually('the list was fetched when HTTP mode began', () => fetches() > 0)
})
afterAll(async () => {
  await app.stop()
  await world.close()
})

const fetches = () => world.dingtalk.journal.requests('get_call_back_failed_result').length
const parked = () => world.dingtalk.control.parkedEvents(world.dingtalkApp.clientId)
const waiting = () =>
  readDatabase(world, "SELECT id FROM inbox WHERE source = 'fetched' AND payload IS NOT NULL").length
const groupNamed = async (title: string) => (await listGroups(world)).find((group) => group.title === title)

describe('events whose pushes failed', () => {
  test('while nobody was there are fetched at the start, page by page, and taken in once', async () => {
    const { control, journal } = world.dingtalk
    await app.stop()
    const left = parked()
    const renames = Array.from({ length: 6 }, (_, index) => `下线时 ${index}`)
    const { openConversationId } = world.groups.oncall
    const ids = renames.map((title) => control.renameGroup(openConversationId, title))
    ids.push(control.uninstallCoolApp(world.groups.platform.openConversationId, world.dingtalkApp.clientId))
    for (const id of ids) expect(await control.eventSettled(id)).toBe('dropped')
    expect(parked()).toBe(left + 7)
    const before = fetches()

    await boot()
    await eventually('the newest name is known', () => groupNamed('下线时 5'))
    await eventually('all are taken in', () => parked() <= 3 && waiting() === 0)
    const platform = (await listGroups(world)).find(
      (group) => group.openConversationId === world.groups.platform.openConversationId,
    )
    expect(platform?.status).toBe('uninstalled')
    const pages = journal
      .requests('get_call_back_failed_result')
      .slice(before)
      .map(({ answer }) => (answer as { failed_list: unknown[] }).failed_list)
    expect(pages.slice(0, -1).every(({ length }) => length === 3)).toBe(true)
    const renamed = pages.flat().flatMap((item) => /下线时 \d/.exec(JSON.stringify(item)) ?? [])
    expect(renamed).toEqual(renames)
    expectSilence(world, app.lines)
  })

  test('while the database was locked are fetched once it takes something in again', async () => {
    const { control } = world.dingtalk
    const from = app.lines.length
    const unlock = await lockDatabase(world.config.databasePath)
    let id: string
    try {
      id = control.renameGroup(world.groups.oncall.openConversationId, '锁住时改名')
      expect(await control.eventSettled(id)).toBe('dropped')
    } finally {
      unlock()
    }
    await eventually('the name is known', () => groupNamed('锁住时改名'))
    const errors = app.lines.slice(from).filter(({ level }) => level === 'error')
    expect(errors.filter(({ msg }) => !/^(event-late|event-not-stored|sweep-failed|store-)/.test(msg))).toEqual([])
  })
})
