import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import type { OnWriter } from '../../src/storage/db.ts'
import { makeToken, post } from '../support/bridge.ts'
import { PATIENT_DINGTALK } from '../support/far-deadlines.ts'
import { composeIncident } from '../support/jobs.ts'
import {
  bootImpatient,
  callsFor,
  expectSilence,
  fire,
  inGroup,
  install,
  settledRecords,
  theCardOf,
} from '../support/journey.ts'
import { expectRefusalAndRecovery, FULL_DISK_ERRORS, LONG } from '../support/full-disk.ts'
import { createWorld, type RunningApp, type World } from '../support/world.ts'

const UNLIMITED = 2 ** 30

let world: World
let token: Record<string, string>
beforeAll(async () => {
  world = await createWorld({
    dingtalk: {
      ...PATIENT_DINGTALK,
      redeliveryDelaysMs: [300, ...Array.from({ length: 200 }, () => 1_000)],
      systemPingMs: 0,
    },
  })
  token = { 'x-flashduty-token': (await makeToken(world)).token }
})
afterAll(() => world.close())

describe('a database that may not grow', () => {
  let app: RunningApp
  let writer: Parameters<OnWriter>[0]
  beforeAll(async () => {
    app = await bootImpatient(world, { sweepMs: 500, onWriter: (connection) => (writer = connection) })
    await install(world, Object.values(world.groups))
  })
  afterEach(() => writer.pragma(`max_page_count = ${UNLIMITED}`))
  afterAll(() => app.stop())

  const fill = async (): Promise<void> => void writer.pragma('max_page_count = 1')
  const free = async (): Promise<void> => void writer.pragma(`max_page_count = ${UNLIMITED}`)

  test('takes nothing in, says so, and recovers by itself', async () => {
    await expectRefusalAndRecovery(world, token, app, fill, free)
    // Each is told once, until the other is.
    const told = app.lines.map(({ msg }) => msg).filter((msg) => /^store-(refuses|takes-again)$/.test(msg))
    expect(told).toContain('store-refuses')
    expect(told.filter((msg, index) => msg === told[index - 1])).toEqual([])
  })

  test('what DingTalk has done when the room ends is not done again', async () => {
    const full = new Promise<void>((resolve) => {
      const unsubscribe = world.dingtalk.journal.subscribe((entry) => {
        if (entry.type !== 'request' || entry.api !== 'createAndDeliver') return
        unsubscribe()
        void fill().then(resolve)
      })
    })
    const incident = await fire(world, { title: '写到一半', chats: [inGroup(world.groups.oncall)] })
    await full
    // More than what earlier ones have left free inside the file.
    const { assigned } = await composeIncident(world, { title: '太大', description: LONG.repeat(3) })
    expect((await post(app.url, assigned, token)).status).toBe(503)
    await free()
    const card = await theCardOf(world, incident)
    for (const { note } of await settledRecords(world, incident)) expect(note ?? '').not.toContain('REDELIVERED')
    expect(callsFor(world, 'createAndDeliver', card)).toHaveLength(1)
    expect(callsFor(world, 'deliver', card)).toEqual([])
  })

  afterAll(() => {
    expectSilence(world, app.lines, { errors: FULL_DISK_ERRORS })
  })
})
