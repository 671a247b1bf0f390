import { type CardTest, findCardTest } from '../storage/card-tests.ts'
import { listCardsOfIncident } from '../storage/cards.ts'
import { findIncident } from '../storage/incidents.ts'
import { listRecords } from '../storage/list-records.ts'
import { listPlacements } from '../storage/placements.ts'
import type { Handle } from '../storage/schema.ts'

/** How far a test card has come, as far as the database knows. Epoch ms. */
export type Seen = {
  test: CardTest
  /** The daemon took the job from the queue. */
  takenAt: number | undefined
  /** undefined = DingTalk has not been asked for it yet. */
  card: { templateId: string } | undefined
  shownAt: number | undefined
  /** It will not be shown, and why not. */
  refused: Why | undefined
  /** It is tried again, and why. */
  delayed: Why | undefined
  /** Everybody was shown the card without its button. */
  closedAt: number | undefined
  /** DingTalk did not take the template that was wanted. */
  fellBack: boolean
}

export type Why = { reason: string; detail: string | undefined; at: number }

/** @returns undefined when there is no such test any more */
export async function lookAtTest(db: Handle, integrationId: string, incidentId: string): Promise<Seen | undefined> {
  const test = await findCardTest(db, incidentId)
  if (!test) return undefined
  const records = await listRecords(db, { incident: incidentId, limit: 20 })
  const told = records.find(({ kind }) => kind !== 'action')
  const cards = await listCardsOfIncident(db, integrationId, incidentId)
  // One that DingTalk forgot has a newer one in its place.
  const card = cards.findLast(({ stage }) => stage === 'present') ?? cards.at(-1)
  const placements = card ? await listPlacements(db, [card.out_track_id]) : []
  const stored = await findIncident(db, integrationId, incidentId)
  const isClosed =
    card?.stage === 'present' &&
    stored?.incident.progress === 'Closed' &&
    card.shown_hash !== null &&
    card.shown_rev >= stored.rev
  const why = told && { reason: told.reason_code ?? 'UNKNOWN', detail: told.detail ?? undefined, at: told.updated_at }
  const isRefused = told?.status === 'failed' || told?.status === 'skipped'
  return {
    test,
    takenAt: told?.created_at,
    card: card && card.stage !== 'absent' ? { templateId: card.audience.templateId } : undefined,
    shownAt: placements.find(({ status }) => status === 'delivered')?.updated_at,
    refused: isRefused ? why : undefined,
    delayed: told?.status === 'retrying' ? why : undefined,
    closedAt: isClosed ? card.called_at : undefined,
    fellBack: told?.note === 'TEMPLATE_FALLBACK',
  }
}
