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

/** The same of an object, and of what is left of it without one key; `bytes` of the JSON. */
export function hashesOf(value: Record<string, unknown>, without: string) {
  const parts = Object.keys(value)
    .sort()
    .map((key) => ({ key, json: `${JSON.stringify(key)}:${canonicalJson(value[key])}` }))
  const others = parts.filter(({ key }) => key !== without)
  return {
    bodyHash: digest(24, ...parts.map(({ json }) => json)),
    contentHash: digest(24, ...others.map(({ json }) => json)),
    bytes: parts.reduce((sum, { json }) => sum + Buffer.byteLength(json) + 1, 1),
  }
}
