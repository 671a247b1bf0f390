import { hash } from 'node:crypto'

import { newId } from './ids.ts'

/**
 * Ids of the incidents of test cards: 24 hexadecimal digits like Flashduty's own, whose first eight are a time in seconds;
 * theirs come to begin like this in the year 2106. Nothing about such an incident is ever asked of Flashduty, or told it.
 */
export const TEST_PREFIX = 'fffffffffd7e57'

const DIGITS = 24

export function newTestIncidentId(): string {
  return TEST_PREFIX + hash('sha256', newId(), 'hex').slice(0, DIGITS - TEST_PREFIX.length)
}

export function isTestIncident(incidentId: string): boolean {
  return incidentId.length === DIGITS && incidentId.startsWith(TEST_PREFIX)
}

/** What was done to a test card, as its last line says it: `act.test_seen` and `act.test_over`. */
export type TestAct = 'test_seen' | 'test_over'

/** Whom a test card is for. */
export type TestTarget = { kind: 'group' | 'person'; id: string }

const TITLE = '测试卡片 / Test card'
const WORDS = [
  '这是一张测试卡片，用来确认卡片能显示、按钮能按。请按一下下面的按钮，谁按都可以。',
  'This test card shows whether cards are drawn and their buttons work. Please press the button below; anybody may.',
].join('\n\n')

/** The body of a test card's event, as an incident webhook has it. Whom it is for stands in the database alone. */
export function testBody(incidentId: string, nowMs: number) {
  const seconds = Math.floor(nowMs / 1_000)
  return {
    event_id: `test-${incidentId}`,
    event_time: nowMs,
    event_type: 'i_notify',
    incident: {
      incident_id: incidentId,
      title: TITLE,
      description: WORDS,
      incident_severity: 'Info',
      progress: 'Triggered',
      start_time: seconds,
      updated_at: seconds,
    },
  }
}

/** What came of a test, as it is kept and shown. */
export const TEST_OUTCOMES = [
  'passed',
  'not-taken',
  'not-delivered',
  'not-pressed',
  'unreadable',
  'not-answered',
  'not-repainted',
  'stopped',
] as const
export type TestOutcome = (typeof TEST_OUTCOMES)[number]

/** `atMs` of the legs count from the start of the test. */
export type TestResult = {
  outcome: TestOutcome
  /** Template the card was made by; undefined = it was not made. */
  templateId?: string | undefined
  legs: { leg: string; atMs: number }[]
  /** A `Reason`, and what the platform said. */
  reason?: string | undefined
  detail?: string | undefined
}
