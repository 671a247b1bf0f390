import { afterEach, describe, expect, onTestFinished, test, afterAll } from 'vitest'

import type { FlashdutyFault, Incident } from '../sandbox/flashduty/types.ts'
import { eventually } from '../support/eventually.ts'
import {
  actsOn,
  answerOf,
  buttonTexts,
  callsFor,
  endPatience,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  listRecords,
  press,
  recordsOf,
  settledRecords,
  theCardOf,
  useScene,
  view,
} from '../support/journey.ts'
import type { Person } from '../support/world.ts'

const scene = useScene()
afterEach(() => {
  scene.world.flashduty.control.clearFaults()
})

/** A new incident in the group of everybody. */
async function alertGroup(title: string): Promise<{ incident: Incident; card: string }> {
  const { world } = scene
  const incident = await fire(world, { title, chats: [inGroup(world.groups.oncall)] })
  return { incident, card: await theCardOf(world, incident) }
}

/** A colleague who is linked, with their own key unless told otherwise. */
async function addColleague(name: string, options: { key?: boolean } = {}): Promise<Person> {
  const { world } = scene
  const user = world.dingtalk.control.createUser({ name })
  const member = world.flashduty.control.createMember({ member_name: name })
  const group = world.groups.oncall
  const added = await world.cli(
    ...['links', 'add', '--dingtalk-user', user.userId, '--member', String(member.member_id), '--name', name],
    ...(options.key === false ? [] : ['--member-key', member.app_key]),
  )
  expect(added).toMatchObject({ code: 0, err: '' })
  // Not in the group: presses are forced with the buttons that the others see.
  expect(group.memberUserIds).not.toContain(user.userId)
  return { user, member }
}

/** How often Flashduty was asked about the incident, or anything with a key that it does not know. */
const askedAbout = ({ incident_id: id }: Incident): number =>
  scene.world.flashduty.control
    .requests()
    .filter(({ member_id: by, body }) => by === undefined || JSON.stringify(body).includes(id)).length

/** Presses 认领 on the group's card as somebody who was let in after it was sent. */
function pressAck(card: string, person: Person) {
  const { world } = scene
  const [button] = view(world, card, world.people.zhang).buttons
  if (!button || !('id' in button)) throw new Error('the card has no button to press')
  return world.dingtalk.control.press({
    outTrackId: card,
    userId: person.user.userId,
    buttonId: button.id,
    force: true,
  })
}

async function expectRefused(
  incident: Incident,
  card: string,
  person: Person,
  refusal: { sentence: string; reason: string; lead?: '去关联' | '切换账户' | '查看详情' },
): Promise<void> {
  const { world } = scene
  const seen = answerOf(await pressAck(card, person))
  expect(seen.tips).toContain(refusal.sentence)
  expect(seen.title).toContain('待处理')
  const { lead } = refusal
  const others = ['认领', '关闭', '查看详情', '快速静默', '刷新'].filter((text) => text !== lead)
  expect(buttonTexts(seen)).toEqual([...(lead === undefined ? [] : [lead]), ...others])
  const records = (await recordsOf(world, incident)).filter(({ target_id: id }) => id === person.user.userId)
  expect(records).toMatchObject([{ kind: 'action', event_type: 'ack', status: 'failed', reason_code: refusal.reason }])
  for (const other of Object.values(world.people).filter((one) => one !== person)) {
    expect(view(world, card, other).title).toContain('待处理')
    expect(view(world, card, other).tips).toBe('')
  }
  expect(callsFor(world, 'updateCard', card)).toEqual([])
}

test('王五, who never opened the app, is told so, and nobody else sees it', async () => {
  const { world } = scene
  const { zhang, li, wang } = world.people
  const { incident, card } = await alertGroup('王五来点')
  const asked = askedAbout(incident)

  const seen = answerOf(await press(world, card, wang, '认领'))
  expect(seen.tips).toBe('未关联应用：请点“去关联”或打开工作台应用完成登录关联，刚才的操作届时可直接继续')
  expect(seen.title).toContain('待处理')
  expect(buttonTexts(seen)).toEqual(['去关联', '认领', '关闭', '查看详情', '快速静默', '刷新'])
  for (const other of [zhang, li]) expect(view(world, card, other).tips).toBe('')
  const records = (await recordsOf(world, incident)).filter(({ kind }) => kind === 'action')
  expect(records).toMatchObject([
    { target_id: wang.user.userId, status: 'failed', reason_code: 'NOT_LINKED', failed_reason: '未关联应用' },
  ])
  expect(askedAbout(incident)).toBe(asked)
  expect(callsFor(world, 'updateCard', card)).toEqual([])

  const { member, user } = wang
  onTestFinished(async () => void (await world.cli('links', 'remove', '--dingtalk-user', user.userId)))
  const linked = await world.cli(
    ...['links', 'add', '--dingtalk-user', user.userId, '--member', String(member.member_id)],
    ...['--member-key', member.app_key],
  )
  expect(linked.code).toBe(0)
  expect(answerOf(await press(world, card, wang, '认领')).title).toContain('处理中')
  await everybodySees(world, card, '处理中')
  expect(view(world, card, zhang).tips).toContain('王五 于')
  await world.cli('links', 'remove', '--dingtalk-user', user.userId)
  expect(answerOf(await press(world, card, wang, '关闭')).tips).toContain('未关联应用')
})

describe('a press that cannot count says why and what to do', () => {
  test('linked without a key', async () => {
    const { incident, card } = await alertGroup('没有 Key')
    const person = await addColleague('赵六', { key: false })
    await expectRefused(incident, card, person, {
      sentence: '未登记你的 Flashduty APP Key',
      reason: 'KEY_MISSING',
      lead: '去关联',
    })
    expect(actsOn(scene.world, incident)).toEqual([])
  })

  test('a key that stopped working is asked for once, and mended by links add', async () => {
    const { world } = scene
    const { incident, card } = await alertGroup('Key 失效')
    const person = await addColleague('孙七')
    person.member.app_key = 'a-new-key-of-the-same-member'
    await expectRefused(incident, card, person, { sentence: '关联已失效', reason: 'KEY_INVALID', lead: '去关联' })
    const asked = askedAbout(incident)
    expect(asked).toBeGreaterThan(0)
    expect(answerOf(await pressAck(card, person)).tips).toContain('关联已失效')
    expect(askedAbout(incident)).toBe(asked)

    const member = ['--member', String(person.member.member_id)]
    const wrong = await world.cli('links', 'add', '--dingtalk-user', person.user.userId, ...member, '--member-key', 'x')
    expect(wrong.code).toBe(1)
    const mended = await world.cli(
      ...['links', 'add', '--dingtalk-user', person.user.userId, ...member, '--member-key', person.member.app_key],
    )
    expect(mended.code).toBe(0)
    expect(answerOf(await pressAck(card, person)).title).toContain('处理中')
    await everybodySees(world, card, '处理中')
  })

  test('no licence', async () => {
    const { incident, card } = await alertGroup('无 License')
    const person = await addColleague('周八')
    person.member.licensed = false
    await expectRefused(incident, card, person, { sentence: '无可用 License', reason: 'NO_LICENSE' })
    person.member.licensed = true
    expect(answerOf(await pressAck(card, person)).title).toContain('处理中')
  })

  test('no permission to handle incidents', async () => {
    const { incident, card } = await alertGroup('无权限')
    const person = await addColleague('吴九')
    person.member.may_handle = false
    await expectRefused(incident, card, person, {
      sentence: '无故障管理权限',
      reason: 'NO_PERMISSION',
      lead: '切换账户',
    })
  })

  test('an incident that is gone', async () => {
    const { world } = scene
    const { incident, card } = await alertGroup('被合并')
    const { li, zhang } = world.people
    world.flashduty.control.deleteIncident(incident.incident_id)
    const seen = answerOf(await pressAck(card, li))
    expect(seen).toMatchObject({ tips: '故障不存在或已删除' })
    expect(buttonTexts(seen)).toEqual(['查看详情'])
    const records = (await recordsOf(world, incident)).filter(({ kind }) => kind === 'action')
    expect(records).toMatchObject([{ status: 'failed', reason_code: 'INCIDENT_NOT_FOUND' }])
    await everybodySees(world, card, '已删除 ·')
    expect(view(world, card, zhang).tips).toBe('故障不存在或已删除')
  })

  test('something Flashduty wants filled in first', async () => {
    const { world } = scene
    const { incident, card } = await alertGroup('要填表单')
    const effect = { kind: 'error', status: 400, code: 'InvalidParameter', message: 'root_cause is required' } as const
    world.flashduty.control.addFault({ path: '/incident/ack', effect })
    await expectRefused(incident, card, world.people.li, {
      sentence: '操作未被接受（root_cause is required）（可能需填写表单）：请点“查看详情”',
      reason: 'ACTION_REJECTED',
      lead: '查看详情',
    })
  })

  test('a button that this daemon never drew', async () => {
    const { world } = scene
    const { incident, card } = await alertGroup('没有的按钮')
    for (const buttonId of ['explode', 'ack', 'snooze~1', 'ack.5~1', '认领~1']) {
      const userId = world.people.li.user.userId
      const seen = answerOf(await world.dingtalk.control.press({ outTrackId: card, userId, buttonId, force: true }))
      expect(seen.tips).toContain('按钮已失效')
      expect(buttonTexts(seen)).toEqual(['认领', '关闭', '查看详情', '快速静默', '刷新'])
    }
    expect(actsOn(world, incident)).toEqual([])
    const records = (await recordsOf(world, incident)).filter(({ kind }) => kind === 'action')
    expect(records.map(({ reason_code: reason }) => reason)).toEqual(Array(5).fill('BUTTON_UNKNOWN'))
  })

  test('a card that this daemon does not know', async () => {
    const { world } = scene
    const { apiUrl, control } = world.dingtalk
    const { clientId: appKey, clientSecret: appSecret } = world.dingtalkApp
    const post = async (path: string, body: unknown, headers = {}) => {
      const answer = await fetch(apiUrl + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      })
      return (await answer.json()) as Record<string, unknown>
    }
    const { accessToken } = await post('/v1.0/oauth2/accessToken', { appKey, appSecret })
    const made = await post(
      '/v1.0/card/instances/createAndDeliver',
      {
        cardTemplateId: '1366a1eb-bc54-4859-ac88-517c56a9acb1.schema',
        outTrackId: 'somebody-elses-card',
        callbackType: 'STREAM',
        cardData: { cardParamMap: { title: '别人的卡片', markdown: '正文' } },
        openSpaceId: `dtv1.card//IM_GROUP.${world.groups.oncall.openConversationId}`,
        imGroupOpenSpaceModel: { supportForward: false },
        imGroupOpenDeliverModel: { robotCode: appKey },
      },
      { 'x-acs-dingtalk-access-token': String(accessToken) },
    )
    expect(made).toMatchObject({ success: true })
    const { userId } = world.people.li.user
    const pressed = await control.press({ outTrackId: 'somebody-elses-card', userId, buttonId: 'ack~1', force: true })
    const seen = answerOf(pressed)
    expect(seen).toMatchObject({ title: '别人的卡片', markdown: '正文' })
    expect(seen.tips).toContain('卡片已失效')
    const records = (await listRecords(world, '--target', userId)).filter(
      ({ reason_code: why }) => why === 'CARD_UNKNOWN',
    )
    expect(records).toHaveLength(1)
  })
})

describe('an incident that has moved on', () => {
  test('a press that came too late shows the newest card and says so', async () => {
    const { world } = scene
    const { zhang, li } = world.people
    const { incident, card } = await alertGroup('先关后认')
    const held = world.flashduty.control.holdEvents()
    onTestFinished(() => held.release(() => []))
    await world.flashduty.control.act(incident.incident_id, 'resolve', zhang.member.member_id)
    const seen = answerOf(await press(world, card, li, '认领'))
    expect(seen.tips).toContain('故障状态已变化')
    expect(seen.title).toContain('已关闭')
    await held.release()
    await everybodySees(world, card, '已关闭')
    // The client of 李四 has not drawn the update yet, and he presses what he sees.
    const late = await world.dingtalk.control.press({
      outTrackId: card,
      userId: li.user.userId,
      buttonId: 'ack~1',
      force: true,
    })
    expect(answerOf(late).tips).toContain('故障状态已变化')
    expect(answerOf(late).title).toContain('已关闭')
    expect(buttonTexts(answerOf(late))).toEqual(['查看详情', '快速静默', '刷新'])
    await settledRecords(world, incident)
  })

  test('what somebody else did already counts as done', async () => {
    const { world } = scene
    const { zhang, li } = world.people
    const { incident, card } = await alertGroup('两人都关')
    const held = world.flashduty.control.holdEvents()
    await world.flashduty.control.act(incident.incident_id, 'resolve', zhang.member.member_id)
    await held.release()
    await everybodySees(world, card, '已关闭')
    const late = await world.dingtalk.control.press({
      outTrackId: card,
      userId: li.user.userId,
      buttonId: 'resolve~1',
      force: true,
    })
    expect(answerOf(late).title).toContain('已关闭')
    expect(actsOn(world, incident, 'resolve')).toEqual([])
    await settledRecords(world, incident)
  })
})

describe('Flashduty in trouble', () => {
  const act = '/incident/ack'

  const troubles: [what: string, effect: FlashdutyFault['effect']][] = [
    ['answers 500', { kind: 'error', status: 500, code: 'InternalError', message: 'oops' }],
    ['answers 503 without its envelope', { kind: 'error', status: 503, code: '', message: '' }],
    ['asks to slow down', { kind: 'error', status: 429, code: 'RequestTooFrequently', message: 'slow down' }],
    ['takes three seconds', { kind: 'delay', ms: 3_000 }],
    ['never answers', { kind: 'hang' }],
    ['does it and never answers', { kind: 'apply-then-hang' }],
    ['does it and cuts the line', { kind: 'apply-then-reset' }],
  ]
  test.each(troubles)('%s: the press is answered in time and carried out once', async (_what, effect) => {
    const { world } = scene
    const { li, zhang } = world.people
    const { incident, card } = await alertGroup('Flashduty 故障')
    world.flashduty.control.addFault({ path: act, effect })

    const [button] = view(world, card, li).buttons
    const pressing = press(world, card, li, '认领')
    if (effect.kind === 'hang' || effect.kind === 'delay' || effect.kind === 'apply-then-hang') {
      await endPatience(scene.app, 'Flashduty is asked', () => actsOn(world, incident, 'ack').length === 1)
    }
    // Of what was done the event may be here first, and proves it.
    const words = effect.kind.startsWith('apply') ? /^(处理中，卡片稍后更新|李四 于 .*认领)$/ : /^处理中，卡片稍后更新$/
    expect(answerOf(await pressing).tips).toMatch(words)
    // Pressed again out of impatience: it is the same click.
    if (!button || !('id' in button)) throw new Error('the card has no button to press')
    const again = { outTrackId: card, userId: li.user.userId, buttonId: button.id, force: true }
    expect(answerOf(await world.dingtalk.control.press(again)).tips).toMatch(/处理中，卡片稍后更新|李四 于/)

    await everybodySees(world, card, '处理中')
    expect(view(world, card, zhang).tips).toContain('李四 于')
    const records = await settledRecords(world, incident)
    const presses = records.filter(({ kind }) => kind === 'action')
    expect(presses).toMatchObject([{ target_id: li.user.userId, status: 'success', duplicates: 1 }])
    const carriedOut = world.flashduty.control
      .events()
      .filter((event) => event.incident.incident_id === incident.incident_id && event.event_type === 'i_ack')
    expect(carriedOut).toHaveLength(1)
    expect(actsOn(world, incident, 'ack').length).toBe(
      effect.kind.startsWith('apply') || effect.kind === 'delay' ? 1 : 2,
    )
  })

  test('for good: the presser may try again later, and then it counts', async () => {
    const { world } = scene
    const { li } = world.people
    const { incident, card } = await alertGroup('Flashduty 停机')
    const down = { kind: 'error', status: 500, code: 'InternalError', message: 'oops' } as const
    world.flashduty.control.addFault({ path: act, times: 100, effect: down })
    expect(answerOf(await press(world, card, li, '认领')).tips).toBe('处理中，卡片稍后更新')
    await eventually('the click is given up', async () =>
      (await recordsOf(world, incident)).some(
        ({ kind, status, reason_code: reason }) =>
          kind === 'action' && status === 'failed' && reason === 'FLASHDUTY_UNAVAILABLE',
      ),
    )
    await eventually('the sentence is taken back', () => view(world, card, li).tips === '')
    expect(view(world, card, li).title).toContain('待处理')

    world.flashduty.control.clearFaults()
    expect(answerOf(await press(world, card, li, '认领')).title).toContain('处理中')
    await everybodySees(world, card, '处理中')
  })
})

afterAll(async () => {
  expectSilence(scene.world, scene.app.lines, { errors: ['click-failed'] })
})
