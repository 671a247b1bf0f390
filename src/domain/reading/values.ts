import { MAX_ENTRIES } from '../limits.ts'
import { beginningOf } from '../text.ts'
import { type Place, type Read, Reading } from './reading.ts'
import { isPlaceholder, tidyBody } from './tidy.ts'

/** A text, or what is plainly one; what is too long is cut, and said. */
export function text(max: number): Read<string> {
  return (value, at) => {
    const whole = asText(value)
    if (whole === undefined) return at.leaveOut('is not a text')
    if (whole.length > max) at.leaveOut(`is longer than ${max} letters: the rest is left out`)
    return beginningOf(whole, max)
  }
}

/** A text that counts as a whole or not at all, such as an id. Blank = absent. */
export function word(max: number): Read<string> {
  return (value, at) => {
    const whole = asText(value)?.trim()
    if (whole === undefined) return at.leaveOut('is not a text')
    if (whole.length > max) return at.leaveOut(`is longer than ${max} letters`)
    return whole === '' ? undefined : whole
  }
}

function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

/** One of some words, in any case. */
export function oneOf<T extends string>(words: readonly T[]): Read<T> {
  const known = new Map(words.map((each) => [each.toLowerCase(), each]))
  return (value, at) => {
    if (isBlank(value)) return undefined
    const found = typeof value === 'string' && value.length < 100 ? known.get(value.trim().toLowerCase()) : undefined
    return found ?? at.leaveOut(`is none of ${words.join(', ')}`)
  }
}

/** A whole number, or a text that is one. */
export function integer(min = 0, max = Number.MAX_SAFE_INTEGER): Read<number> {
  return (value, at) => {
    if (isBlank(value)) return undefined
    const number = asNumber(value)
    if (number === undefined || !Number.isSafeInteger(number)) return at.leaveOut('is not a whole number')
    return number >= min && number <= max ? number : at.leaveOut(`is not from ${min} to ${max}`)
  }
}

/** Says as little as a value that is absent. */
function isBlank(value: unknown): boolean {
  return typeof value === 'string' && value.trim() === ''
}

const DECIMAL = /^-?\d{1,20}(\.\d{1,20})?$/

function asNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  const digits = typeof value === 'string' && value.length < 50 ? value.trim() : ''
  return DECIMAL.test(digits) ? Number(digits) : undefined
}

export const flag: Read<boolean> = (value, at) => {
  if (isBlank(value)) return undefined
  if (value === true || value === 'true') return true
  if (value === false || value === 'false') return false
  return at.leaveOut('is neither true nor false')
}

const ISO = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/

/** Before it there was no incident; after its end nobody can be meant. */
const FIRST_MS = Date.UTC(2000, 0, 1)
const LAST_MS = Date.UTC(9999, 11, 31)

/**
 * A time in whatever unit or as ISO 8601 with its zone: a time of our days has another size in each unit.
 * @returns epoch ms; 0 = unset
 */
export const time: Read<number> = (value, at) => {
  if (isBlank(value)) return undefined
  const ms = typeof value === 'string' && ISO.test(value.slice(0, 50)) ? Date.parse(value) : toMs(asNumber(value))
  if (ms === 0) return 0
  if (ms === undefined || Number.isNaN(ms)) return at.leaveOut('is not a time')
  return ms >= FIRST_MS && ms <= LAST_MS ? ms : at.leaveOut('is not a time that can be meant')
}

/** Seconds, milliseconds, microseconds or nanoseconds. */
function toMs(number: number | undefined): number | undefined {
  if (number === undefined || !Number.isFinite(number)) return undefined
  if (number < 1e11) return Math.floor(number * 1_000)
  if (number < 1e14) return Math.floor(number)
  return Math.floor(number / (number < 1e17 ? 1e3 : 1e6))
}

/** Unix seconds of a time that has to lie before `latestMs`; 0 = unset. */
export function secondsUntil(latestMs: number): Read<number> {
  return (value, at) => {
    const ms = time(value, at)
    if (ms === undefined) return undefined
    return ms <= latestMs ? Math.floor(ms / 1_000) : at.leaveOut('lies in the future')
  }
}

/** An object, or JSON text of one. */
export function object<T>(read: (object: Record<string, unknown>, at: Place) => T | undefined): Read<T> {
  return (value, at) => {
    const found = typeof value === 'string' ? tidyJson(value, '{', at) : value
    return isObject(found) ? read(found, at) : at.leaveOut('is not an object')
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * A list, JSON text of one, words joined by commas, or one entry alone. An entry that makes no sense is left out alone; where
 * none does, the list as a whole makes no sense. Entries that are null are absent.
 * @param onUnreadable is told of each entry that makes no sense
 */
export function list<T>(read: Read<T>, max: number, onUnreadable?: (at: Place) => void): Read<T[]> {
  return (value, at) => {
    const entries = entriesOf(value, at)
    if (entries === undefined) return at.leaveOut('is not a list')
    if (entries.length > max) at.leaveOut(`has ${entries.length} entries, more than ${max}: the rest is left out`)
    const taken: T[] = []
    let absent = 0
    for (const [index, entry] of entries.slice(0, max).entries()) {
      if (entry === null || entry === undefined) {
        absent += 1
        continue
      }
      const place = at.of(index)
      const before = at.leftOut
      const item = read(entry, place)
      if (item !== undefined) taken.push(item)
      else if (at.leftOut > before) onUnreadable?.(place)
      else absent += 1
    }
    if (taken.length > 0 || entries.length === 0) return taken
    return absent === entries.length ? undefined : at.leaveOut('has no entry that makes sense')
  }
}

function entriesOf(value: unknown, at: Place): unknown[] | undefined {
  if (Array.isArray(value)) return value
  if (typeof value === 'number' || (isObject(value) && Object.keys(value).length > 0)) return [value]
  if (typeof value !== 'string') return undefined
  const words = value.trim()
  if (words === '') return []
  const found = tidyJson(words, '[', at) ?? tidyJson(words, '{', at)
  if (Array.isArray(found)) return found
  if (isObject(found)) return [found]
  if (/^(\[|\{(?!\{))/.test(words.slice(0, 2))) return undefined
  return words
    .split(',', MAX_ENTRIES)
    .map((each) => each.trim())
    .filter((each) => each !== '')
    .map((each) => (isPlaceholder(each) ? null : each))
}

/** The same for JSON that stands as a text in a body: its placeholders are absent and its depth is bounded too. */
function tidyJson(json: string, first: '[' | '{', at: Place): unknown {
  const reading = new Reading()
  const tidy = tidyBody(parseJson(json, first), reading)
  if (reading.count > 0) at.leaveOut(reading.last.problem)
  return tidy
}

/** What JSON that begins so comes to; undefined for any other text. */
export function parseJson(json: string, first: '[' | '{'): unknown {
  if (!json.trimStart().startsWith(first)) return undefined
  try {
    return JSON.parse(json) as unknown
  } catch {
    return undefined
  }
}
