const FALLBACK_ZONE = 'Asia/Shanghai'

function format(seconds: number, zone: string | undefined, options: Intl.DateTimeFormatOptions): string {
  const at = new Date(seconds * 1000)
  try {
    return new Intl.DateTimeFormat('sv-SE', { ...options, timeZone: zone || FALLBACK_ZONE }).format(at)
  } catch {
    return new Intl.DateTimeFormat('sv-SE', { ...options, timeZone: FALLBACK_ZONE }).format(at)
  }
}

/** `2026-01-31 09:05:00` in the account's time zone. */
export function dateTime(seconds: number, zone: string | undefined): string {
  return format(seconds, zone, { dateStyle: 'short', timeStyle: 'medium' })
}

/** `09:05` in the account's time zone. */
export function clockTime(seconds: number, zone: string | undefined): string {
  return format(seconds, zone, { hour: '2-digit', minute: '2-digit' })
}
