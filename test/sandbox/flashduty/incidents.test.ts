import { expect, test } from 'vitest'
import { apply, isSnoozed, newIncident } from './incidents.ts'

const START_MS = 1_760_000_000_000
const people = [1, 2].map((id) => ({ person_id: id, person_name: `P${id}`, email: `p${id}@example.com` }))
const place = { accountId: 1, accountName: 'a', channelId: 2, channelName: 'c', consoleUrl: 'http://console' }

function makeIncident() {
  return newIncident({ title: 't', severity: 'Info', description: '', labels: {} }, place, START_MS)
}

test('ack_time is the earliest acknowledgement; each responder keeps the own one', () => {
  const incident = makeIncident()
  apply(incident, { kind: 'ack' }, people[0], START_MS + 5_000)
  apply(incident, { kind: 'ack' }, people[1], START_MS + 9_000)
  expect(incident.ack_time).toBe(1_760_000_005)
  expect(incident.responders.map((one) => one.acknowledged_at)).toEqual([1_760_000_005, 1_760_000_009])
  expect(incident.updated_at).toBe(1_760_000_009)
})

test('updated_at never goes back, even when the clock does', () => {
  const incident = makeIncident()
  apply(incident, { kind: 'comment' }, people[0], START_MS - 60_000)
  expect(incident.updated_at).toBe(1_760_000_000)
})

test('a snooze lasts to the second it names', () => {
  const incident = makeIncident()
  apply(incident, { kind: 'ack' }, people[0], START_MS)
  apply(incident, { kind: 'snooze', minutes: 30 }, people[0], START_MS)
  expect(incident.snoozed_before).toBe(1_760_001_800)
  expect(isSnoozed(incident, START_MS + 1_799_999)).toBe(true)
  expect(isSnoozed(incident, START_MS + 1_800_000)).toBe(false)
})
