import { refuse } from './errors.ts'
import type { Json } from './fields.ts'
import { textOf } from './fields.ts'
import type { App, Group } from './types.ts'
import type { World } from './world.ts'

const WELL_FORMED = /^cid[A-Za-z0-9+/]+={0,2}$/

/** D:query-group-information. Groups of this sandbox are known through a cool app, so its code is needed. */
export function querySceneGroup(world: World, app: App, body: Json): Json {
  const group = findGroup(world, app, body)
  return {
    success: true,
    openConversationId: group.openConversationId,
    templateId: '',
    title: group.title,
    ownerUserId: group.ownerUserId,
    icon: '@lADPsandbox',
    groupUrl: 'https://h5.dingtalk.com/circle/healthCheckin.html',
    status: group.disbanded ? 2 : 1,
  }
}

/** Members come 1,000 at a time, whatever `maxResults` says. */
const PAGE = 1_000

/** D:query-group-members. */
export function queryMembers(world: World, app: App, body: Json): Json {
  const maxResults = body['maxResults']
  if (typeof maxResults !== 'number' || !Number.isInteger(maxResults) || maxResults < 1) refuse('paramIllegal')
  const token = textOf(body['nextToken'])
  if (!/^\d*$/.test(token)) refuse('paramIllegal')
  const { memberUserIds } = findGroup(world, app, body)
  const from = Number(token || '0')
  const page = memberUserIds.slice(from, from + PAGE)
  const hasMore = from + PAGE < memberUserIds.length
  return {
    success: true,
    memberUserIds: page,
    hasMore,
    nextToken: hasMore ? String(from + PAGE) : '',
    unionIdList: [],
    staffIdNickMap: Object.fromEntries(page.map((userId) => [userId, world.users.get(userId)?.name ?? ''])),
    unionIdNickMap: {},
  }
}

function findGroup(world: World, app: App, body: Json): Group {
  const openConversationId = textOf(body['openConversationId'])
  const coolAppCode = textOf(body['coolAppCode'])
  if (openConversationId === '') refuse('paramBlank')
  if (!WELL_FORMED.test(openConversationId)) refuse('cidEncryptError')
  if (coolAppCode === '') refuse('groupPermissionDenied')
  const owner = [...world.apps.values()].find((candidate) => candidate.coolAppCode === coolAppCode)
  if (!owner) refuse('coolAppUnexist')
  if (owner.clientId !== app.clientId) refuse('coolAppPermissionDenied')
  const group = world.groups.get(openConversationId) ?? refuse('groupPermissionDenied')
  if (!group.coolApps.some((entry) => entry.coolAppCode === coolAppCode)) refuse('coolAppUninstalled')
  if (!world.isVisible(app, group.ownerUserId)) refuse('permession.checkFailed')
  return group
}
