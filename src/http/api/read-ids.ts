import { z } from 'zod'

import { MAX_ID } from '../../domain/limits.ts'

export type PostedIds = { eventId?: string; incidentId?: string }

const Id = z
  .union([z.string(), z.number()])
  .transform(String)
  .pipe(z.string().min(1).max(MAX_ID))
  .optional()
  .catch(undefined)

const Body = z.object({
  event_id: Id,
  incident: z.object({ event_id: Id, incident_id: Id }).optional().catch(undefined),
})

/** Whom a body is about, or whatever came of one: for telling what was refused, not for acting on it. */
export function readIds(text: string): PostedIds {
  const body = Body.safeParse(parse(text)).data
  const eventId = body?.event_id ?? body?.incident?.event_id ?? findFirst(text, 'event_id')
  const incidentId = body?.incident?.incident_id ?? findFirst(text, 'incident_id')
  return { ...(eventId === undefined ? {} : { eventId }), ...(incidentId === undefined ? {} : { incidentId }) }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** Senders write an event's own before what hangs on it. */
function findFirst(text: string, name: string): string | undefined {
  const value = `(?:"([^"\\\\\\x00-\\x1f]{1,${MAX_ID}})"|(\\d{1,20})\\b)`
  const found = new RegExp(`"${name}"\\s{0,20}:\\s{0,20}${value}`).exec(text)
  return found?.[1] ?? found?.[2]
}
