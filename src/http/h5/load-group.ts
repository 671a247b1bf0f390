import type { ReadMembers } from '../../dingtalk/group-members.ts'
import type { Reason } from '../../domain/reasons.ts'
import { findOffers } from '../../storage/audiences.ts'
import type { Db } from '../../storage/db.ts'
import { findGroup } from '../../storage/groups.ts'
import { listGroupIncidents } from '../../storage/home.ts'
import { listGroupDeliveries } from '../../storage/incident-history.ts'
import { findLinksOfUsers } from '../../storage/links.ts'
import type { GroupRefusal, GroupView } from './group-page.tsx'
import { TooManyError } from './person-limits.tsx'
import type { ReadNames } from './read-names.ts'
import type { Visitor } from './visitor.ts'

export type GroupDeps = {
  db: Db
  membersOf: (integrationId: string) => ReadMembers | undefined
  readNames: ReadNames
}

/** More are not drawn; the most severe and newest are. */
const LISTED = 50
const DELIVERIES = 50
const NAMES = 30
/** DingTalk puts ids in their place, unless the page was opened from elsewhere. */
const PLACEHOLDER = /^\$[A-Z_]+\$$/

/**
 * The group of a quick entry. Its id stands in the address, which anybody can write, so nothing of the group is told
 * before DingTalk has said that the visitor is in it.
 * @throws TooManyError when the visitor has had DingTalk asked too often
 */
export async function loadGroup(
  deps: GroupDeps,
  visitor: Visitor,
  address: { corpId: string | undefined; cid: string | undefined },
  ownCorpId: string,
): Promise<{ group: GroupView } | { refusal: GroupRefusal }> {
  const { corpId } = address
  if (corpId !== undefined && corpId !== '' && !PLACEHOLDER.test(corpId) && corpId !== ownCorpId) {
    return { refusal: 'corp' }
  }
  // A plus sign that nobody encoded has become a space; ids have none.
  const cid = address.cid?.replaceAll(' ', '+') ?? ''
  if (cid === '' || PLACEHOLDER.test(cid)) return { refusal: 'outside' }

  const members = await deps.membersOf(visitor.integrationId)?.(cid, visitor.userId)
  if (!members) return { refusal: { unsure: 'INTEGRATION_DISABLED' satisfies Reason } }
  if (members.kind === 'refused') {
    if (members.waitS !== undefined) throw new TooManyError(members.waitS)
    if (members.reason === 'CHAT_NOT_FOUND') return { refusal: 'outside' }
    return { refusal: members.final ? 'missing' : { unsure: members.reason } }
  }
  if (!members.userIds.has(visitor.userId)) return { refusal: 'stranger' }

  const id = { integrationId: visitor.integrationId, openConversationId: cid }
  const [known, all, deliveries] = await Promise.all([
    findGroup(deps.db.read, id),
    listGroupIncidents(deps.db.read, id),
    listGroupDeliveries(deps.db.read, id, DELIVERIES),
  ])
  const incidents = all.slice(0, LISTED)
  const offers = await findOffers(
    deps.db.read,
    visitor.integrationId,
    incidents.map((stored) => stored.incidentId),
  )
  const userIds = [...members.userIds]
  const links = await findLinksOfUsers(deps.db.read, visitor.integrationId, userIds)
  const linked = new Set(links.flatMap((link) => (link.suspended_at === null ? [link.dingtalk_user_id] : [])))
  const unlinked = userIds.filter((userId) => !linked.has(userId))
  const named = unlinked.flatMap((userId) => members.names.get(userId) ?? [])
  const nameless = unlinked.filter((userId) => !members.names.has(userId))
  const names = [
    ...named,
    ...(await deps.readNames({ integrationId: visitor.integrationId, corpId: ownCorpId }, nameless)),
  ]
  const delivered = deliveries.find(({ status }) => status === 'success' || status === 'updated')
  const [newest] = deliveries.filter(({ status }) => status === 'success' || status === 'failed')
  const failed = newest?.status === 'failed' ? newest : undefined
  return {
    group: {
      cid,
      stale: members.stale,
      title: known?.title ?? undefined,
      state: known?.status === 'disbanded' ? 'disbanded' : failed?.reason_code === 'ROBOT_NOT_IN_CHAT' ? 'robot' : 'ok',
      lastDeliveredAt: delivered?.updated_at,
      lastFailure: failed && { at: failed.updated_at, reason: failed.reason_code ?? '' },
      incidents,
      total: all.length,
      offers,
      members: { total: userIds.length, unlinked: unlinked.length, names: names.slice(0, NAMES) },
    },
  }
}
