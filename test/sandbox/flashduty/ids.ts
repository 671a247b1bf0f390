import { randomBytes, randomInt } from 'node:crypto'

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** 24 hex digits that start with the time, like the object ids Flashduty shows. */
export function objectId(nowMs: number): string {
  return Math.floor(nowMs / 1000).toString(16) + randomBytes(8).toString('hex')
}

export function hex(bytes: number): string {
  return randomBytes(bytes).toString('hex')
}

/** Thirteen digits: above 2^32, below 2^53, as ids of members, channels and accounts are. */
export function bigId(): number {
  return 2_000_000_000_000 + randomInt(1_000_000_000) * 1000 + 131
}

/** 26 characters, time first: the form of `request_id`. */
export function requestId(nowMs: number): string {
  let time = ''
  for (let rest = nowMs, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) time = CROCKFORD[rest % 32] + time
  return time + Array.from(randomBytes(16), (byte) => CROCKFORD[byte % 32]).join('')
}
