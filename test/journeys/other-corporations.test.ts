import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { eventually } from '../support/eventually.ts'
import {
  answerOf,
  expectSilence,
  fire,
  inGroup,
  listGroups,
  openScene,
  press,
  recordsOf,
  type Scene,
  settledRecords,
  theCardOf,
  view,
} from '../support/journey.ts'
import { pushPress } from '../support/push-press.ts'
import { readyz } from '../support/readyz.ts'

/** What comes from another corporation, or from nobody who is named, changes nothing here, and is said. */

const OTHER = 'dingsomebodyelse'

let scene: Scene
beforeAll(async () => {
  scene = await openScene()
})
afterAll(async () => {
  expectSilence(scene.world, scene.app.lines)
  await scene.close()
})

async function pushRaw(type: string, topic: string, headers: Record<string, unknown>, data: unknown): Promise<void> {
  const { control, journal } = scene.world.dingtalk
  const messageId = `raw-${randomUUID()}`
  const frame = { type, headers: { topic, messageId, ...headers }, data: JSON.stringify(data) }
  control.sendRaw(scene.world.dingtalkApp.clientId, JSON.stringify(frame))
  await journal.waitFor('the answer', (entry) => entry.type === 'frame-received' && entry.messageId === messageId)
}

async function alertGroup(title: string) {
  const { world } = scene
  const incident = await fire(world, { title, chats: [inGroup(world.groups.oncall)] })
  const card = await theCardOf(world, incident)
  await settledRecords(world, incident)
  return { incident, card }
}

const notes = async () => JSON.stringify((await readyz(scene.app.url)).notes ?? [])

test('when every press is of another corporation, /readyz says that --corp-id is wrong, until one is not', async () => {
  const { world } = scene
  const { li } = world.people
  const { card } = await alertGroup('企业不对')
  expect(await notes()).not.toContain('--corp-id')
  const answer = await pushPress(world, { outTrackId: card, userId: li.user.userId, corpId: OTHER })
  expect(answer['tips']).toContain('非本企业成员')
  expect(await notes()).toContain(OTHER)
  expect(await notes()).toContain('--corp-id is wrong')
  expect(answerOf(await press(world, card, li, '认领')).title).toContain('处理中')
  expect(await notes()).not.toContain('--corp-id')
})

test.each([[undefined], [null], ['']])('a press of %j is answered in words, and is on record', async (userId) => {
  const { world } = scene
  const { incident, card } = await alertGroup('没有人')
  const answer = await pushPress(world, { outTrackId: card, userId })
  expect(answer['tips']).not.toBe('')
  const presses = (await recordsOf(world, incident)).filter(({ kind }) => kind === 'action')
  expect(presses).toMatchObject([{ status: 'failed', reason_code: 'PRESSER_UNKNOWN' }])
  expect(view(world, card, world.people.zhang).title).toContain('待处理')
})

test('who leaves another corporation stays linked here', async () => {
  const { world } = scene
  const { li } = world.people
  const line = scene.app.lines.length
  const headers = { eventType: 'user_leave_org', eventId: randomUUID(), eventCorpId: OTHER, eventBornTime: 1 }
  await pushRaw('EVENT', '*', headers, { userId: [li.user.userId] })
  await eventually('it is told', () => scene.app.lines.slice(line).some(({ msg }) => msg === 'event-foreign'))
  const { card } = await alertGroup('还在')
  expect(answerOf(await press(world, card, li, '认领')).title).toContain('处理中')
})

test('a message to the robot of another corporation brings no group', async () => {
  const { world } = scene
  const message = {
    msgId: randomUUID(),
    conversationId: 'cidElsewhere==',
    conversationType: '2',
    conversationTitle: '别家的群',
    chatbotCorpId: OTHER,
    senderStaffId: world.people.li.user.userId,
    createAt: Date.now(),
    text: { content: '在吗' },
    msgtype: 'text',
  }
  await pushRaw('CALLBACK', '/v1.0/im/bot/messages/get', {}, message)
  expect((await listGroups(world)).map(({ openConversationId }) => openConversationId)).not.toContain('cidElsewhere==')
  await pushRaw(
    'CALLBACK',
    '/v1.0/im/bot/messages/get',
    {},
    {
      ...message,
      msgId: randomUUID(),
      chatbotCorpId: world.dingtalkApp.corpId,
      conversationId: 'cidHere==',
    },
  )
  await eventually('the group of this one is known', async () =>
    JSON.stringify(await listGroups(world)).includes('cidHere=='),
  )
})
