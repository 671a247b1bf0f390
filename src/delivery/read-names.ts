import type { IncidentEvent } from '../domain/event.ts'
import { findGroups } from '../storage/groups.ts'
import { findLinksOfMembers, findLinksOfUsers } from '../storage/links.ts'
import type { Placement } from '../storage/placements.ts'
import type { Handle } from '../storage/schema.ts'
import { findSuspended } from '../storage/suspended-links.ts'

/** Groups and links the plan needs, and what to call every target in records. */
export async function readNames(
  trx: Handle,
  integrationId: string,
  event: IncidentEvent,
  chatIds: string[],
  placements: Placement[],
) {
  const placed = (kind: Placement['kind']): string[] =>
    placements.filter((placement) => placement.kind === kind).map((placement) => placement.target_id)
  const groups = await findGroups(trx, integrationId, [...new Set([...chatIds, ...placed('group')])])
  const responderIds = (event.incident.responders ?? []).map((person) => person.person_id)
  const memberIds = [...(event.delivery.personIds ?? []), ...(event.delivery.atPersonIds ?? []), ...responderIds]
  const named = await findLinksOfMembers(trx, integrationId, [...new Set(memberIds)])
  // Whom a card has reached may be named by no event any more; the result still has to say which member that is.
  const known = new Set(named.map((link) => link.dingtalk_user_id))
  const reached = [...new Set(placed('person'))].filter((userId) => !known.has(userId))
  const links = [...named, ...(await findLinksOfUsers(trx, integrationId, reached))]
  return {
    groups: new Map(
      groups.map((group) => [
        group.open_conversation_id,
        { status: group.status, robotCode: group.robot_code, title: group.title },
      ]),
    ),
    links: new Map(
      links.flatMap((link) => (link.suspended_at === null ? [[link.member_id, link.dingtalk_user_id] as const] : [])),
    ),
    left: new Set((await findSuspended(trx, integrationId, [...new Set(memberIds)])).map((link) => link.member_id)),
    members: new Map(links.map((link) => [link.dingtalk_user_id, link.member_id])),
    of: new Map<string, string>([
      ...links.map((link): [string, string] => [`person:${link.dingtalk_user_id}`, link.member_name]),
      ...groups.flatMap((group): [string, string][] =>
        group.title === null ? [] : [[`group:${group.open_conversation_id}`, group.title]],
      ),
    ]),
  }
}
