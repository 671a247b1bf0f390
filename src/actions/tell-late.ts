import { isMessageKey, say } from '../domain/messages.ts'
import { lateNotice } from '../domain/notices.ts'
import { refusalText } from '../domain/refusals.ts'
import { findCard } from '../storage/cards.ts'
import type { Click } from '../storage/clicks.ts'
import { writeUntil } from '../storage/db.ts'
import { releaseCard } from '../storage/held-cards.ts'
import { findIncident } from '../storage/incidents.ts'
import { isOfAnother } from '../storage/integrations.ts'
import { addNotice } from '../storage/notices.ts'
import type { Handle } from '../storage/schema.ts'
import type { ClickOutcome, PerformDeps } from './deps.ts'

/** Later it is no news any more; the card and the record tell the same. */
const NEWS_MS = 600_000

/**
 * The truth about a press whose presser was told that it is being worked on: everybody's card is drawn anew, and of a
 * failure the presser is told why, which no card could tell them alone.
 */
export async function tellLate(deps: PerformDeps, click: Click, outcome: ClickOutcome, dueAt: number): Promise<void> {
  if (outcome.status === 'retrying' || outcome.status === 'waiting') return
  const untilMs = Math.max(click.lease_until, deps.clock.nowMs())
  await writeUntil(deps, untilMs, async (trx) => {
    if (click.out_track_id !== '') await releaseCard(trx, click.out_track_id, { dueAt })
    // In another corporation that id is somebody else's.
    const isStranger = await isOfAnother(trx, click.integration_id, click.corp_id)
    if (outcome.status === 'failed' && !isStranger) await addNotice(trx, await noticeOf(deps, trx, click, outcome))
  })
  if (click.out_track_id !== '') await deps.wakeDueCards([click.out_track_id])
  if (outcome.status === 'failed') await deps.producer.tick(click.integration_id, 'message')
}

async function noticeOf(
  deps: PerformDeps,
  trx: Handle,
  click: Click,
  { reason, detail }: Extract<ClickOutcome, { status: 'failed' }>,
) {
  const nowMs = deps.clock.nowMs()
  const stored = await findIncident(trx, click.integration_id, click.incident_id)
  const locale = (await findCard(trx, click.out_track_id))?.audience.locale ?? 'zh-CN'
  const name = `button.${click.action}`
  // A preset has its length in its name, which the person knows.
  const action = click.action === 'snooze' ? say(locale, 'act.snooze') : isMessageKey(name) ? say(locale, name) : ''
  return {
    id: `click:${click.id}`,
    integration_id: click.integration_id,
    incident_id: click.incident_id,
    open_conversation_id: '',
    dingtalk_user_id: click.dingtalk_user_id,
    text: lateNotice(locale, stored?.incident ?? click.incident_id, action, refusalText(locale, reason, detail)),
    due_at: nowMs,
    expires_at: nowMs + NEWS_MS,
  }
}
