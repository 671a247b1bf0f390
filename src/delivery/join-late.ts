import type { Clock } from '../clock.ts'
import type { Space } from '../domain/card.ts'
import { isReachable } from '../domain/group.ts'
import { knownSeverity } from '../domain/incident.ts'
import type { Log } from '../log.ts'
import { findCardCallback } from '../storage/cards-mode.ts'
import { addCard, addNotification, addSpaces, listCardsOfIncident } from '../storage/cards.ts'
import type { Db } from '../storage/db.ts'
import { findGroup } from '../storage/groups.ts'
import { findIncident } from '../storage/incidents.ts'
import { findLinksOfMembers } from '../storage/links.ts'
import { listJoinable, type Missed, takeMissed } from '../storage/missed.ts'
import { isLive, listPlacements } from '../storage/placements.ts'
import { eventRecordKey, mergeRecords } from '../storage/records.ts'
import type { Handle } from '../storage/schema.ts'
import { reopenRecord, settleRecord } from '../storage/settle-records.ts'
import { keyOfAudience, nameUnfrozen } from './names.ts'
import type { WakeDueCards } from './wake.ts'

const AT_ONCE = 100

/**
 * Whoever could not be told because they were not linked, or had no cool app, and now are there gets the cards of the
 * incidents that are still open. Their records turn from failed to what becomes of it.
 */
export async function joinLate(deps: { db: Db; clock: Clock; log: Log; wakeDueCards: WakeDueCards }): Promise<void> {
  const joinable = await listJoinable(deps.db.read, deps.clock.nowMs(), AT_ONCE)
  if (joinable.length === 0) return
  const touched = await deps.db.write(async (trx) => {
    const outTrackIds: string[] = []
    for (const id of joinable) {
      const missed = await takeMissed(trx, id)
      const outTrackId = missed && (await join(trx, missed, deps.clock.nowMs()))
      if (!outTrackId) continue
      outTrackIds.push(outTrackId)
      deps.log.info({ incidentId: missed.incident_id, outTrackId, kind: id.kind, target: id.target_id }, 'joined-late')
    }
    return outTrackIds
  })
  await deps.wakeDueCards(touched)
}

type Joiner = { space: Space; name: string | null; robotCode: string }

async function join(trx: Handle, missed: Missed, nowMs: number): Promise<string | undefined> {
  const { integration_id: integrationId, incident_id: incidentId, notification_key: notificationKey } = missed
  const joiner = await findJoiner(trx, missed)
  const stored = await findIncident(trx, integrationId, incidentId)
  if (!joiner || !stored) return undefined
  const { space } = joiner
  const cards = await listCardsOfIncident(trx, integrationId, incidentId)
  const placements = (
    await listPlacements(
      trx,
      cards.map((card) => card.out_track_id),
    )
  ).filter(isLive)
  const has = placements.find(({ kind, target_id: id }) => kind === space.kind && id === space.targetId)
  const own = missed.record_key
  // The event may have met the person's chat as well, whose member nobody knew then.
  const ofChat = eventRecordKey(integrationId, missed.event_id, space.kind, space.targetId)
  const merge = async (kept: string, dropped: string): Promise<boolean> =>
    own !== ofChat && (await mergeRecords(trx, { kept, dropped, memberId: missed.member_id }, nowMs))
  if (has) {
    // Told meanwhile by a later event.
    if (await merge(ofChat, own)) return undefined
    await settleRecord(trx, own, { status: 'updated', msgId: has.out_track_id }, nowMs)
    return undefined
  }
  // The way of presses may have changed since.
  const callbackType = (await findCardCallback(trx, integrationId)) ?? missed.audience.callbackType
  const audience = { ...missed.audience, robotCode: joiner.robotCode, callbackType }
  const audienceKey = keyOfAudience(audience)
  const known = cards.map((card) => ({ outTrackId: card.out_track_id, frozen: card.frozen === 1 }))
  const { outTrackId, replacement } = nameUnfrozen(integrationId, incidentId, known, notificationKey, audienceKey)
  if (known.some((card) => card.outTrackId === outTrackId)) await addSpaces(trx, outTrackId, [space], nowMs)
  else {
    const { generation, prefix, event_id: eventId } = missed
    const notification = { integrationId, incidentId, key: notificationKey, generation, prefix, eventId }
    await addNotification(trx, notification, nowMs)
    await addCard(
      trx,
      {
        outTrackId,
        integrationId,
        incidentId,
        notificationKey,
        audienceKey,
        audience,
        replacement,
        rev: stored.rev,
        spaces: [space],
        urgent: knownSeverity(stored.incident.incident_severity) === 'Critical',
      },
      nowMs,
    )
  }
  const waits = { outTrackId, rev: stored.rev, targetId: space.targetId, targetName: joiner.name }
  await merge(own, ofChat)
  await reopenRecord(trx, own, waits, nowMs)
  return outTrackId
}

async function findJoiner(trx: Handle, missed: Missed): Promise<Joiner | undefined> {
  const { audience, integration_id: integrationId } = missed
  if (missed.kind === 'person') {
    const [link] = await findLinksOfMembers(trx, integrationId, [missed.member_id ?? 0])
    const space = { kind: 'person' as const, targetId: link?.dingtalk_user_id ?? '' }
    return link && { space, name: link.member_name, robotCode: audience.robotCode }
  }
  const group = await findGroup(trx, { integrationId, openConversationId: missed.target_id })
  if (!group || !isReachable(group.status)) return undefined
  const space = { kind: 'group' as const, targetId: missed.target_id }
  return { space, name: group.title, robotCode: group.robot_code ?? audience.robotCode }
}
