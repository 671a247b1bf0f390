import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callAsApp, groupCard, createAndDeliver, type Office, openOffice, openStream, putCard } from './rig.ts'
import { REFUSALS } from './refusals.ts'
import type { RefusalName } from './types.ts'

let office: Office

beforeAll(async () => {
  office = await openOffice()
})

afterAll(() => office.sandbox.close())

const askGroup = (fields: object = {}, path = '/v1.0/im/sceneGroups/query') => {
  const { openConversationId } = office.group
  return callAsApp(office, 'POST', path, { openConversationId, coolAppCode: office.app.coolAppCode, ...fields })
}
const askMembers = (fields: object = {}) => askGroup(fields, '/v1.0/im/sceneGroups/members/batchQuery')
const askRobots = () => askGroup({}, '/v1.0/robot/groups/robots/query')
const robotCodes = async () => {
  const { body } = await askRobots()
  return (body['chatbotInstanceVOList'] as { robotCode: string }[]).map(({ robotCode }) => robotCode)
}

describe('questions about a group', () => {
  test('its members, however many are asked for', async () => {
    const { li, wang } = office
    const { status, body } = await askMembers({ maxResults: 1 })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      success: true,
      memberUserIds: [li.userId, wang.userId],
      hasMore: false,
      nextToken: '',
    })
  })

  test.each([
    ['paramBlank', { openConversationId: '' }],
    ['cidEncryptError', { openConversationId: 'cid?' }],
    ['groupPermissionDenied', { coolAppCode: '' }],
    ['coolAppUnexist', { coolAppCode: 'COOLAPP-1-NOBODY' }],
    ['groupPermissionDenied', { openConversationId: 'cidAAAAAAAAAAAAAAAAAAAAAA==' }],
  ])('%s for %j', async (code, fields) => {
    for (const ask of [askGroup, askMembers]) {
      expect(await ask(fields)).toMatchObject({ status: 400, body: { code } })
    }
  })

  test('a group whose owner cannot see the app is not told about', async () => {
    const { sandbox, app, wang } = office
    const narrowed = sandbox.control.changeVisibility(app.clientId, [wang.userId])
    expect(await askGroup()).toMatchObject({ status: 400, body: { code: 'permession.checkFailed' } })
    const widened = sandbox.control.changeVisibility(app.clientId, 'ALL')
    expect((await askGroup()).status).toBe(200)
    // Nobody listens yet; what comes later must not be taken for something else.
    for (const eventId of [narrowed, widened]) expect(await sandbox.control.eventSettled(eventId)).toBe('dropped')
  })
})

describe('robots and cool apps', () => {
  test('a robot may be there without a cool app, and cards reach it', async () => {
    const { control } = office.sandbox
    const { clientId } = office.app
    const { openConversationId } = office.group
    const stream = await openStream(office)
    control.uninstallCoolApp(openConversationId, clientId)
    const refused = await createAndDeliver(office, groupCard(office, { outTrackId: 'gone' }))
    expect(JSON.stringify(refused.body)).toContain('robot is not in the group')
    expect(await robotCodes()).toEqual([])
    await control.eventSettled(control.addRobot(openConversationId, clientId))
    const told = stream.frames.at(-1)
    expect(told?.headers['eventType']).toBe('im_cool_app_install')
    expect(JSON.parse(told?.data ?? '')).toMatchObject({ coolAppCode: '', robotCode: clientId, openConversationId })
    expect(await robotCodes()).toEqual([clientId])
    expect(await askGroup()).toMatchObject({ status: 400, body: { code: 'coolAppUninstalled' } })
    const reached = await createAndDeliver(office, groupCard(office, { outTrackId: 'alone' }))
    expect(JSON.stringify(reached.body)).not.toContain('errorMsg')
    await control.eventSettled(control.removeRobot(openConversationId, clientId))
    await control.eventSettled(control.installCoolApp(openConversationId, clientId))
    stream.socket.close()
  })

  test('an app may have several cool apps, each with its own coming and going', async () => {
    const { control } = office.sandbox
    const { clientId } = office.app
    const { openConversationId } = office.group
    const stream = await openStream(office)
    const other = { coolAppCode: 'COOLAPP-1-OTHER', robotCode: 'dingother' }
    await control.eventSettled(control.installCoolApp(openConversationId, clientId, other))
    expect(await robotCodes()).toEqual([clientId, 'dingother'])
    await control.eventSettled(control.uninstallCoolApp(openConversationId, clientId, other))
    expect(JSON.parse(stream.frames.at(-1)?.data ?? '')).toMatchObject(other)
    expect((await askGroup()).status).toBe(200)
    stream.socket.close()
  })
})

test.each<[string, () => string, object]>([
  ['chat_add_member', () => office.sandbox.control.addMember(office.group.openConversationId, office.wang.userId), {}],
  [
    'inner_app_status_change',
    () => office.sandbox.control.switchApp(office.app.clientId, false),
    { status: 'disable' },
  ],
  ['inner_app_scopes_change', () => office.sandbox.control.changeVisibility(office.app.clientId, 'ALL'), {}],
])('%s is pushed', async (eventType, act, fields) => {
  const stream = await openStream(office)
  expect(await office.sandbox.control.eventSettled(act())).toBe('success')
  expect(stream.frames).toMatchObject([{ headers: { eventType } }])
  expect(JSON.parse(stream.frames[0]?.data ?? '')).toMatchObject(fields)
  stream.socket.close()
})

describe('the month', () => {
  test('calls about groups and cards end with the quota, and go on in the next month', async () => {
    const { control } = office.sandbox
    control.settings.monthlyCalls = control.used().calls + 1
    expect((await askGroup()).status).toBe(200)
    const refused = await askGroup()
    expect(refused).toMatchObject({ status: 403, body: { code: 'Forbidden.AccessDenied.ApiCountLimitForOrg' } })
    expect((await putCard(office, {})).status).toBe(403)
    control.settings.monthlyCalls = 0
    expect((await askGroup()).status).toBe(200)
  })

  test('pushes about groups end too, those about people do not, and robot messages come without their text', async () => {
    const { sandbox, app, li, group } = office
    const { control } = sandbox
    const robots = { type: 'CALLBACK', topic: '/v1.0/im/bot/messages/get' }
    const stream = await openStream(office, () => ({ data: { status: 'SUCCESS' } }), [
      { type: 'EVENT', topic: '*' },
      robots,
    ])
    control.settings.monthlyPushes = control.used().pushes + 1
    expect(await control.eventSettled(control.renameGroup(group.openConversationId, 'A'))).toBe('success')
    expect(await control.eventSettled(control.renameGroup(group.openConversationId, 'B'))).toBe('dropped')
    const stranger = control.createUser({ name: 'Zhao' })
    expect(await control.eventSettled(control.removeUser(stranger.userId))).toBe('success')
    const ids = { clientId: app.clientId, userId: li.userId }
    control.messageRobot({ ...ids, text: 'hello', openConversationId: group.openConversationId })
    await sandbox.journal.waitFor('the message', () => stream.frames.length >= 3)
    const message = JSON.parse(stream.frames.at(-1)?.data ?? '') as Record<string, unknown>
    expect(message).toMatchObject({ errorCode: 20001, conversationTitle: 'B' })
    expect(message['text']).toBeUndefined()
    control.settings.monthlyPushes = 0
    stream.socket.close()
  })
})

describe('faults', () => {
  test.each(Object.entries(REFUSALS) as [RefusalName, (typeof REFUSALS)[RefusalName]][])(
    '%s can be asked for by name',
    async (name, { status, body }) => {
      office.sandbox.control.refuse('updateCard', name)
      const response = await fetch(`${office.sandbox.apiUrl}/v1.0/card/instances`, {
        method: 'PUT',
        body: '{}',
        redirect: 'manual',
      })
      const text = await response.text()
      expect(response.status).toBe(status)
      expect(text).toBe(typeof body === 'string' ? body : JSON.stringify(body))
      // What is no error of the HTTP status says so in its body.
      if (status === 200 && typeof body === 'object') expect(text).toMatch(/"(errcode|status)":/)
    },
  )

  test('one target can fail inside a success', async () => {
    const { control } = office.sandbox
    control.failTarget(office.group.openConversationId, 'group is disbanded')
    const { status, body } = await createAndDeliver(office, groupCard(office, { outTrackId: 'partial' }))
    expect(status).toBe(200)
    expect(JSON.stringify(body)).toContain('"success":false')
    expect(JSON.stringify(body)).toContain('group is disbanded')
    control.failTarget(office.group.openConversationId, undefined)
  })

  test('an answer can end in its middle, though the call was done', async () => {
    const { sandbox } = office
    sandbox.control.addFault({ api: 'createAndDeliver', effect: { kind: 'apply-then-cut' } })
    const cut = await createAndDeliver(office, groupCard(office, { outTrackId: 'cut' })).catch(
      (error: unknown) => error,
    )
    expect(cut).toBeInstanceOf(Error)
    expect(sandbox.control.cards()).toContain('cut')
  })

  test('a scope can be taken away and given back', async () => {
    const { control } = office.sandbox
    const { clientId, scopes } = office.app
    control.updateApp(clientId, { scopes: scopes.filter((scope) => scope !== 'qyapi_chat_manage') })
    expect(await askRobots()).toMatchObject({
      status: 403,
      body: { accessdenieddetail: { requiredScopes: ['qyapi_chat_manage'] } },
    })
    control.updateApp(clientId, { scopes })
    expect((await askRobots()).status).toBe(200)
  })
})
