import { type Locale, span } from '../../domain/messages.ts'
import { phrase } from '../../domain/screen-messages.ts'
import { dateTime } from '../../domain/time.ts'

/** `01-31 09:05`, in the account's time zone; hovering shows the whole. */
export function Moment({ atMs, zone }: { atMs: number; zone?: string | undefined }) {
  const whole = dateTime(Math.floor(atMs / 1_000), zone)
  return (
    <time datetime={new Date(atMs).toISOString()} title={whole}>
      {whole.slice(5, 16)}
    </time>
  )
}

/** How long an open incident has been going on. */
export function Running(props: { sinceS: number; nowMs: number; locale: Locale; zone?: string | undefined }) {
  const minutes = Math.max(0, Math.floor((props.nowMs / 1_000 - props.sinceS) / 60))
  // After a day nobody counts the minutes.
  const shown = minutes >= 1_440 ? minutes - (minutes % 60) : minutes
  return (
    <time datetime={new Date(props.sinceS * 1_000).toISOString()} title={dateTime(props.sinceS, props.zone)}>
      {minutes === 0
        ? phrase(props.locale, 'incident.new')
        : phrase(props.locale, 'incident.running', { span: span(props.locale, shown) })}
    </time>
  )
}
