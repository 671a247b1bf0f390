import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Json } from './fields.ts'
import type { Answered, Office } from './rig.ts'
import { callAsApp, openOffice } from './rig.ts'

let office: Office

beforeEach(async () => {
  office = await openOffice()
})

afterEach(() => office.sandbox.close())

const text = { msgKey: 'sampleText', msgParam: JSON.stringify({ content: 'hello' }) }

const sendToGroup = (office: Office, fields: Json = {}): Promise<Answered> => {
  const { app, group } = office
  const { openConversationId } = group
  const target = { robotCode: app.clientId, openConversationId, coolAppCode: app.coolAppCode }
  return callAsApp(office, 'POST', '/v1.0/robot/groupMessages/send', { ...text, ...target, ...fields })
}

const sendToUsers = (office: Office, fields: Json = {}): Promise<Answered> => {
  const target = { robotCode: office.app.clientId, userIds: [office.li.userId] }
  return callAsApp(office, 'POST', '/v1.0/robot/oToMessages/batchSend', { ...text, ...target, ...fields })
}

describe('to a group', () => {
  test('the message appears', async () => {
    expect(await sendToGroup(office)).toEqual({ status: 200, body: { processQueryKey: expect.any(String) } })
    const [conversation] = office.sandbox.control.conversationsOf(office.wang.userId)
    expect(conversation?.messages.at(-1)).toMatchObject({
      robotCode: office.app.clientId,
      content: { kind: 'robot', msgKey: 'sampleText', msgParam: { content: 'hello' } },
    })
    expect(office.sandbox.journal.of('message').at(-1)).toMatchObject({ conversationId: conversation?.id })
  })

  test.for<[string, Json]>([
    ['invalidParameter.robotCode.empty', { robotCode: '' }],
    ['invalidParameter.robotCode.notExsit', { robotCode: 'nobody' }],
    ['invalidParameter.msgKey.empty', { msgKey: undefined }],
    ['invalidParameter.msgKey.invalid', { msgKey: 'sampleFeed' }],
    ['invalidParameter.msgParam.invalid', { msgParam: { content: 'an object' } }],
    ['invalidParameter.msgParam.invalid', { msgParam: 'not json' }],
    ['invalidParameter.msgParam.invalid', { msgKey: 'sampleMarkdown' }],
    ['invalidParameter.msgParam.tooLong', { msgParam: JSON.stringify({ content: '字'.repeat(5_000) }) }],
    ['miss.openConversationId', { openConversationId: undefined }],
    ['invalid.openConversationId', { openConversationId: 'cidNoSuchGroup0000000000==' }],
    ['invalidParameter.robotCode.coolApp', { coolAppCode: undefined }],
    ['resource.unavailable', { coolAppCode: 'COOLAPP-1-OTHER' }],
  ])('%s for %o', async ([code, fields]) => {
    expect(await sendToGroup(office, fields)).toMatchObject({ status: 400, body: { code } })
  })

  test('the robot of another app is not ours to use', async () => {
    const { clientId } = office.sandbox.control.createApp()
    expect(await sendToGroup(office, { robotCode: clientId })).toMatchObject({
      body: { code: 'invalidParameter.robotCode.auth' },
    })
  })

  test('after uninstall and after disband nothing goes', async () => {
    const { sandbox, app, group } = office
    sandbox.control.uninstallCoolApp(group.openConversationId, app.clientId)
    expect(await sendToGroup(office)).toMatchObject({ status: 400, body: { code: 'resource.unavailable' } })
    sandbox.control.disbandGroup(group.openConversationId)
    expect(await sendToGroup(office)).toMatchObject({ status: 400, body: { code: 'group.disbanded' } })
  })
})

describe('to people', () => {
  test('unknown, invisible and throttled users come back in their lists', async () => {
    const { sandbox, app, li, wang } = office
    const busy = sandbox.control.createUser({ name: 'Busy' })
    sandbox.control.setFlowControlled([busy.userId])
    sandbox.control.updateApp(app.clientId, { visibleTo: [li.userId, busy.userId] })
    const userIds = [li.userId, wang.userId, busy.userId, 'nobody']
    expect(await sendToUsers(office, { userIds })).toEqual({
      status: 200,
      body: {
        processQueryKey: expect.any(String),
        invalidStaffIdList: [wang.userId, 'nobody'],
        flowControlledStaffIdList: [busy.userId],
      },
    })
    const chatsWithRobot = [li, wang, busy].map(
      ({ userId }) => sandbox.control.conversationsOf(userId).filter(({ kind }) => kind === 'robot').length,
    )
    expect(chatsWithRobot).toEqual([1, 0, 0])
  })

  test('nobody, and more than 20, are refused', async () => {
    expect(await sendToUsers(office, { userIds: [] })).toMatchObject({
      status: 400,
      body: { code: 'invalidParameter.userIds.empty' },
    })
    const userIds = Array.from({ length: 21 }, (_, n) => `u${n}`)
    expect(await sendToUsers(office, { userIds })).toMatchObject({
      status: 400,
      body: { code: 'invalidParameter.userIds.overMax' },
    })
  })
})

describe('sceneGroups/query', () => {
  const query = (office: Office, fields: Json = {}): Promise<Answered> => {
    const body = { openConversationId: office.group.openConversationId, coolAppCode: office.app.coolAppCode, ...fields }
    return callAsApp(office, 'POST', '/v1.0/im/sceneGroups/query', body)
  }

  test('tells title, owner and whether the group still is', async () => {
    const { sandbox, group, li } = office
    const { openConversationId } = group
    const known = { success: true, openConversationId, ownerUserId: li.userId, templateId: '' }
    expect(await query(office)).toMatchObject({ status: 200, body: { ...known, title: 'On-call A', status: 1 } })
    sandbox.control.renameGroup(openConversationId, 'On-call B')
    sandbox.control.disbandGroup(openConversationId)
    expect(await query(office)).toMatchObject({ status: 200, body: { ...known, title: 'On-call B', status: 2 } })
  })

  test.for<[string, Json]>([
    ['paramBlank', { openConversationId: '' }],
    ['cidEncryptError', { openConversationId: 'chat123' }],
    ['groupPermissionDenied', { coolAppCode: undefined }],
    ['groupPermissionDenied', { openConversationId: 'cidNoSuchGroup0000000000==' }],
    ['coolAppUnexist', { coolAppCode: 'COOLAPP-1-NONE' }],
  ])('%s for %o', async ([code, fields]) => {
    expect(await query(office, fields)).toMatchObject({ status: 400, body: { code } })
  })

  test('refuses the cool app of another, an owner out of sight, and an uninstalled cool app', async () => {
    const { sandbox, app, group, wang } = office
    const { coolAppCode } = sandbox.control.createApp()
    expect(await query(office, { coolAppCode })).toMatchObject({ body: { code: 'coolAppPermissionDenied' } })
    sandbox.control.updateApp(app.clientId, { visibleTo: [wang.userId] })
    expect(await query(office)).toMatchObject({ body: { code: 'permession.checkFailed' } })
    sandbox.control.uninstallCoolApp(group.openConversationId, app.clientId)
    expect(await query(office)).toMatchObject({ status: 400, body: { code: 'coolAppUninstalled' } })
  })
})
