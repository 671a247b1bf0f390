import { MAX_ENTRIES, MAX_KEYS, MAX_NESTING } from '../limits.ts'
import type { Reading } from './reading.ts'

/**
 * The body without what stands for nothing: `{{path}}` as a whole value, which Flashduty leaves where its event has no such
 * path (page "incident webhooks"), and whatever is nested deeper than anything means. The body itself is not changed.
 */
export function tidyBody(body: unknown, reading: Reading): unknown {
  return tidied(body, [], reading)
}

/** @returns undefined for a value that is to be left out */
function tidied(value: unknown, path: (string | number)[], reading: Reading): unknown {
  if (typeof value === 'string') return isPlaceholder(value) ? undefined : value
  // JSON can write a number that is none here, and could not write it again.
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  if (typeof value !== 'object' || value === null) return value
  if (path.length >= MAX_NESTING) {
    reading.leaveOut(() => `${nameOf(path)}…`, `is nested deeper than ${MAX_NESTING} levels`)
    return undefined
  }
  return Array.isArray(value) ? tidiedList(value, path, reading) : tidiedObject(value, path, reading)
}

function tidiedList(whole: unknown[], path: (string | number)[], reading: Reading): unknown[] {
  if (whole.length > MAX_ENTRIES) reading.leaveOut(() => nameOf(path), tooMany(whole.length, MAX_ENTRIES))
  const list = whole.length > MAX_ENTRIES ? whole.slice(0, MAX_ENTRIES) : whole
  let copy: unknown[] | undefined
  for (const [index, entry] of list.entries()) {
    path.push(index)
    // Null, so that those behind it keep their places.
    const kept = tidied(entry, path, reading) ?? null
    path.pop()
    if (kept === entry) continue
    copy ??= [...list]
    copy[index] = kept
  }
  return copy ?? list
}

function tidiedObject(whole: object, path: (string | number)[], reading: Reading): object {
  let entries = Object.entries(whole)
  let object = whole
  if (entries.length > MAX_KEYS) {
    reading.leaveOut(() => nameOf(path), tooMany(entries.length, MAX_KEYS))
    const first = entries.filter(([key]) => FIRST.has(key))
    entries = [...first, ...entries.filter(([key]) => !FIRST.has(key))].slice(0, MAX_KEYS)
    object = Object.fromEntries(entries)
  }
  let copy: Record<string, unknown> | undefined
  for (const [key, entry] of entries) {
    path.push(key)
    const kept: unknown = tidied(entry, path, reading)
    path.pop()
    if (kept === entry) continue
    copy ??= { ...object }
    // Setting this one would change what kind of object it is.
    if (kept === undefined || key === '__proto__') delete copy[key]
    else copy[key] = kept
  }
  return copy ?? object
}

/** What an alert must not lose among thousands of other keys. */
const FIRST = new Set(
  (
    'event_id event_time event_type person incident delivery incident_id num title incident_severity progress start_time ' +
    'updated_at responders labels detail_url integration_id data_source_id mode chats chat_ids person_ids action_id ok error'
  ).split(' '),
)

function tooMany(count: number, most: number): string {
  return `has ${count} entries, more than ${most}: the rest is left out`
}

function nameOf(path: (string | number)[]): string {
  const shown = path.slice(0, MAX_NAMED).map((key) => String(key).slice(0, MAX_KEY))
  return shown.join('.') || '(body)'
}

/** Of a path: how many keys are named, and how many letters of each. */
const MAX_NAMED = 4
const MAX_KEY = 60

/** `{{path}}` and nothing else. */
export function isPlaceholder(value: string): boolean {
  if (!value.includes('{{')) return false
  const trimmed = value.trim()
  return (
    trimmed.startsWith('{{') &&
    trimmed.endsWith('}}') &&
    trimmed.indexOf('}') === trimmed.length - 2 &&
    trimmed.lastIndexOf('{') === 1
  )
}

/**
 * The same body as far as it can be carried as JSON: of what is nested too deeply nothing is left but that it was there, so that
 * whoever reads it next says the same of it.
 */
export function shallowBody(value: unknown, depth = 0): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return depth >= MAX_NESTING ? [] : value.map((entry) => shallowBody(entry, depth + 1))
  const entries = depth >= MAX_NESTING ? [] : Object.entries(value)
  return Object.fromEntries(entries.map(([key, entry]): [string, unknown] => [key, shallowBody(entry, depth + 1)]))
}
