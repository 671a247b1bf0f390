import { refuse } from './errors.ts'
import type { Json } from './fields.ts'
import { textOf } from './fields.ts'
import type { App, Group } from './types.ts'
import type { World } from './world.ts'

const WELL_FORMED = /^cid[A-Za-z0-9+/]+={0,2}$/

/** D:query-group-information. */
export function querySceneGroup(world: World, app: App, body: Json): Json {
  const group = findCoolAppGroup(world, app, body)
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

/** D:query-group-members. Up to 1000 come in one answer, whatever `maxResults` says. */
export function queryMembers(world: World, app: App, body: Json): Json {
  const group = findCoolAppGroup(world, app, body)
  const from = Number(textOf(body['nextToken']) || '0')
  if (!Number.isSafeInteger(from) || from < 0) refuse('paramIllegal')
  const memberUserIds = group.memberUserIds.slice(from, from + 1_000)
  const hasMore = group.memberUserIds.length > from + 1_000
  const nextToken = hasMore ? String(from + 1_000) : ''
  return { success: true, memberUserIds, hasMore, nextToken, unionIdList: [], staffIdNickMap: {}, unionIdNickMap: {} }
}

/** D:obtain-the-list-of-robots-in-the-group. */
export function queryRobots(world: World, _app: App, body: Json): Json {
  const group = findGroup(world, body)
  if (group.disbanded) refuse('group.disbanded')
  const robots = [...group.coolApps, ...group.robots]
  return {
    chatbotInstanceVOList: robots.map(({ robotCode, clientId }) => ({
      robotCode,
      name: `robot of ${clientId}`,
      downloadIconURL: 'https://static.dingtalk.com/media/robot.png',
      openRobotType: 'App',
    })),
  }
}

/** Groups of this sandbox are known through a cool app, so its code is needed. */
function findCoolAppGroup(world: World, app: App, body: Json): Group {
  const coolAppCode = textOf(body['coolAppCode'])
  checkId(body)
  if (coolAppCode === '') refuse('groupPermissionDenied')
  const owner = [...world.apps.values()].find((candidate) => candidate.coolAppCode === coolAppCode)
  if (!owner) refuse('coolAppUnexist')
  if (owner.clientId !== app.clientId) refuse('coolAppPermissionDenied')
  const group = findGroup(world, body)
  if (!group.coolApps.some((entry) => entry.coolAppCode === coolAppCode)) refuse('coolAppUninstalled')
  if (!world.isVisible(app, group.ownerUserId)) refuse('permession.checkFailed')
  return group
}

function findGroup(world: World, body: Json): Group {
  return world.groups.get(checkId(body)) ?? refuse('groupPermissionDenied')
}

function checkId(body: Json): string {
  const openConversationId = textOf(body['openConversationId'])
  if (openConversationId === '') refuse('paramBlank')
  return WELL_FORMED.test(openConversationId) ? openConversationId : refuse('cidEncryptError')
}
