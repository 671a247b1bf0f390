/** Milliseconds after its arrival at which something of DingTalk is answered at the latest, and from which on it is not. */
export type Deadline = {
  answerMs: number
  /**
   * Nobody waits any more. No press is answered after this, and nothing by the Stream, where a reply past DingTalk's own
   * deadline can block its side of the connection.
   */
  tooLateMs: number
}

/** By what came; `eventPush`: an event over HTTP. */
export type Deadlines = { event: Deadline; eventPush: Deadline; press: Deadline; message: Deadline }

/**
 * Inside DingTalk's own: 3 s for an event, 2 s for a press or a message. For an event over HTTP it waits 2.5 s by its
 * newest page and 1.2 s by its oldest.
 */
export const DEADLINES: Deadlines = {
  event: { answerMs: 2_400, tooLateMs: 2_850 },
  eventPush: { answerMs: 900, tooLateMs: 2_400 },
  press: { answerMs: 1_750, tooLateMs: 1_900 },
  message: { answerMs: 1_750, tooLateMs: 1_900 },
}

/** What is ready at once is worth waiting for even when the time to answer is over. */
const MOMENT_MS = 50

/** @returns how long the answer to what has waited so long may still take */
export function leftMs({ answerMs, tooLateMs }: Deadline, waitedMs: number): number {
  // Nobody waits for the answer any more, so the work has all the time it needs.
  if (waitedMs >= tooLateMs) return answerMs
  return Math.max(MOMENT_MS, answerMs - waitedMs)
}
