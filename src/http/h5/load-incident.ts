import type { Reason } from '../../domain/reasons.ts'
import { reasonWords } from '../../domain/reasons.ts'
import { phrase } from '../../domain/screen-messages.ts'
import type { ReadMembers } from '../../dingtalk/group-members.ts'
import { findOffers } from '../../storage/audiences.ts'
import type { Db } from '../../storage/db.ts'
import { findPlaces, listClicksOfIncident, listTellings } from '../../storage/incident-history.ts'
import { findToldIncident, type StoredIncident } from '../../storage/incidents.ts'
import { findLinksOfMembers } from '../../storage/links.ts'
import { asOf, type Detail } from './incident-detail.tsx'
import type { PersonLimits } from './person-limits.tsx'
import type { ReadTimeline, Timeline } from './read-timeline.ts'
import { timelineOfFeed, timelineOfStore } from './timeline.ts'
import type { View } from './view.ts'
import type { Visitor } from './visitor.ts'

export type LoadDeps = {
  db: Db
  readTimeline: ReadTimeline
  membersOf: (integrationId: string) => ReadMembers | undefined
} & Pick<PersonLimits, 'beforeAsking'>

/** Why the content of an incident is kept from somebody; `unsure`: Flashduty does not say, `group`: DingTalk does not. */
export type Hidden = 'link' | 'key' | { denied: Reason } | { unsure: Reason } | { group: Reason }

export type Loaded =
  | { kind: 'unknown' }
  | { kind: 'hidden'; stored: StoredIncident; why: Hidden }
  | { kind: 'shown'; detail: Detail }

const CLICKS = 50
const TELLINGS = 200
/** Groups whose members are looked up for one page at most: each may cost a call. */
const GROUPS = 2

/**
 * The incident as this visitor may see it. Whoever is a responder, has its card in their own chat or is in a group that
 * has it sees all of it, linked or not, since they see the card too. Everybody else sees what Flashduty lets them see,
 * which is asked with their own key.
 */
export async function loadIncident(
  deps: LoadDeps,
  { visitor, enabled }: Pick<View, 'visitor' | 'enabled'>,
  incidentId: string,
): Promise<Loaded> {
  const { integrationId } = visitor
  const id = { integrationId, incidentId }
  const stored = await findToldIncident(deps.db.read, integrationId, incidentId)
  if (!stored) return { kind: 'unknown' }
  const timeline: Timeline = !enabled
    ? { kind: 'unread', reason: 'INTEGRATION_DISABLED' }
    : visitor.link
      ? await deps.readTimeline({ integrationId, memberId: visitor.link.memberId }, stored, () =>
          deps.beforeAsking(visitor),
        )
      : { kind: 'no-key' }
  const told = timeline.kind === 'read' ? true : await isTold(deps, visitor, stored)
  if (told !== true) return { kind: 'hidden', stored, why: whyHidden(visitor, timeline, told) }
  const clicks = await listClicksOfIncident(deps.db.read, id, CLICKS)
  const { locale } = visitor
  const entries =
    timeline.kind === 'read'
      ? timelineOfFeed(timeline.items, clicks, await namesIn(deps.db, stored, timeline), locale)
      : timelineOfStore(stored, clicks, await listTellings(deps.db.read, id, TELLINGS), locale)
  const offers = await findOffers(deps.db.read, integrationId, [incidentId])
  return {
    kind: 'shown',
    detail: {
      stored,
      offer: offers.get(incidentId),
      timeline: {
        entries,
        hint: hintOf(visitor, stored, timeline),
        retry: timeline.kind === 'unread',
        more: timeline.kind === 'read' && timeline.more,
      },
    },
  }
}

/** @returns why it is not known where DingTalk does not say who is in the group */
async function isTold(
  deps: LoadDeps,
  visitor: Visitor,
  stored: StoredIncident,
): Promise<boolean | { unknown: Reason }> {
  const { integrationId, userId, link } = visitor
  if (link && stored.incident.responders?.some((person) => person.person_id === link.memberId)) return true
  const places = await findPlaces(deps.db.read, { integrationId, incidentId: stored.incidentId }, userId)
  if (places.ownChat) return true
  if (places.groups.length === 0) return false
  const readMembers = deps.membersOf(integrationId)
  if (!readMembers) return { unknown: 'INTEGRATION_DISABLED' }
  let unknown: Reason | undefined
  for (const group of places.groups.slice(0, GROUPS)) {
    const members = await readMembers(group, userId)
    if (members.kind === 'known' && members.userIds.has(userId)) return true
    if (members.kind === 'refused' && !members.final) unknown = members.reason
  }
  return unknown === undefined ? false : { unknown }
}

function whyHidden(visitor: Visitor, timeline: Timeline, told: false | { unknown: Reason }): Hidden {
  // Whoever cannot be shown it by Flashduty may still be in the group.
  if (told !== false && (timeline.kind !== 'unread' || !visitor.link)) return { group: told.unknown }
  if (!visitor.link) return 'link'
  if (timeline.kind === 'denied') return { denied: timeline.reason }
  if (timeline.kind === 'unread') return { unsure: timeline.reason }
  return 'key'
}

function hintOf({ locale, link }: Visitor, stored: StoredIncident, timeline: Timeline): string | undefined {
  if (timeline.kind === 'read') return undefined
  if (timeline.kind === 'no-key') return link ? phrase(locale, 'incident.timeline.nokey') : undefined
  const why = reasonWords(timeline.reason, locale)
  const time = asOf(stored)
  return time === ''
    ? phrase(locale, 'incident.timeline.own.undated', { why })
    : phrase(locale, 'incident.timeline.own', { why, time })
}

/** Flashduty's timeline names people by their ids. */
async function namesIn(
  db: Db,
  { integrationId, incident }: StoredIncident,
  timeline: Extract<Timeline, { kind: 'read' }>,
): Promise<Map<number, string>> {
  const people = [...(incident.responders ?? []), ...(incident.closer ? [incident.closer] : [])]
  const names = new Map(people.map((person) => [person.person_id, person.person_name]))
  const unknown = timeline.items.map(({ creatorId }) => creatorId).filter((id) => id > 0 && !names.get(id))
  for (const link of await findLinksOfMembers(db.read, integrationId, [...new Set(unknown)])) {
    names.set(link.member_id, link.member_name)
  }
  return new Map([...names].filter(([, name]) => name !== ''))
}
