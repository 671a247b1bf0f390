import { createHmac } from 'node:crypto'

import { isSame } from './callback-crypto.ts'

/** So far may the time in a card callback's signature be from ours; the signature covers nothing else. */
const CARD_WINDOW_MS = 5 * 60_000

/** Headers of a card callback, sent when an apiSecret was registered (page "event-callback-card"). */
export const CARD_SIGNATURE = 'x-ddpaas-signature'
export const CARD_TIMESTAMP = 'x-ddpaas-signature-timestamp'

/** Base64 of the HMAC-SHA256 over the timestamp's text. */
export function signCardCallback(apiSecret: string, timestamp: string): string {
  return createHmac('sha256', apiSecret).update(timestamp).digest('base64')
}

export type SignatureVerdict = 'good' | 'missing' | 'wrong' | 'out-of-window'

export function judgeCardSignature(
  apiSecret: string,
  signed: { timestamp: string | undefined; signature: string | undefined },
  nowMs: number,
): SignatureVerdict {
  const { timestamp, signature } = signed
  if (!timestamp || !signature) return 'missing'
  if (!isSame(signature, signCardCallback(apiSecret, timestamp))) return 'wrong'
  const skewMs = Math.abs(Number(timestamp) - nowMs)
  return skewMs <= CARD_WINDOW_MS ? 'good' : 'out-of-window'
}
