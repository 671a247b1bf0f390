import { refuse } from './errors.ts'
import type { Json } from './fields.ts'
import { textOf } from './fields.ts'
import type { App } from './types.ts'
import type { World } from './world.ts'

const WELL_FORMED = /^cid[A-Za-z0-9+/]+={0,2}$/

/** D:query-group-information. Groups of this sandbox are known through a cool app, so its code is needed. */
export function querySceneGroup(world: World, app: App, body: Json): Json {
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
  return {
    success: true,
    openConversationId,
    templateId: '',
    title: group.title,
    ownerUserId: group.ownerUserId,
    icon: '@lADPsandbox',
    groupUrl: 'https://h5.dingtalk.com/circle/healthCheckin.html',
    status: group.disbanded ? 2 : 1,
  }
}
