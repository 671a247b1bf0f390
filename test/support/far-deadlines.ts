import type { Deadlines } from '../../src/domain/deadlines.ts'
import type { DingTalkSettings } from '../sandbox/dingtalk/types.ts'

/** Nobody who waits for an answer gives up, at neither side: for stories that are about something else. */
const HOUR_MS = 3_600_000

/** Of DingTalk. */
export const PATIENT_DINGTALK: Partial<DingTalkSettings> = {
  eventDeadlineMs: HOUR_MS,
  httpEventDeadlineMs: HOUR_MS,
  cardDeadlineMs: HOUR_MS,
  robotDeadlineMs: HOUR_MS,
}

const far = { answerMs: HOUR_MS, tooLateMs: HOUR_MS }

/** What the daemon believes of DingTalk's. */
export const FAR_DEADLINES: Deadlines = { event: far, eventPush: far, press: far, message: far }
