const FALLBACK_ZONE = 'Asia/Shanghai'

const DATE_TIME = { dateStyle: 'short', timeStyle: 'medium' } as const
const CLOCK_TIME = { hour: '2-digit', minute: '2-digit' } as const

/** Making one costs a hundred times as much as using it; an account has one zone. */
const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(zone: string, options: typeof DATE_TIME | typeof CLOCK_TIME): Intl.DateTimeFormat {
  const key = `${options === DATE_TIME ? 'date' : 'clock'} ${zone}`
  const known = formats.get(key)
  if (known) return known
  const made = new Intl.DateTimeFormat('sv-SE', { ...options, timeZone: zone })
  if (formats.size < 100) formats.set(key, made)
  return made
}

function format(seconds: number, zone: string | undefined, options: typeof DATE_TIME | typeof CLOCK_TIME): string {
  const at = new Date(seconds * 1000)
  try {
    return formatOf(zone || FALLBACK_ZONE, options).format(at)
  } catch {
    return formatOf(FALLBACK_ZONE, options).format(at)
  }
}

/** `2026-01-31 09:05:00` in the account's time zone. */
export function dateTime(seconds: number, zone: string | undefined): string {
  return format(seconds, zone, DATE_TIME)
}

/** `09:05` in the account's time zone. */
export function clockTime(seconds: number, zone: string | undefined): string {
  return format(seconds, zone, CLOCK_TIME)
}
