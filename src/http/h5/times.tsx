import { type Locale, span } from '../../domain/messages.ts'
import { phrase } from '../../domain/screen-messages.ts'
import { dateTime, isBelievable, shortDateTime } from '../../domain/time.ts'

/** `01-31 09:05`, in the account's time zone; hovering shows the whole. Nothing for a time that is not believable. */
export function Moment({ atMs, zone }: { atMs: number; zone?: string | undefined }) {
  const seconds = Math.floor(atMs / 1_000)
  if (!isBelievable(seconds)) return <></>
  return (
    <time datetime={new Date(atMs).toISOString()} title={dateTime(seconds, zone)}>
      {shortDateTime(seconds, zone)}
    </time>
  )
}

/** How long an open incident has been going on; nothing where nobody knows since when. */
export function Running(props: { sinceS: number; nowMs: number; locale: Locale; zone?: string | undefined }) {
  const { sinceS, nowMs, locale, zone } = props
  const minutes = Math.floor((nowMs / 1_000 - sinceS) / 60)
  // Clocks differ by seconds; what lies further ahead is no beginning.
  if (!isBelievable(sinceS) || minutes < -1) return <></>
  // After a day nobody counts the minutes.
  const shown = minutes >= 1_440 ? minutes - (minutes % 60) : minutes
  return (
    <time datetime={new Date(sinceS * 1_000).toISOString()} title={dateTime(sinceS, zone)}>
      {minutes <= 0
        ? phrase(locale, 'incident.new')
        : phrase(locale, 'incident.running', { span: span(locale, shown) })}
    </time>
  )
}
