const FALLBACK_ZONE = 'Asia/Shanghai'

const FIRST_S = Date.UTC(2000, 0, 1) / 1_000
const LAST_S = Date.UTC(2100, 0, 1) / 1_000

/** Unix seconds that somebody can have meant: what is unset, or in another unit, lies outside. */
export function isBelievable(seconds: number | undefined): seconds is number {
  return seconds !== undefined && seconds >= FIRST_S && seconds <= LAST_S
}

/** `2026-01-31 09:05:00` in the account's time zone; empty for a time that is not believable. */
export function dateTime(seconds: number | undefined, zone: string | undefined): string {
  if (!isBelievable(seconds)) return ''
  const { date, time, zoneName } = localTime(seconds, zone)
  return `${date} ${time}${zoneName}`
}

/** `09:05` in the account's time zone; empty for a time that is not believable. */
export function clockTime(seconds: number | undefined, zone: string | undefined): string {
  if (!isBelievable(seconds)) return ''
  const { time, zoneName } = localTime(seconds, zone)
  return `${time.slice(0, 5)}${zoneName}`
}

/**
 * The same with its date where it is another day than that of `near`, and with the year where that is another too.
 * There is no clock in it.
 */
export function clockTimeNear(seconds: number | undefined, zone: string | undefined, near: number | undefined): string {
  if (!isBelievable(seconds)) return ''
  const { date, time, zoneName } = localTime(seconds, zone)
  const nearDate = isBelievable(near) ? localTime(near, zone).date : ''
  const shown = date === nearDate ? '' : date.slice(0, 5) === nearDate.slice(0, 5) ? `${date.slice(5)} ` : `${date} `
  return `${shown}${time.slice(0, 5)}${zoneName}`
}

/** `01-31 09:05`, for lists; empty for a time that is not believable. */
export function shortDateTime(seconds: number | undefined, zone: string | undefined): string {
  if (!isBelievable(seconds)) return ''
  const { date, time, zoneName } = localTime(seconds, zone)
  return `${date.slice(5)} ${time.slice(0, 5)}${zoneName}`
}

/** `zoneName` is given where the wanted zone is not understood, so that nobody takes the time for that of theirs. */
function localTime(seconds: number, zoneText: string | undefined): { date: string; time: string; zoneName: string } {
  const wanted = zoneText?.trim() ?? ''
  const zone = wanted === '' ? FALLBACK_ZONE : zoneOf(wanted)
  const [date = '', time = ''] = write(seconds, zone ?? FALLBACK_ZONE).split(' ')
  return { date, time, zoneName: zone === undefined ? `（${FALLBACK_ZONE}）` : '' }
}

function write(seconds: number, zone: Zone): string {
  const at = typeof zone === 'number' ? (seconds + zone * 60) * 1_000 : seconds * 1_000
  return formatOf(typeof zone === 'number' ? 'UTC' : zone).format(new Date(at))
}

/** A name that Intl knows, or minutes east of UTC. */
type Zone = string | number

/** No zone's name is longer. */
const MAX_ZONE = 64
/** An account has one zone; a daemon that was told of more begins anew. */
const MAX_KEPT = 100

const zones = new Map<string, Zone | undefined>()

function zoneOf(text: string): Zone | undefined {
  if (text.length > MAX_ZONE) return undefined
  if (zones.has(text)) return zones.get(text)
  const zone = offsetOf(text) ?? namedZone(text)
  if (zones.size >= MAX_KEPT) zones.clear()
  zones.set(text, zone)
  return zone
}

const OFFSET = /^(?:UTC|GMT)? ?([+-])(\d{1,2})(?::?([0-5]\d))?$/
/** No place is further from UTC. */
const MAX_OFFSET = 14 * 60

/** `UTC-5`, `+09:00`, `-0330`, `GMT+8`, `Z`: Intl does not take these on Node 20. */
function offsetOf(text: string): number | undefined {
  const plain = text.normalize('NFKC').replaceAll('\u2212', '-').toUpperCase()
  if (plain === 'Z' || plain === 'UTC' || plain === 'GMT') return 0
  const [, sign, hours, minutes = '0'] = OFFSET.exec(plain) ?? []
  if (hours === undefined) return undefined
  const offset = Number(hours) * 60 + Number(minutes)
  if (offset > MAX_OFFSET) return undefined
  return sign === '-' ? -offset : offset
}

function namedZone(text: string): string | undefined {
  // Newer Node takes offsets, also those of no place on earth.
  if (/^[+-]/.test(text)) return undefined
  try {
    return new Intl.DateTimeFormat('sv-SE', { timeZone: text }).resolvedOptions().timeZone
  } catch {
    return undefined
  }
}

/** Making one costs a hundred times as much as using it. */
const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone)
  if (known) return known
  const made = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium', timeZone: zone })
  if (formats.size >= MAX_KEPT) formats.clear()
  formats.set(zone, made)
  return made
}
