import { describe, expect, test } from 'vitest'

import { incidentOf } from '../../src/domain/incident.fixture.ts'
import { versionOfEvent } from '../../src/domain/version.ts'
import type { Db } from '../../src/storage/db.ts'
import { advanceIncident } from '../../src/storage/incidents.ts'
import { useDatabase } from '../support/use-database.ts'

let db: Db
useDatabase((opened) => (db = opened))

const T = 1_760_000_000
const NOW = (T + 60) * 1_000
const IMAGES = [{ src: 'https://img.example/1.png' }]
const INCIDENT = {
  title: 'db-01',
  description: 'idle 3 %',
  incident_severity: 'Critical',
  progress: 'Triggered',
  start_time: T,
  labels: { env: 'prod', resource: 'db-01' },
}
const RENDERED = { title: undefined, body: 'rendered' }
const NEWER = { title: 'x', body: 'newer' }

let incidents = 0
/** A fresh incident taken through snapshots, each newer by its place in the list unless it says when it was made. */
async function through(...steps: { incident?: object; rendered?: typeof NEWER | typeof RENDERED; at?: number }[]) {
  incidents += 1
  const incidentId = `incident-${incidents}`
  const states = []
  for (const [index, { incident: change, rendered, at = index + 1 }] of steps.entries()) {
    const incident = incidentOf({ ...INCIDENT, incident_id: incidentId, updated_at: T + at, ...change })
    const { progress, updated_at: updatedAt } = incident
    const told = { eventType: 'i_ack', eventId: `e${at}`, eventTime: (T + at) * 1000, updatedAt, progress }
    const version = versionOfEvent(told, { takenAtMs: NOW, sentAtMs: NOW }, undefined)
    const snapshot = { integrationId: 'int', incident, version, lastAct: undefined, rendered }
    states.push(await db.write((trx) => advanceIncident(trx, snapshot, NOW)))
  }
  const last = states.at(-1)
  if (!last) throw new Error('no snapshots')
  return last
}

describe('a rendered text', () => {
  test.each<[string, object]>([
    ['nothing', {}],
    ['the progress', { progress: 'Processing', ack_time: T }],
    ['the number of alerts', { alert_cnt: 9, last_time: T }],
    ['the impact', { impact: 'x' }],
    ['the order of labels', { labels: { resource: 'db-01', env: 'prod' } }],
    ['pictures that were never spoken of before', { images: IMAGES }],
  ])('stays when a snapshot without one changes %s', async (_what, incident) => {
    expect((await through({ rendered: RENDERED }, { incident })).rendered).toEqual({ body: 'rendered' })
  })

  test.each<[string, object]>([
    ['the title', { title: 'db-02' }],
    ['the description', { description: 'idle 2 %' }],
    ['a label', { labels: { env: 'prod', resource: 'db-02' } }],
    ['the labels’ number', { labels: { env: 'prod' } }],
    ['the severity', { incident_severity: 'Warning' }],
    ['the pictures', { images: [{ src: 'https://img.example/2.png' }] }],
    ['the pictures to none', { images: [] }],
  ])('goes when a snapshot without one changes %s, and does not come back', async (_what, incident) => {
    const first = { incident: { images: IMAGES }, rendered: RENDERED }
    expect((await through(first, {})).rendered).toBeDefined()
    expect((await through(first, { incident })).rendered).toBeUndefined()
    expect((await through(first, { incident }, { incident: { images: IMAGES } })).rendered).toBeUndefined()
  })

  test('gives way to a newer one, whatever changed, and to no older one', async () => {
    const first = { rendered: RENDERED, at: 5 }
    expect((await through(first, { rendered: NEWER, at: 6, incident: { title: 'y' } })).rendered).toEqual(NEWER)
    const late = await through(first, { rendered: NEWER, at: 4 })
    expect(late).toMatchObject({ advanced: false, rendered: { body: 'rendered' } })
  })
})

test('what webhooks leave out is remembered from the answers that have it', async () => {
  const page = 'https://console.example/silence'
  const told = { incident: { images: IMAGES, silence_url: page } }
  const { incident } = await through(told, { incident: { progress: 'Processing' } })
  expect(incident).toMatchObject({ progress: 'Processing', silence_url: page, images: [{ src: IMAGES[0]?.src }] })
  expect((await through(told, { incident: { images: [] } })).incident.images).toEqual([])
})

describe('a version that rests on a time of the future', () => {
  const YEAR_2100 = 4_102_444_800
  const put = (name: string, title: string, version: { updatedAt: number; eventTime: number }, nowMs: number) =>
    db.write((trx) => {
      const incident = incidentOf({ ...INCIDENT, incident_id: name, title })
      const snapshot = { integrationId: 'int', incident, version: { ...version, eventId: '1:e' }, lastAct: undefined }
      return advanceIncident(trx, snapshot, nowMs)
    })
  const at = (s: number) => ({ updatedAt: s, eventTime: s * 1_000 })

  test.each<[string, object]>([
    ['an hour ahead', { version_updated_at: T + 3_600 }],
    ['in 2100', { version_updated_at: YEAR_2100, version_event_time: YEAR_2100 * 1_000 }],
    ['in 2100, by the event alone', { version_event_time: YEAR_2100 * 1_000 }],
  ])('%s gives way to the next one', async (name, poison) => {
    await put(name, 'first', at(T), NOW)
    for (const kept of [{}, { version_stored_at: null }]) {
      await db.write((trx) =>
        trx
          .updateTable('incidents')
          .set({ ...poison, ...kept })
          .where('incident_id', '=', name)
          .execute(),
      )
      expect(await put(name, 'next', at(T + 10), NOW)).toMatchObject({ advanced: true, incident: { title: 'next' } })
      expect(await put(name, 'older', at(T + 9), NOW)).toMatchObject({ advanced: false, poisoned: false })
    }
  })

  test('is none when it was believed by the clock of then', async () => {
    await put('slow', 'first', at(T), T * 1_000)
    const back = (T - 7_200) * 1_000
    expect(await put('slow', 'next', { updatedAt: T, eventTime: T * 1_000 + 1 }, back)).toMatchObject({
      advanced: true,
    })
    expect(await put('slow', 'older', at(T - 7_300), back)).toMatchObject({ advanced: false, poisoned: false })
  })
})
