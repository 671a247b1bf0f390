import { expect, test } from 'vitest'

import { isSnoozed } from './card.ts'
import { incidentOf } from './incident.fixture.ts'

test.each<[string, boolean, Record<string, unknown>, boolean]>([
  ['put off', true, {}, false],
  ['put off, though the time is up', false, {}, true],
  ['not put off', false, { snoozed_before: 0 }, false],
  ['put off until a time that had passed at its last update', false, { snoozed_before: 1_760_000_000 }, false],
  ['put off, of an unknown last update', true, { updated_at: undefined }, false],
  ['not acknowledged any more', false, { progress: 'Triggered' }, false],
  ['closed', false, { progress: 'Closed' }, false],
])('an incident %s: %s', (_what, expected, change, snoozeOver) => {
  const incident = incidentOf({
    incident_id: 'i1',
    title: 't',
    incident_severity: 'Critical',
    progress: 'Processing',
    start_time: 1_759_990_000,
    updated_at: 1_760_000_000,
    snoozed_before: 1_760_007_200,
    ...change,
  })
  expect(isSnoozed(incident, snoozeOver)).toBe(expected)
})
