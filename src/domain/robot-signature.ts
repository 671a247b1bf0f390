import { createHmac } from 'node:crypto'

import { isSame } from './callback-crypto.ts'

/** So far may the time in a robot message's signature be from ours (page "receive-message"). */
const ROBOT_WINDOW_MS = 3_600_000

/** Base64 of the HMAC-SHA256 over the timestamp's text and the app's secret, with which it is keyed too. */
export function signRobotMessage(clientSecret: string, timestamp: string): string {
  return createHmac('sha256', clientSecret).update(`${timestamp}\n${clientSecret}`).digest('base64')
}

export function isRobotSignature(
  clientSecret: string,
  signed: { timestamp: string | undefined; sign: string | undefined },
  nowMs: number,
): boolean {
  const { timestamp, sign } = signed
  if (!timestamp || !sign || !isSame(sign, signRobotMessage(clientSecret, timestamp))) return false
  return Math.abs(Number(timestamp) - nowMs) <= ROBOT_WINDOW_MS
}
