import { configure } from 'safe-stable-stringify'

import { digest } from './ids.ts'

/** What lies deeper tells nothing apart, and would cost the stack. */
const MAX_DEPTH = 100

const stringify = configure({ maximumDepth: MAX_DEPTH })

/** JSON with its keys in order: the same text for values that differ in nothing else. Never throws. */
export function canonicalJson(value: unknown): string {
  return stringify(value) ?? 'null'
}

export function hashOfJson(value: unknown): string {
  return digest(24, canonicalJson(value))
}
