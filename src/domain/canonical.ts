import { stringify } from 'safe-stable-stringify'

import { digest } from './ids.ts'

/** The same for JSON values that differ in nothing but the order of their keys. */
export function hashOfJson(value: unknown): string {
  return digest(24, stringify(value) ?? '')
}
