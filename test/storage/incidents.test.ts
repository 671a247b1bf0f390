import { describe, expect, test } from 'vitest'

import { IncidentSchema, versionOfEvent } from '../../src/domain/incident.ts'
import type { Db } from '../../src/storage/db.ts'
import { advanceIncident } from '../../src/storage/incidents.ts'
import { useDatabase } from '../support/use-database.ts'

let db: Db
useDatabase((opened) => (db = opened))

const T = 1_760_000_000
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
    const incident = IncidentSchema.parse({ ...INCIDENT, incident_id: incidentId, updated_at: T + at, ...change })
    const version = versionOfEvent(incident, { eventType: 'i_ack', eventTime: (T + at) * 1000, eventId: `e${at}` })
    const snapshot = { integrationId: 'int', incident, version, lastAct: undefined, rendered }
    states.push(await db.write((trx) => advanceIncident(trx, snapshot, 1)))
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
