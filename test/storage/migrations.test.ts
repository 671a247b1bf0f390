import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'

import { joinLate } from '../../src/delivery/join-late.ts'
import { standingOf } from '../../src/domain/group.ts'
import { incidentOf } from '../../src/domain/incident.fixture.ts'
import type { Incident } from '../../src/domain/incident.ts'
import { createLog } from '../../src/log.ts'
import { listCardsOfIncident } from '../../src/storage/cards.ts'
import { type Db, openDb } from '../../src/storage/db.ts'
import { listClicksOfIncident } from '../../src/storage/incident-history.ts'
import { listGroups } from '../../src/storage/groups.ts'
import { listPlacements } from '../../src/storage/placements.ts'
import { putResponders } from '../../src/storage/responders.ts'
import { hashSecret } from '../../src/storage/secret-box.ts'
import { findToken } from '../../src/storage/tokens.ts'
import { leftBehind as leaveBehind, type Row } from '../support/left-behind.ts'

/** Databases that an earlier version of the program left behind, with rows in them, opened by this one. */

const folder = mkdtempSync(join(tmpdir(), 'flashduty-dingtalk-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function leftBehind(newest: string, tables: Record<string, Row[]>): Promise<string> {
  const path = join(folder, `${newest}-${Math.random()}.db`)
  await leaveBehind(path, newest, tables)
  return path
}

async function opened<T>(path: string, read: (db: Db) => Promise<T>): Promise<T> {
  const db = await openDb(path)
  try {
    return await read(db)
  } finally {
    await db.close()
  }
}

const AUDIENCE = { robotCode: 'robot', templateId: 'template', callbackType: 'STREAM', locale: 'zh-CN' }

describe('what the first version left behind', () => {
  const left = () =>
    leftBehind('0001-init', {
      integrations: [
        {
          id: 'one',
          name: '值班',
          corp_id: 'corp',
          agent_id: '1',
          client_id: 'client',
          client_secret_enc: 's',
          aes_key_enc: 'a',
          token_enc: 't',
          callback_key_enc: 'c',
          callback_key_hash: 'h',
          qps: 20,
          is_default: 1,
          enabled: 1,
          revision: 3,
          created_at: 1,
          updated_at: 1,
        },
      ],
      notifications: [
        {
          integration_id: 'one',
          incident_id: 'incident',
          notification_key: 'first',
          generation: 0,
          prefix: '',
          event_id: 'e1',
          created_at: 1,
        },
      ],
      cards: [
        {
          out_track_id: 'card',
          integration_id: 'one',
          incident_id: 'incident',
          notification_key: 'first',
          audience_key: 'key',
          audience: JSON.stringify({ ...AUDIENCE, replyEventTypes: [], disableAt: false, snoozeMinutes: [120] }),
          replacement: 0,
          stage: 'present',
          frozen: 0,
          allowed_rev: 2,
          shown_rev: 1,
          update_due_at: 7,
          held_until: 0,
          lease_until: 0,
          called_at: 5,
          failures: 0,
          created_at: 1,
          updated_at: 1,
        },
      ],
      placements: ['delivered', 'waiting'].map((status, alone) => ({
        out_track_id: 'card',
        kind: 'group',
        target_id: `cid${alone}`,
        status,
        alone,
        unknown_outcomes: 0,
        updated_at: 1,
      })),
    })

  test('is a card that is still due, in its usual lane, for the spaces it had', async () => {
    await opened(await left(), async (db) => {
      const [card] = await listCardsOfIncident(db.read, 'one', 'incident')
      expect(card).toMatchObject({
        out_track_id: 'card',
        allowed_rev: 2,
        update_due_at: 7,
        deliver_lane: 1,
        update_lane: 1,
        plain: 0,
        mentions: [],
        audience: { ...AUDIENCE, customActions: [] },
      })
      const placements = await listPlacements(db.read, ['card'])
      expect(placements.map(({ target_id: id, status, share }) => [id, status, share]).sort()).toEqual([
        ['cid0', 'delivered', 0],
        ['cid1', 'waiting', 1],
      ])
    })
  })

  test('is an integration that goes on as it did', async () => {
    const row = await opened(await left(), (db) => db.read.selectFrom('integrations').selectAll().executeTakeFirst())
    expect(row).toMatchObject({
      name: '值班',
      revision: 3,
      monthly_calls: 5_000,
      monthly_pushes: 3_000,
      group_per_minute: 0,
      dm_from_webhook: 1,
      connections: 2,
      event_mode: 'stream',
      stream_on: 1,
      cards_mode: 'STREAM',
      acting: 'member-key',
    })
  })
})

test('groups from before there were facts have those that make them what they were', async () => {
  const group = (status: string, more: Row = {}): Row => ({
    integration_id: 'one',
    open_conversation_id: `cid-${status}`,
    title: status,
    status,
    robot_code: 'robot',
    cool_app_code: 'COOLAPP',
    operated_at: 100,
    titled_at: 90,
    refresh_failures: 0,
    created_at: 1,
    updated_at: 200,
    ...more,
  })
  const path = await leftBehind('0007-http-door', {
    groups: [
      group('installed', { refresh_due_at: 300 }),
      group('uninstalled'),
      group('disbanded'),
      group('unknown', { operated_at: 0, robot_code: null, cool_app_code: null }),
    ],
  })
  const groups = await opened(path, (db) => listGroups(db.read))
  expect(groups.map(({ status }) => status).sort()).toEqual(['disbanded', 'installed', 'uninstalled', 'unknown'])
  for (const { status, robot_code, cool_app_code, ...facts } of groups) {
    expect(standingOf(facts)).toEqual({ status, robot_code, cool_app_code })
  }
  const why = Object.fromEntries(groups.map((one) => [one.status, one.refresh_why]))
  expect(why).toEqual({ disbanded: null, installed: 'news', uninstalled: null, unknown: null })
})

test('incidents from before there were pages are those of their responders', async () => {
  const SEVERITIES = ['Critical', 'Warning', 'Info', 'Ok']
  const snapshots: { of: string; incident: Incident }[] = []
  for (let n = 0; n < 1_203; n++) {
    const responders = [[{ person_id: 1 }], [{ person_id: 1 }, { person_id: n + 2 }, { person_id: 1 }], [], undefined]
    const snapshot = {
      incident_id: `incident-${String(n * 7_919).padStart(8, '0')}`,
      title: 'db-01 cpu.idle low',
      incident_severity: SEVERITIES[n % 4],
      progress: n % 5 === 4 ? 'Closed' : n % 5 === 3 ? 'Processing' : 'Triggered',
      start_time: 1_760_000_000 + n,
      responders: responders[n % 3 === 2 ? 2 + (n % 2) : n % 3],
    }
    snapshots.push({ of: n % 2 === 0 ? 'one' : 'two', incident: incidentOf(snapshot) })
  }
  const path = await leftBehind('0009-people', {
    incidents: snapshots.map(({ of, incident }) => ({
      integration_id: of,
      incident_id: incident.incident_id,
      rev: 1,
      version_updated_at: 1,
      version_event_time: 1,
      version_event_id: 'e1',
      progress: incident.progress,
      snapshot: JSON.stringify(incident),
      snooze_over: 0,
      created_at: 1,
      updated_at: 1,
    })),
  })
  await opened(path, async (db) => {
    const responders = () =>
      db.read.selectFrom('responders').selectAll().orderBy('incident_id').orderBy('member_id').execute()
    const filled = await responders()
    expect(new Set(filled.map(({ incident_id: id }) => id)).size).toBeGreaterThan(500)
    await db.write(async (trx) => {
      await trx.deleteFrom('responders').execute()
      for (const { of, incident } of snapshots) await putResponders(trx, of, incident)
    })
    expect(filled).toEqual(await responders())
  })
})

test('whoever was missed before there were custom actions gets the card when they come', async () => {
  const incident = incidentOf({
    incident_id: 'incident',
    title: 'db-01 cpu.idle low',
    incident_severity: 'Critical',
    progress: 'Triggered',
    start_time: 1_760_000_000,
  })
  const path = await leftBehind('0010-pages', {
    incidents: [
      {
        integration_id: 'one',
        incident_id: 'incident',
        rev: 1,
        version_updated_at: 1,
        version_event_time: 1,
        version_event_id: 'e1',
        progress: 'Triggered',
        snapshot: JSON.stringify(incident),
        snooze_over: 0,
        created_at: 1,
        updated_at: 1,
      },
    ],
    missed: [
      {
        integration_id: 'one',
        incident_id: 'incident',
        kind: 'person',
        target_id: 'member:7',
        member_id: 7,
        event_id: 'e1',
        record_key: 'ev:one:e1:person:member:7',
        notification_key: 'first',
        generation: 0,
        prefix: '',
        audience: JSON.stringify({ ...AUDIENCE, replyEventTypes: [], disableAt: false, snoozeMinutes: [120] }),
        created_at: 1,
      },
    ],
    account_links: [
      {
        integration_id: 'one',
        dingtalk_user_id: 'li',
        member_id: 7,
        member_name: '李四',
        linked_by: 'admin',
        linked_at: 2,
      },
    ],
  })
  const woken: string[] = []
  await opened(path, async (db) => {
    const wakeDueCards = async (outTrackIds: string[]) => void woken.push(...outTrackIds)
    await joinLate({ db, clock: { nowMs: () => 3 }, log: createLog('silent'), wakeDueCards })
    const cards = await listCardsOfIncident(db.read, 'one', 'incident')
    expect(cards.map((card) => card.out_track_id)).toEqual(woken)
    expect(cards).toMatchObject([{ audience: { ...AUDIENCE, customActions: [] } }])
  })
})

test('tokens that were made before there were scopes go on delivering, and do nothing else', async () => {
  const token = (kind: string, revoked: number | null) => ({
    id: `${kind}${revoked}`,
    kind,
    name: kind,
    token_hash: hashSecret(`${kind}${revoked}`),
    created_at: 1,
    revoked_at: revoked,
  })
  const tokens = [token('api', null), token('api', 2), token('admin', null)]
  await opened(await leftBehind('0012-odd-bodies', { tokens }), async (db) => {
    expect(await findToken(db.read, 'api', 'apinull')).toMatchObject({ scopes: ['deliver'] })
    expect(await findToken(db.read, 'api', 'api2')).toBeUndefined()
    expect(await findToken(db.read, 'admin', 'adminnull')).toMatchObject({ scopes: [] })
  })
})

test('presses from before members’ names were kept have those of their records, never those of later links', async () => {
  const click = (id: string, memberId: number): Row => ({
    id,
    integration_id: 'one',
    incident_id: 'incident',
    out_track_id: 'card',
    dingtalk_user_id: 'li',
    member_id: memberId,
    action: 'ack',
    revision: 1,
    status: 'done',
    attempts: 1,
    lease_until: 0,
    created_at: Number(id),
    updated_at: 1,
    source: 'card',
    told_working: 0,
  })
  const record = (id: string, name: string): Row => ({
    record_key: `click:${id}`,
    integration_id: 'one',
    incident_id: 'incident',
    kind: 'action',
    target_id: 'li',
    target_name: name,
    status: 'success',
    duplicates: 0,
    created_at: 1,
    updated_at: 1,
  })
  const link = (userId: string, memberId: number, name: string): Row => ({
    integration_id: 'one',
    dingtalk_user_id: userId,
    member_id: memberId,
    member_name: name,
    linked_by: 'admin',
    linked_at: 2,
  })
  const path = await leftBehind('0012-odd-bodies', {
    clicks: [click('4', 7), click('3', 8), click('2', 9)],
    records: [record('4', '李四')],
    account_links: [link('li', 5, '后来的人'), link('wang', 8, '王五')],
  })
  await opened(path, async (db) => {
    const clicks = await listClicksOfIncident(db.read, { integrationId: 'one', incidentId: 'incident' }, 10)
    expect(clicks.map(({ member_id: id, member_name: name }) => [id, name])).toEqual([
      [7, '李四'],
      [8, '王五'],
      [9, null],
    ])
    expect(await db.read.selectFrom('records').select('member_id').executeTakeFirst()).toEqual({ member_id: 7 })
  })
})
