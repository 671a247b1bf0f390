import { describe, expect, test } from 'vitest'

import { reconcileDelivery, reconcileUpdate } from '../../src/delivery/reconcile.ts'
import { drawCard } from '../../src/delivery/render/draw.ts'
import { PUBLIC_TEMPLATE_ID } from '../../src/domain/card-template.ts'
import { DELIVERY_SETTINGS } from '../../src/delivery/settings.ts'
import type { ReconcileDeps } from '../../src/delivery/work.ts'
import type { Audience } from '../../src/domain/card.ts'
import { incidentOf } from '../../src/domain/incident.fixture.ts'
import { AppError } from '../../src/errors.ts'
import { createLog } from '../../src/log.ts'
import { addCard, addNotification, findCard } from '../../src/storage/cards.ts'
import { allowRevision, freezeCards } from '../../src/storage/change-cards.ts'
import type { Db } from '../../src/storage/db.ts'
import { holdCard, releaseCard } from '../../src/storage/held-cards.ts'
import { advanceIncident } from '../../src/storage/incidents.ts'
import { listPlacements } from '../../src/storage/placements.ts'
import { useDatabase } from '../support/use-database.ts'

let db: Db
useDatabase((opened) => (db = opened))

const AUDIENCE: Audience = {
  robotCode: 'robot',
  templateId: PUBLIC_TEMPLATE_ID,
  callbackType: 'STREAM',
  locale: 'zh-CN',
  replyEventTypes: [],
  disableAt: false,
  snoozeMinutes: [120],
  customActions: [],
}
const SPACING_MS = DELIVERY_SETTINGS.spacingMs

/** One incident with one card in one group, and a DingTalk that takes every call until it is told to refuse them. */
async function stage(id: string, create: 'answered' | 'unknown' = 'answered') {
  let nowMs = 1_760_000_000_000
  let refuse: (() => Promise<AppError | void>) | undefined
  let posts = 0
  let puts = 0
  const nothing = async (): Promise<void> => {}
  const deps: ReconcileDeps = {
    db,
    clock: { nowMs: () => nowMs },
    log: createLog('silent'),
    settings: DELIVERY_SETTINGS,
    client: {
      clientId: 'robot',
      async call(method) {
        if (method === 'POST') {
          posts += 1
          if (create === 'unknown') throw new AppError({ kind: 'unknown-outcome', code: 'NETWORK' }, 'no answer')
          return { success: true, result: [{ spaceId: 'cid', success: true }] }
        }
        puts += 1
        if (!refuse) return { success: true, result: true }
        throw (await refuse()) ?? new AppError({ kind: 'permanent', code: 'IM_ERROR' }, 'refused')
      },
    },
    integrationId: id,
    corpId: 'corp',
    cardCallback: 'STREAM',
    quota: {
      countCall: nothing,
      refundCall: nothing,
      countPush: nothing,
      isHalfUsed: async () => false,
      isScarce: async () => false,
      verifyAllowance: async () => 0,
      countVerification: nothing,
    },
    groupPerMinute: 0,
    isPressed: () => false,
    owner: 'here',
    draw: (face) => drawCard(face),
    wakeDueCards: nothing,
  }
  const advance = (title: string) =>
    db.write(async (trx) => {
      nowMs += 1_000
      const incident = incidentOf({
        incident_id: 'incident',
        title,
        incident_severity: 'Warning',
        progress: 'Triggered',
        start_time: 1_760_000_000,
      })
      const version = { updatedAt: Math.floor(nowMs / 1000), eventTime: nowMs, eventId: title }
      return advanceIncident(trx, { integrationId: id, incident, version, lastAct: undefined }, nowMs)
    })
  const show = async (title: string): Promise<void> => {
    const { rev } = await advance(title)
    await db.write((trx) => allowRevision(trx, [id], { rev, spacingMs: SPACING_MS }, nowMs))
  }
  const update = async (): Promise<number> => {
    nowMs += 10 * SPACING_MS
    const before = puts
    await reconcileUpdate(deps, nothing)
    return puts - before
  }

  const { rev } = await advance('first')
  await db.write(async (trx) => {
    const notification = { integrationId: id, incidentId: 'incident', key: 'first', generation: 0, prefix: '' }
    await addNotification(trx, { ...notification, eventId: 'first' }, nowMs)
    const names = { outTrackId: id, integrationId: id, incidentId: 'incident', notificationKey: 'first' }
    const of = { audienceKey: 'all', audience: AUDIENCE, replacement: 0, rev, urgent: false }
    await addCard(trx, { ...names, ...of, spaces: [{ kind: 'group', targetId: 'cid' }] }, nowMs)
  })
  await reconcileDelivery(deps, nothing)
  return {
    show,
    update,
    async deliver(): Promise<number> {
      nowMs += 10 * SPACING_MS
      const before = posts
      await reconcileDelivery(deps, nothing)
      return posts - before
    },
    hold: () => db.write((trx) => holdCard(trx, id, nowMs + 1_000 * SPACING_MS)),
    release: (after: Parameters<typeof releaseCard>[2]) => db.write((trx) => releaseCard(trx, id, after)),
    freeze: () => db.write((trx) => freezeCards(trx, [id], nowMs, SPACING_MS)),
    refuseWhile: (work: () => Promise<AppError | void>) => (refuse = work),
    accept: () => (refuse = undefined),
    card: () => findCard(db.read, id),
  }
}

describe('what comes while DingTalk refuses an update for good', () => {
  test('is shown all the same when it is a newer state', async () => {
    const scene = await stage('newer')
    scene.refuseWhile(() => scene.show('third'))
    await scene.show('second')
    expect(await scene.update()).toBe(1)
    scene.accept()
    expect(await scene.update()).toBe(1)
    expect(await scene.card()).toMatchObject({ allowed_rev: 3, shown_rev: 3, update_due_at: null })
  })

  test('is shown all the same when it is a newer card', async () => {
    const scene = await stage('frozen')
    scene.refuseWhile(scene.freeze)
    await scene.show('second')
    expect(await scene.update()).toBe(1)
    scene.accept()
    expect(await scene.update()).toBe(1)
    expect(await scene.card()).toMatchObject({ frozen: 1, update_due_at: null })
  })

  test('is nothing, most times, and then the refusal stands', async () => {
    const scene = await stage('nothing')
    scene.refuseWhile(async () => {})
    await scene.show('second')
    expect(await scene.update()).toBe(1)
    scene.accept()
    expect(await scene.update()).toBe(0)
    expect(await scene.card()).toMatchObject({ update_due_at: null, lease_until: 0 })
  })
})

test('a card that was replaced before it is found not to exist is not made to say so', async () => {
  const scene = await stage('absent', 'unknown')
  await scene.freeze()
  const absent = new AppError({ kind: 'permanent', code: 'CARD_NOT_EXIST' }, 'no such card')
  scene.refuseWhile(async () => absent)
  expect(await scene.update()).toBe(1)
  expect(await scene.deliver()).toBe(0)
  expect(await scene.card()).toMatchObject({ stage: 'absent', frozen: 1, deliver_due_at: null, update_due_at: null })
  expect(await listPlacements(db.read, ['absent'])).toMatchObject([{ status: 'cancelled' }])
})

test.each([
  ['as it was', 'as-it-was'],
  ['that is to be shown', { dueAt: 0 }],
  ['that was seen', { shown: { rev: 1, hash: 'hash' } }],
] as const)('a card replaced while a press is answered says so after the answer: a face %s', async (name, after) => {
  const scene = await stage(`held ${name}`)
  await scene.hold()
  await scene.freeze()
  expect(await scene.update()).toBe(0)
  await scene.release(after)
  expect(await scene.update()).toBe(1)
  expect(await scene.card()).toMatchObject({ frozen: 1, update_due_at: null })
})
