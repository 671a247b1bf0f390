import { afterAll, describe, expect, onTestFinished, test } from 'vitest'

import type { Group } from '../sandbox/dingtalk/types.ts'
import {
  actsOn,
  answerOf,
  buttonTexts,
  callsFor,
  cardsOf,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  installInMany,
  listGroups,
  press,
  recordsOf,
  settledRecords,
  theCardOf,
  useScene,
  view,
} from '../support/journey.ts'
import { readDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'

const scene = useScene()

test('a group is known by its title from installing the cool app to removing it', async () => {
  const { world } = scene
  const { control } = world.dingtalk
  // Of its own, so that the others always have theirs.
  const [group] = (await installInMany(world, 1, '缓存值班群')) as [Group]
  const known = async () => (await listGroups(world)).find((row) => row.openConversationId === group.openConversationId)
  expect(await known()).toMatchObject({ title: '缓存值班群 1', status: 'installed' })

  control.renameGroup(group.openConversationId, '缓存值班一群')
  await eventually('the new title', async () => (await known())?.title === '缓存值班一群')
  const removed = control.uninstallCoolApp(group.openConversationId, world.dingtalkApp.clientId)
  expect(await control.eventSettled(removed)).toBe('success')
  expect(await known()).toMatchObject({ title: '缓存值班一群', status: 'uninstalled' })
  control.installCoolApp(group.openConversationId, world.dingtalkApp.clientId)
  await eventually('installed again', async () => (await known())?.status === 'installed')
})

describe('an incident told to a group and to 李四', () => {
  test('is one card that everybody works with until it is closed', async () => {
    const { world } = scene
    const { zhang, li, wang } = world.people
    const chats = [inGroup(world.groups.oncall)]
    const incident = await fire(world, { chats, personIds: [li.member.member_id], labels: { resource: 'db-01' } })
    const card = await theCardOf(world, incident)

    await eventually('both places have it', () => Object.keys(world.dingtalk.control.placementsOf(card)).length === 2)
    const places = world.dingtalk.control.placementsOf(card)
    expect(places[world.groups.oncall.openConversationId]).toBe(1)
    expect(callsFor(world, 'createAndDeliver', card)).toHaveLength(1)
    for (const person of [zhang, li, wang]) {
      const seen = view(world, card, person)
      expect(seen.title).toContain('待处理')
      expect(seen.title).toContain(`#${incident.num} db-01 主从延迟过大`)
      expect(seen.markdown).toContain('**严重程度**：<font colorTokenV2=common_red1_color>严重</font>')
      expect(seen.markdown).toContain('**协作空间**：数据库')
      expect(seen.markdown).toMatch(/\*\*触发时间\*\*：\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/)
      expect(seen.markdown).toContain('**处理人**：李四')
      expect(seen.markdown).toContain('db-01')
      expect(buttonTexts(seen)).toEqual(['认领', '关闭', '查看详情', '快速静默', '刷新'])
    }
    const messages = world.dingtalk.control.conversationsOf(li.user.userId).flatMap(({ messages }) => messages)
    const pushed = messages.flatMap(({ content }) =>
      content.kind === 'card' && content.outTrackId === card ? [content] : [],
    )
    expect(pushed).toHaveLength(2)
    for (const { alertContent, lastMessage } of pushed) {
      for (const word of ['严重', 'db-01 主从延迟过大', '数据库']) {
        expect(alertContent).toContain(word)
        expect(lastMessage).toContain(word)
      }
    }

    const acknowledged = answerOf(await press(world, card, li, '认领'))
    expect(acknowledged.title).toContain('处理中')
    expect(acknowledged.tips).toMatch(/^李四 于 \d\d:\d\d 认领$/)
    expect(buttonTexts(acknowledged)).toEqual([
      '暂缓 2 小时',
      '暂缓 4 小时',
      '暂缓 12 小时',
      '关闭',
      '取消认领',
      '查看详情',
    ])
    await everybodySees(world, card, '处理中')
    expect(view(world, card, zhang).tips).toMatch(/^李四 于 \d\d:\d\d 认领$/)
    expect(view(world, card, wang).markdown).toContain('李四 ✓')

    expect(answerOf(await press(world, card, li, '暂缓 2 小时')).title).toContain('已暂缓至')
    await everybodySees(world, card, '已暂缓至')
    expect(buttonTexts(view(world, card, zhang))).toEqual(['取消暂缓', '关闭', '查看详情', '快速静默', '刷新'])

    expect(answerOf(await press(world, card, zhang, '取消暂缓')).title).toContain('处理中')
    await everybodySees(world, card, '处理中')

    expect(answerOf(await press(world, card, li, '取消认领')).title).toContain('待处理')
    await everybodySees(world, card, '待处理')

    const closed = answerOf(await press(world, card, zhang, '关闭'))
    expect(closed.title).toContain('已关闭')
    expect(buttonTexts(closed)).toEqual(['查看详情', '快速静默', '刷新'])
    await everybodySees(world, card, '已关闭')
    for (const person of [zhang, li, wang])
      expect(buttonTexts(view(world, card, person))).toEqual(['查看详情', '快速静默', '刷新'])

    const acts = actsOn(world, incident).map(({ path, member_id: by, status }) => ({ path, by, status }))
    expect(acts).toEqual([
      { path: '/incident/ack', by: li.member.member_id, status: 200 },
      { path: '/incident/snooze', by: li.member.member_id, status: 200 },
      { path: '/incident/wake', by: zhang.member.member_id, status: 200 },
      { path: '/incident/unack', by: li.member.member_id, status: 200 },
      { path: '/incident/resolve', by: zhang.member.member_id, status: 200 },
    ])
    expect(cardsOf(world, incident)).toEqual([card])

    // One record for each event and target and for each press.
    const { oncall } = world.groups
    const records = await eventually('the event of the closing is on record too', async () => {
      const found = await settledRecords(world, incident)
      return found.some(({ event_type: type }) => type === 'i_rslv') && found
    })
    const rows = records.map(({ event_type: event, kind, target_id: target, status }) => [event, kind, target, status])
    const both = (event: string, status: string) => [
      [event, 'group', oncall.openConversationId, status],
      [event, 'person', li.user.userId, status],
    ]
    expect(rows.sort()).toEqual(
      [
        ['i_new', 'none', '', 'skipped'],
        ...both('i_assign', 'success'),
        ...['i_ack', 'i_snooze', 'i_wake', 'i_unack', 'i_rslv'].flatMap((event) => both(event, 'updated')),
        ['ack', 'action', li.user.userId, 'success'],
        ['snooze', 'action', li.user.userId, 'success'],
        ['wake', 'action', zhang.user.userId, 'success'],
        ['unack', 'action', li.user.userId, 'success'],
        ['resolve', 'action', zhang.user.userId, 'success'],
      ].sort(),
    )
    expect(records.every(({ duplicates }) => duplicates === 0)).toBe(true)
    expect(records.find(({ kind, event_type: type }) => kind === 'group' && type === 'i_assign')?.target_name).toBe(
      oncall.title,
    )
  })
})

test('a card that only its presser has is updated after the press: they may have it open on two devices', async () => {
  const { world } = scene
  const { li } = world.people
  const incident = await fire(world, { title: '李四的两台设备', personIds: [li.member.member_id] })
  const card = await theCardOf(world, incident)
  expect(answerOf(await press(world, card, li, '认领')).title).toContain('处理中')
  await eventually('the update has come', () => callsFor(world, 'updateCard', card).length === 1)
  await settledRecords(world, incident)
  expect(callsFor(world, 'updateCard', card)).toHaveLength(1)
})

test('it is not once half of the calls of the month are used', async () => {
  const { world } = scene
  const { li } = world.people
  const allow = async (calls: number): Promise<void> => {
    const changes = () => scene.app.lines.filter(({ msg }) => msg === 'integration-changed').length
    const before = changes()
    await world.cli('integration', 'set', world.integrationId, '--monthly-calls', String(calls))
    await eventually('the change has taken hold', () => changes() > before)
  }
  const [row] = readDatabase<{ used: number }>(world, "select sum(count) as used from api_usage where kind = 'call'")
  await allow(Math.floor((row?.used ?? 0) * 1.6))
  onTestFinished(() => allow(5_000))
  const incident = await fire(world, { title: '只找李四', personIds: [li.member.member_id] })
  const card = await theCardOf(world, incident)
  expect(answerOf(await press(world, card, li, '认领')).title).toContain('处理中')
  expect(answerOf(await press(world, card, li, '关闭')).title).toContain('已关闭')
  await eventually('the event of the press is settled', async () => {
    const records = await recordsOf(world, incident)
    return records.some(({ event_type: type, status }) => type === 'i_rslv' && status === 'updated')
  })
  await settledRecords(world, incident)
  expect(view(world, card, li).title).toContain('已关闭')
  expect(callsFor(world, 'updateCard', card)).toEqual([])
})

test('what is done in the console shows on the card, also for those who never press', async () => {
  const { world } = scene
  const { zhang } = world.people
  const incident = await fire(world, { title: '控制台处理', chats: [inGroup(world.groups.platform)] })
  const card = await theCardOf(world, incident)
  await world.flashduty.control.act(incident.incident_id, 'ack', zhang.member.member_id)
  await everybodySees(world, card, '处理中')
  await world.flashduty.control.act(incident.incident_id, { title: '控制台改名' }, zhang.member.member_id)
  await everybodySees(world, card, '控制台改名')
  await world.flashduty.control.act(incident.incident_id, 'resolve')
  await everybodySees(world, card, '已恢复')
  expect((await recordsOf(world, incident)).filter(({ kind }) => kind === 'action')).toEqual([])
})

afterAll(() => {
  expectSilence(scene.world, scene.app.lines)
})
