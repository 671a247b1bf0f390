import { type Act, type ButtonPress } from '../domain/button.ts'
import { newId } from '../domain/ids.ts'
import type { Reason } from '../domain/reasons.ts'
import { isTestIncident } from '../domain/test-card.ts'
import { addClick, type Click } from '../storage/clicks.ts'
import { findIncident } from '../storage/incidents.ts'
import { findActing } from '../storage/integrations.ts'
import { findLinkOfUser } from '../storage/links.ts'
import { findMemberKey } from '../storage/member-keys.ts'
import { addRecord, type NewRecord } from '../storage/records.ts'
import type { Handle } from '../storage/schema.ts'
import { whyNoKey } from './acting-key.ts'
import { recordKeyOf } from './click-parts.ts'
import type { PerformDeps } from './deps.ts'

/** What somebody wants done, wherever they said so. */
export type Wanted = {
  integrationId: string
  userId: string
  incidentId: string | undefined
  /** The card it was pressed on; empty for a page. */
  outTrackId: string
  act: Act & Partial<Pick<ButtonPress, 'revision'>>
  comment?: string | undefined
  formToken?: string
  /** For the record. */
  note?: string | undefined
}

export type TakenClick =
  | { kind: 'refused'; reason: Reason; incidentId: string | undefined }
  | { kind: 'click'; click: Click; repeated: boolean }

/** Stores the click of a linked person who can act, and the record that tells of it; else the record of the refusal. */
export async function takeClick(
  deps: Pick<PerformDeps, 'box' | 'clock' | 'owner' | 'settings'>,
  trx: Handle,
  wanted: Wanted & { incidentId: string },
): Promise<TakenClick> {
  const nowMs = deps.clock.nowMs()
  const { integrationId, userId, act } = wanted
  // Flashduty knows of none.
  if (isTestIncident(wanted.incidentId)) return refuse(deps, trx, wanted, 'INCIDENT_NOT_FOUND')
  const acting = await findActing(trx, deps.box, integrationId)
  if (!acting) return refuse(deps, trx, wanted, 'INTEGRATION_DISABLED')
  const link = await findLinkOfUser(trx, integrationId, userId)
  if (!link) return refuse(deps, trx, wanted, 'NOT_LINKED')
  const key = await findMemberKey(trx, deps.box, integrationId, link.member_id)
  const noKey = whyNoKey(acting, key)
  if (noKey) return refuse(deps, trx, wanted, noKey)

  const { click, repeated } = await addClick(
    trx,
    {
      id: newId(),
      integration_id: integrationId,
      incident_id: wanted.incidentId,
      out_track_id: wanted.outTrackId,
      dingtalk_user_id: userId,
      member_id: link.member_id,
      member_name: link.member_name,
      action: act.action,
      minutes: act.minutes ?? null,
      custom_id: act.customId ?? null,
      comment: wanted.comment ?? null,
      revision: act.revision ?? 0,
      lease_owner: deps.owner,
      lease_until: nowMs + deps.settings.clickLeaseMs,
      ...(wanted.formToken === undefined ? {} : { formToken: wanted.formToken }),
    },
    nowMs,
  )
  const record = await recordOf(trx, wanted)
  const who = { target_name: click.member_name, member_id: click.member_id }
  const told = { record_key: recordKeyOf(click), ...who, status: 'pending' as const }
  await addRecord(trx, { ...record, ...told }, nowMs)
  return { kind: 'click', click, repeated }
}

export async function refuse(
  deps: Pick<PerformDeps, 'clock'>,
  trx: Handle,
  wanted: Omit<Wanted, 'act'> & { act: { action: string } },
  reason: Reason,
): Promise<Extract<TakenClick, { kind: 'refused' }>> {
  const record = { ...(await recordOf(trx, wanted)), record_key: `press:${newId()}`, status: 'failed' as const, reason }
  await addRecord(trx, record, deps.clock.nowMs())
  return { kind: 'refused', reason, incidentId: wanted.incidentId }
}

async function recordOf(
  trx: Handle,
  wanted: Omit<Wanted, 'act'> & { act: { action: string } },
): Promise<Omit<NewRecord, 'record_key' | 'status'>> {
  const { integrationId, incidentId, outTrackId } = wanted
  const stored = incidentId === undefined ? undefined : await findIncident(trx, integrationId, incidentId)
  return {
    kind: 'action',
    target_id: wanted.userId,
    integration_id: integrationId,
    incident_id: incidentId ?? null,
    incident_num: stored?.incident.num ?? null,
    event_type: wanted.act.action.slice(0, 64),
    msg_id: outTrackId === '' ? null : outTrackId.slice(0, 64),
    note: wanted.note ?? null,
  }
}
