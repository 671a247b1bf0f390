import { afterAll, beforeAll, expect, test } from 'vitest'

import { AI_TEMPLATE, PUBLIC_TEMPLATE } from '../sandbox/dingtalk/card-templates.ts'
import {
  answerOf,
  buttonTexts,
  callsFor,
  changeIntegration,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  press,
  settledRecords,
  theCardOf,
  useScene,
  view,
} from '../support/journey.ts'

/** The vendor's other public template: the same story as on the first, as a finished card from beginning to end. */

const scene = useScene()
beforeAll(() => changeIntegration(scene, '--template-id', 'ai-markdown'))
afterAll(() => expectSilence(scene.world, scene.app.lines))

const alert = async () => {
  const { world } = scene
  const incident = await fire(world, {
    chats: [inGroup(world.groups.oncall)],
    personIds: [world.people.li.member.member_id],
    labels: { resource: 'db-01' },
  })
  const card = await theCardOf(world, incident)
  await settledRecords(world, incident)
  return { incident, card }
}
const paramsOf = (request: { body: unknown }) =>
  (request.body as { cardData: { cardParamMap: Record<string, string> } }).cardData.cardParamMap

test('an alert on it is pressed, put off and closed as on any other', async () => {
  const { world } = scene
  const { zhang, li, wang } = world.people
  const { card } = await alert()
  const fresh = view(world, card, wang)
  expect(fresh.cardTemplateId).toBe(AI_TEMPLATE)
  expect(fresh.title).toContain('待处理')
  expect(fresh.markdown).toContain('**协作空间**：数据库')
  expect(fresh.markdown).toContain('db-01')
  expect(buttonTexts(fresh)).toEqual(['认领', '关闭', '查看详情', '快速静默', '刷新'])

  // 王五 is not linked: only they read so, at the end of the body.
  const refused = answerOf(await press(world, card, wang, '认领'))
  expect(refused.markdown).toContain('未关联应用')
  expect(buttonTexts(refused)).toContain('认领')
  expect(view(world, card, zhang).markdown).not.toContain('未关联应用')

  const answered = await press(world, card, li, '认领')
  expect(answered).toMatchObject({ response: { cardData: { cardParamMap: { flowStatus: '3' } } } })
  const acknowledged = answerOf(answered)
  expect(acknowledged.title).toContain('处理中')
  expect(acknowledged.markdown).toMatch(/<font colorTokenV2=common_gray1_color>李四 于 \d\d:\d\d 认领<\/font>$/)
  expect(buttonTexts(acknowledged)).toContain('暂缓 2 小时')
  await everybodySees(world, card, '处理中')
  expect(view(world, card, wang).markdown).toContain('李四 ✓')
  expect(view(world, card, wang).markdown).not.toContain('未关联应用')

  expect(answerOf(await press(world, card, zhang, '关闭')).title).toContain('已关闭')
  await everybodySees(world, card, '已关闭')
  for (const person of [zhang, li, wang]) {
    expect(buttonTexts(view(world, card, person))).toEqual(['查看详情', '快速静默', '刷新'])
  }

  const sent = [...callsFor(world, 'createAndDeliver', card), ...callsFor(world, 'updateCard', card)].map(paramsOf)
  expect(sent.length).toBeGreaterThan(1)
  for (const { flowStatus, sys_full_json_obj: whole = '' } of sent) {
    expect(flowStatus).toBe('3')
    expect(JSON.parse(whole)).toMatchObject({ order: ['msgTitle', 'staticMsgContent', 'msgButtons'] })
  }
})

test('cards keep the template they were made with, whichever is chosen later', async () => {
  const { world } = scene
  const { li } = world.people
  const { card: old } = await alert()
  await changeIntegration(scene, '--template-id', '')
  const { card: young } = await alert()
  expect(view(world, old, li).cardTemplateId).toBe(AI_TEMPLATE)
  expect(view(world, young, li).cardTemplateId).toBe(PUBLIC_TEMPLATE)
  for (const card of [old, young]) {
    await press(world, card, li, '认领')
    await everybodySees(world, card, '处理中')
    expect(buttonTexts(view(world, card, li))).toContain('取消认领')
  }
})
