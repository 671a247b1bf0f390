import { expect, test } from 'vitest'

import { claimDelivery, claimUpdate } from '../../src/delivery/claim.ts'
import { reconcileDelivery, reconcileUpdate } from '../../src/delivery/reconcile.ts'
import { drawCard } from '../../src/delivery/render/draw.ts'
import { PUBLIC_TEMPLATE_ID } from '../../src/domain/card-template.ts'
import { DELIVERY_SETTINGS } from '../../src/delivery/settings.ts'
import type { ReconcileDeps } from '../../src/delivery/work.ts'
import type { CardFace } from '../../src/domain/card.ts'
import { incidentOf } from '../../src/domain/incident.fixture.ts'
import { AppError } from '../../src/errors.ts'
import { createLog } from '../../src/log.ts'
import { addCard, addNotification, findCard } from '../../src/storage/cards.ts'
import { allowRevision } from '../../src/storage/change-cards.ts'
import type { Db } from '../../src/storage/db.ts'
import { advanceIncident } from '../../src/storage/incidents.ts'
import { listPlacements } from '../../src/storage/placements.ts'
import { addRecord, listRecordsOfEvent } from '../../src/storage/records.ts'
import { useDatabase } from '../support/use-database.ts'

let db: Db
useDatabase((opened) => (db = opened))

type Sent = { method: string; title: string; markdown: string }

/** One incident with one card for one group, and a DingTalk that knows the card once it was made. */
async function stage(id: string) {
  let nowMs = 1_760_000_000_000
  let made = false
  const sent: Sent[] = []
  const counted: Record<string, number> = {}
  const lines: Record<string, unknown>[] = []
  const count = (by: number) => async (_trx: unknown, api: string) => void (counted[api] = (counted[api] ?? 0) + by)
  const nothing = async (): Promise<void> => {}
  const deps: ReconcileDeps = {
    db,
    clock: { nowMs: () => nowMs },
    log: createLog('warn', { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) }),
    settings: DELIVERY_SETTINGS,
    client: {
      clientId: 'robot',
      async call(method, _path, body) {
        const { cardData } = body as { cardData?: { cardParamMap: { title: string; markdown: string } } }
        const { title = '', markdown = '' } = cardData?.cardParamMap ?? {}
        sent.push({ method, title, markdown })
        if (method === 'PUT' && !made) throw new AppError({ kind: 'permanent', code: 'CARD_NOT_EXIST' }, 'no such card')
        made = true
        return { success: true, result: [{ spaceId: 'cid', success: true }] }
      },
    },
    integrationId: id,
    corpId: 'corp',
    draw: (face) => drawCard(face),
    cardCallback: 'STREAM',
    quota: {
      countCall: count(1),
      refundCall: count(-1),
      countPush: nothing,
      isHalfUsed: async () => false,
      isScarce: async () => false,
      verifyAllowance: async () => 0,
      countVerification: nothing,
    },
    groupPerMinute: 0,
    isPressed: () => false,
    owner: 'here',
    wakeDueCards: nothing,
  }
  const advance = (title: string) =>
    db.write(async (trx) => {
      nowMs += 1_000
      const incident = incidentOf({
        incident_id: 'incident',
        num: '0A1B2C',
        title,
        description: 'the **body**',
        incident_severity: 'Warning',
        progress: 'Triggered',
        start_time: 1_760_000_000,
        channel_name: 'channel',
      })
      const version = { updatedAt: Math.floor(nowMs / 1000), eventTime: nowMs, eventId: title }
      return advanceIncident(trx, { integrationId: id, incident, version, lastAct: undefined }, nowMs)
    })
  const { rev } = await advance('**disk** full')
  await db.write(async (trx) => {
    const notification = { integrationId: id, incidentId: 'incident', key: 'first', generation: 0, prefix: '' }
    await addNotification(trx, { ...notification, eventId: 'first' }, nowMs)
    const names = { outTrackId: id, integrationId: id, incidentId: 'incident', notificationKey: 'first' }
    const audience = {
      robotCode: 'robot',
      templateId: PUBLIC_TEMPLATE_ID,
      callbackType: 'STREAM' as const,
      locale: 'zh-CN' as const,
      replyEventTypes: [],
      disableAt: false,
      snoozeMinutes: [120],
      customActions: [],
    }
    const of = { audienceKey: 'all', audience, replacement: 0, rev, urgent: false }
    await addCard(trx, { ...names, ...of, spaces: [{ kind: 'group', targetId: 'cid' }] }, nowMs)
    await addRecord(
      trx,
      {
        integration_id: id,
        event_id: 'first',
        incident_id: 'incident',
        record_key: `${id} first`,
        kind: 'group',
        target_id: 'cid',
        status: 'pending',
        out_track_id: id,
        rev,
        effect: 'create',
      },
      nowMs,
    )
  })
  const later = (ms: number): void => void (nowMs += ms)
  return {
    deps,
    sent,
    counted,
    lines,
    later,
    /** Another process takes the card and is never heard of again. */
    async die(api: 'create' | 'update', owner: string): Promise<boolean> {
      const dying = { ...deps, owner }
      const claimed = await db.write<object | undefined>((trx) =>
        api === 'create' ? claimDelivery(dying, trx) : claimUpdate(dying, trx),
      )
      later(DELIVERY_SETTINGS.leaseMs + 1)
      return claimed !== undefined
    },
    async show(title: string): Promise<void> {
      const { rev: next } = await advance(title)
      await db.write((trx) => allowRevision(trx, [id], { rev: next, spacingMs: 0 }, nowMs))
    },
    deliver: () => reconcileDelivery(deps, nothing),
    update: () => reconcileUpdate(deps, nothing),
    card: async () => (await findCard(db.read, id)) ?? expect.fail('there is no card'),
    notes: async () => (await listRecordsOfEvent(db.read, id, 'first')).map(({ note }) => note),
  }
}

test('a card is drawn once its lease and what is about to be sent are committed', async () => {
  const scene = await stage('committed')
  const seen: unknown[] = []
  scene.deps.draw = (face) => {
    // Reading goes around the lane of writers, and sees what is committed only.
    seen.push(Promise.all([findCard(db.read, 'committed'), listPlacements(db.read, ['committed'])]))
    return drawCard(face)
  }
  await scene.deliver()
  const [card, placements] = (await seen[0]) as [{ lease_owner: string }, { status: string }[]]
  expect({ owner: card.lease_owner, status: placements[0]?.status }).toEqual({ owner: 'here', status: 'sending' })
  await scene.show('second')
  scene.later(1_000)
  await scene.update()
  expect((await seen[1]) as unknown[]).toMatchObject([{ lease_owner: 'here' }, [{ status: 'delivered' }]])
})

test('two deaths over a card make it plain, a third leaves the letters of its title', async () => {
  const scene = await stage('deaths')
  expect(await scene.die('create', 'one')).toBe(true)
  expect(await scene.die('update', 'two')).toBe(true)
  expect(await scene.card()).toMatchObject({ lost_leases: 1, plain: 0 })
  await scene.update()
  expect(await scene.card()).toMatchObject({ stage: 'absent', lost_leases: 0, plain: 1 })
  await scene.deliver()
  expect(scene.sent.map(({ method }) => method)).toEqual(['PUT', 'POST'])
  expect(scene.sent[1]?.title).toContain('#0A1B2C **disk** full')
  expect(scene.sent[1]?.markdown).toContain('```\nthe **body**\n```')
  expect(await scene.notes()).toEqual(['DRAWN_PLAIN'])
  expect(scene.lines).toMatchObject([{ msg: 'card-drawn-plain', lost: 2, minimal: false, outTrackId: 'deaths' }])

  await scene.show('[db](https://a.example) **full**')
  scene.later(1_000)
  for (const owner of ['three', 'four', 'five']) expect(await scene.die('update', owner)).toBe(true)
  await scene.update()
  const { title = '', markdown = '' } = scene.sent[2] ?? {}
  expect({ title, markdown }).toEqual({
    title: '🟠 待处理 · db https a.example full',
    markdown: '**严重程度**：警告',
  })
  expect(await scene.card()).toMatchObject({ lost_leases: 0, plain: 2, lease_owner: null, update_due_at: null })
})

test('a death that stays alone, and a process that overslept, change nothing', async () => {
  const scene = await stage('alone')
  expect(await scene.die('create', 'one')).toBe(true)
  await scene.update()
  await scene.deliver()
  expect(scene.sent.at(-1)?.title).toContain('**disk** full')
  await scene.show('second')
  scene.later(1_000)
  for (let times = 0; times < 4; times++) expect(await scene.die('update', 'here')).toBe(true)
  expect(await scene.card()).toMatchObject({ lost_leases: 0, plain: 0 })
  await scene.update()
  expect(scene.sent.at(-1)?.markdown).toContain('**body**')
  expect([await scene.notes(), scene.lines]).toEqual([[null], []])
})

test('what cannot be drawn is put off, costs no call, and is drawn with less', async () => {
  const scene = await stage('throws')
  const cannot = (face: CardFace) => {
    if (!face.minimal) throw new TypeError('odd text')
    return drawCard(face)
  }
  scene.deps.draw = cannot
  await scene.deliver()
  expect(await scene.card()).toMatchObject({ stage: 'absent', lost_leases: 1, lease_owner: null, update_due_at: null })
  expect(await listPlacements(db.read, ['throws'])).toMatchObject([{ status: 'waiting' }])
  await scene.deliver()
  expect(scene.lines).toMatchObject([{ msg: 'card-draw-failed', level: 'error', outTrackId: 'throws' }])
  for (let times = 0; times < 3; times++) {
    scene.later(60_000)
    await scene.deliver()
  }
  expect(scene.sent).toMatchObject([{ method: 'POST', title: '🟠 待处理 · disk full' }])
  expect(scene.counted).toEqual({ createAndDeliver: 1 })
  expect(await scene.notes()).toEqual(['DRAWN_PLAIN'])

  scene.deps.draw = () => {
    throw new TypeError('odder text')
  }
  await scene.show('second')
  scene.later(1_000)
  await scene.update()
  await scene.update()
  expect(await scene.card()).toMatchObject({ lost_leases: 1, lease_owner: null })
  scene.deps.draw = cannot
  scene.later(60_000)
  await scene.update()
  expect(scene.sent).toHaveLength(2)
  expect(scene.counted).toEqual({ createAndDeliver: 1, updateCard: 1 })
  expect(await scene.card()).toMatchObject({ lost_leases: 0, update_due_at: null })
})

test('an update that would show nothing new costs no call', async () => {
  const scene = await stage('same')
  await scene.deliver()
  await scene.show('**disk** full')
  scene.later(1_000)
  await scene.update()
  expect(scene.sent).toHaveLength(1)
  expect(scene.counted).toEqual({ createAndDeliver: 1 })
  expect(await scene.card()).toMatchObject({ update_due_at: null, lease_owner: null })
})
