import { type IncidentEvent, parseIncidentEvent } from '../../domain/event.ts'
import { parseJson } from '../../domain/reading/values.ts'
import type { HistoryPage, PushedWebhook } from '../../flashduty/webhook-history.ts'
import type { Db } from '../../storage/db.ts'
import { listKnownEvents } from '../../storage/inbox.ts'
import type { Gap } from '../../storage/webhook-watch.ts'

/** A webhook that was pushed and never came; `event` is undefined for one that tells of no incident. */
export type Missed = { eventId: string; body: unknown; event: IncidentEvent | undefined; atMs: number }

/** One after the other; `readUntilMs`: as far as the history was read with this batch. */
export type MissedBatch = { missed: Missed[]; unreadable: number; readUntilMs: number }

/** So many are held in memory, or a few more. */
const AT_ONCE = 500
/** 200,000 rows: a whole account's week. What lies behind them is given up, and said. */
const MAX_PAGES = 2_000

export type ReadMissedDeps = {
  db: Pick<Db, 'read'>
  nowMs: number
  isOwn: (endpoint: string) => boolean
  /** One page of the history, from the first on. Paced by whoever hands it in. */
  readPage: (after: string | undefined) => Promise<HistoryPage>
}

/** What Flashduty pushed to this daemon in that time and the inbox does not know, oldest first. */
export async function* readMissed(deps: ReadMissedDeps, gap: Gap): AsyncGenerator<MissedBatch> {
  let found = new Map<string, Missed>()
  let unreadable = 0
  let next: string | undefined
  let lastMs = gap.fromMs
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const page = await deps.readPage(next)
    const read = page.pushes.filter(({ endpoint }) => deps.isOwn(endpoint)).map((push) => readPush(push, deps.nowMs))
    unreadable += read.filter((push) => push === undefined).length
    for (const push of await leaveOutKnown(deps.db, read)) found.set(push.eventId, push)
    for (const { eventTimeMs } of page.pushes) lastMs = Math.max(lastMs, Math.min(eventTimeMs, gap.untilMs))
    next = page.next
    if (next === undefined) break
    if (found.size < AT_ONCE) continue
    yield { missed: [...found.values()], unreadable, readUntilMs: lastMs }
    found = new Map()
    unreadable = 0
  }
  yield { missed: [...found.values()], unreadable, readUntilMs: next === undefined ? gap.untilMs : lastMs }
}

/** undefined = nothing can be made of it: its body was not kept, or is none of an event. */
function readPush({ body: text, eventTimeMs }: PushedWebhook, nowMs: number): Missed | undefined {
  const body = text === undefined ? undefined : parseJson(text, '{')
  if (body === undefined) return undefined
  const parsed = parseIncidentEvent(body, nowMs)
  if (parsed.kind === 'invalid') return undefined
  const event = parsed.kind === 'event' ? parsed.event : undefined
  return { eventId: parsed.kind === 'event' ? parsed.event.eventId : parsed.eventId, body, event, atMs: eventTimeMs }
}

async function leaveOutKnown(db: Pick<Db, 'read'>, pushes: (Missed | undefined)[]): Promise<Missed[]> {
  const readable = pushes.filter((push) => push !== undefined)
  const known = await listKnownEvents(
    db.read,
    readable.map(({ eventId }) => eventId),
  )
  return readable.filter(({ eventId }) => !known.has(eventId))
}
