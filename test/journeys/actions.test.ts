import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'

import type { FlashdutyFault, Incident } from '../sandbox/flashduty/types.ts'
import { changeDatabase, readDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import {
  actsOn,
  answerOf,
  buttonOf,
  buttonTexts,
  callsFor,
  cardsOf,
  endPatience,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  openScene,
  press,
  recordsOf,
  type Scene,
  settledRecords,
  theCardOf,
  view,
} from '../support/journey.ts'
import { openPageActs, type PageActs } from '../support/page-acts.ts'
import type { Person } from '../support/world.ts'

const RESTART = 7_001
const BROKEN = 7_002

let scene: Scene
let pages: PageActs
beforeAll(async () => {
  scene = await openScene()
  const { control } = scene.world.flashduty
  control.setCustomAction({ integrationId: RESTART, name: '重启实例', outcome: 'ok' })
  control.setCustomAction({ integrationId: BROKEN, name: '建工单', outcome: { message: 'Jira <b>401</b>' } })
  pages = await openPageActs(scene.world)
})
afterEach(() => {
  scene.world.flashduty.control.clearFaults()
  scene.world.flashduty.control.requireForms({})
})
afterAll(async () => {
  await pages.close()
  await scene.close()
})

async function alertGroup(title: string): Promise<{ incident: Incident; card: string }> {
  const { world } = scene
  const delivery = {
    custom_actions: [
      { integration_id: RESTART, name: '重启实例' },
      { integration_id: BROKEN, name: '建工单' },
    ],
  }
  const incident = await fire(world, { title, chats: [inGroup(world.groups.oncall)], delivery })
  return { incident, card: await theCardOf(world, incident) }
}

/** What the robot has said to the person alone. */
function saidTo(person: Person): string[] {
  return scene.world.dingtalk.journal
    .requests('oToMessages/batchSend')
    .filter(({ body }) => (body as { userIds: string[] }).userIds.includes(person.user.userId))
    .map(({ body }) => (JSON.parse((body as { msgParam: string }).msgParam) as { content: string }).content)
}

const pressesOf = async (incident: Incident) =>
  (await recordsOf(scene.world, incident)).filter((row) => row.kind === 'action')
const runsOf = (incident: Incident) =>
  scene.world.flashduty.control.customRuns().filter(({ incidentId }) => incidentId === incident.incident_id)

describe('a custom action', () => {
  test('runs as whoever pressed it, and everybody sees who and what', async () => {
    const { world } = scene
    const { li, zhang } = world.people
    const { incident, card } = await alertGroup('自定义动作')
    expect(buttonTexts(view(world, card, li))).toEqual(['认领', '关闭', '查看详情', '快速静默', '重启实例', '建工单'])
    const seen = answerOf(await press(world, card, li, '重启实例'))
    expect(seen.tips).toMatch(/^李四 于 \d\d:\d\d 执行“重启实例”$/)
    await eventually('everybody sees it', () => view(world, card, zhang).tips === seen.tips)
    expect(runsOf(incident)).toMatchObject([{ integrationId: RESTART, memberId: li.member.member_id }])
    expect(await pressesOf(incident)).toMatchObject([{ event_type: 'custom', status: 'success' }])
  })

  test('that says it failed is told to the presser in its own words', async () => {
    const { world } = scene
    const { li, zhang } = world.people
    const { incident, card } = await alertGroup('动作失败')
    const seen = answerOf(await press(world, card, li, '建工单'))
    expect(seen.tips).toBe('自定义动作执行失败（Jira <b>401</b>）：请点“查看详情”并确认')
    expect(buttonTexts(seen)[0]).toBe('查看详情')
    expect(view(world, card, zhang).tips).toBe('')
    const failed = { status: 'failed', reason_code: 'CUSTOM_ACTION_FAILED', detail: 'message: Jira <b>401</b>' }
    expect(await pressesOf(incident)).toMatchObject([failed])
    expect(runsOf(incident)).toHaveLength(1)
  })

  const unknown: [string, FlashdutyFault['effect']][] = [
    ['hangs', { kind: 'apply-then-hang' }],
    ['loses its line', { kind: 'apply-then-reset' }],
    ['meets an error of Flashduty’s', { kind: 'error', status: 500, code: 'InternalError', message: 'oops' }],
  ]
  test.each(unknown)('that %s is never run again, and the presser is sent to the console', async (_what, effect) => {
    const { world } = scene
    const { li } = world.people
    const { incident, card } = await alertGroup('结果不明')
    world.flashduty.control.addFault({ path: '/incident/custom-action/do', effect })
    const told = saidTo(li).length
    const pressing = press(world, card, li, '重启实例')
    if (effect.kind === 'apply-then-hang') {
      await endPatience(scene.app, 'Flashduty has it', () => actsOn(world, incident).length === 1)
    }
    const seen = answerOf(await pressing)
    if (effect.kind === 'apply-then-hang') {
      expect(seen.tips).toBe('处理中，卡片稍后更新')
      const late = () => saidTo(li).slice(told)
      await eventually('the presser is told', () => late().length > 0)
      expect(late()).toEqual([expect.stringMatching(/结果不明：自定义动作未成功。结果未知，请到控制台确认$/)])
    } else {
      expect(seen.tips).toBe('结果未知，请到控制台确认')
      expect(buttonTexts(seen)[0]).toBe('查看详情')
    }
    await settledRecords(world, incident)
    expect(await pressesOf(incident)).toMatchObject([{ status: 'failed', reason_code: 'OUTCOME_UNKNOWN' }])
    expect(actsOn(world, incident)).toHaveLength(1)
  })

  test('that Flashduty put off is run once when it may be', async () => {
    const { world } = scene
    const { li } = world.people
    const { incident, card } = await alertGroup('限流后执行')
    const slowDown = {
      status: 429,
      code: 'RequestTooFrequently',
      message: 'slow down',
      headers: { 'Retry-After': '2' },
    }
    world.flashduty.control.addFault({ path: '/incident/custom-action/do', effect: { kind: 'error', ...slowDown } })
    const startedAt = Date.now()
    expect(answerOf(await press(world, card, li, '重启实例')).tips).toBe('处理中，卡片稍后更新')
    await eventually('it is run', () => runsOf(incident).length === 1)
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(2_000)
    await settledRecords(world, incident)
    expect(actsOn(world, incident)).toHaveLength(2)
  })

  test('one drawn button runs once, in whatever moment it is pressed again; drawn anew it is another one', async () => {
    const { world } = scene
    const { li, zhang } = world.people
    const { incident, card } = await alertGroup('双击')
    const { incident_id: id } = incident
    const drawn = buttonOf(view(world, card, li), '重启实例')
    const pressDrawn = () =>
      world.dingtalk.control.press({ outTrackId: card, userId: li.user.userId, buttonId: drawn, force: true })
    const accepted = () =>
      scene.app.lines.filter((line) => line.msg === 'press-accepted' && line['incidentId'] === id).length
    const until = () => eventually('both presses are in', () => accepted() === 2)
    world.flashduty.control.addFault({ path: '/incident/custom-action/do', effect: { kind: 'hold', until } })
    const [a, b] = await Promise.all([press(world, card, li, '重启实例'), press(world, card, li, '重启实例')])
    const [first, second] = [a, b].map((result) => answerOf(result).tips).sort()
    expect([first, second]).toEqual([
      expect.stringContaining('李四 于'),
      expect.stringMatching(/^该操作已于 \d\d:\d\d 执行/),
    ])
    expect(runsOf(incident)).toHaveLength(1)
    expect(await pressesOf(incident)).toMatchObject([{ status: 'success', duplicates: 1 }])
    const pressedAgo = (ms: number) =>
      changeDatabase(world, 'update clicks set created_at = ? where incident_id = ?', Date.now() - ms, id)
    // The card was drawn anew under the finger, and the moment is not over yet.
    await pressedAgo(-3_600_000)
    answerOf(await press(world, card, li, '重启实例'))
    expect(runsOf(incident)).toHaveLength(1)
    // DingTalk pushes it again, or the client still shows the old drawing.
    for (const ms of [4_000, 60_000, 290_000]) {
      await pressedAgo(ms)
      expect(answerOf(await pressDrawn()).tips).toMatch(/^该操作已于 \d\d:\d\d 执行，本次点击未重复执行/)
    }
    expect(runsOf(incident)).toHaveLength(1)
    // Somebody else means it, at once.
    answerOf(await press(world, card, zhang, '重启实例'))
    expect(runsOf(incident)).toHaveLength(2)
    // Drawn anew it is another button, and after minutes the old one is meant again too.
    await pressedAgo(3_000)
    expect(buttonOf(view(world, card, li), '重启实例')).not.toBe(drawn)
    answerOf(await press(world, card, li, '重启实例'))
    expect(runsOf(incident)).toHaveLength(3)
    await pressedAgo(300_000)
    answerOf(await pressDrawn())
    expect(runsOf(incident)).toHaveLength(4)
  })
})

test('a custom action that the journal is asked to put through once more is left alone', async () => {
  const { world } = scene
  const { li } = world.people
  const { incident, card } = await alertGroup('流水重放')
  answerOf(await press(world, card, li, '重启实例'))
  const listed = await world.cli(
    'journal',
    'list',
    '--type',
    'press',
    '--user',
    li.user.userId,
    '--limit',
    '1',
    '--json',
  )
  const [row] = JSON.parse(listed.out) as { id: string; type: string }[]
  expect(row?.type).toMatch(/^custom\./)
  const replayed = await world.cli('journal', 'replay', row?.id ?? '', '--force')
  expect(replayed).toMatchObject({ code: 0, out: expect.stringContaining('never run again') as string })
  expect(runsOf(incident)).toHaveLength(1)
})

describe('a refresh', () => {
  test('brings a card up to date that missed an event', async () => {
    const { world } = scene
    const { li, zhang } = world.people
    const incident = await fire(world, { title: '漏掉事件', chats: [inGroup(world.groups.oncall)] })
    const card = await theCardOf(world, incident)
    const held = world.flashduty.control.holdEvents()
    await world.flashduty.control.act(incident.incident_id, 'ack', zhang.member.member_id)
    await held.release(() => [])
    expect(view(world, card, zhang).title).toContain('待处理')
    const seen = answerOf(await press(world, card, li, '刷新'))
    expect(seen.title).toContain('处理中')
    await everybodySees(world, card, '处理中')
    expect(actsOn(world, incident)).toEqual([])
  })

  test('of what is up to date says so', async () => {
    const { world } = scene
    const incident = await fire(world, { title: '已是最新', chats: [inGroup(world.groups.oncall)] })
    const card = await theCardOf(world, incident)
    expect(answerOf(await press(world, card, world.people.li, '刷新')).title).toContain('待处理')
    expect(await pressesOf(incident)).toMatchObject([{ event_type: 'refresh', status: 'success' }])
  })
})

test('a form that has to be filled in is asked for, with the way to it', async () => {
  const { world } = scene
  const { li } = world.people
  const { incident, card } = await alertGroup('关闭要填表')
  world.flashduty.control.requireForms({ close: '请填写根因' })
  const seen = answerOf(await press(world, card, li, '关闭'))
  expect(seen.tips).toBe('操作未被接受（请填写根因）（可能需填写表单）：请点“查看详情”并操作')
  expect(seen.buttons[0]).toMatchObject({ text: '查看详情', color: 'blue', url: incident['detail_url'] })
  expect(await pressesOf(incident)).toMatchObject([
    { status: 'failed', reason_code: 'ACTION_REJECTED', detail: 'InvalidParameter: 请填写根因' },
  ])
})

test.each([
  ['RequestVerifyRequired', 428, '需要二次验证：请到控制台操作', 'SECOND_FACTOR'],
  ['DangerousOperation', 428, '需要二次验证：请到控制台操作', 'SECOND_FACTOR'],
  ['RequestLocked', 423, '账号因多次失败已被锁定', 'ACCOUNT_LOCKED'],
  ['BalanceNotEnough', 402, '账户订阅已到期或余额不足（no）', 'SUBSCRIPTION_OVER'],
])('%s is told in words', async (code, status, sentence, reason) => {
  const { world } = scene
  const { incident, card } = await alertGroup(code)
  world.flashduty.control.addFault({ path: '/incident/ack', effect: { kind: 'error', status, code, message: 'no' } })
  expect(answerOf(await press(world, card, world.people.li, '认领')).tips).toContain(sentence)
  expect(await pressesOf(incident)).toMatchObject([{ status: 'failed', reason_code: reason }])
})

test('a failed press leaves its card due for nothing', async () => {
  const { world } = scene
  const { incident, card } = await alertGroup('失败不留尾巴')
  await settledRecords(world, incident)
  const effect = { kind: 'error', status: 403, code: 'AccessDenied', message: 'no' } as const
  world.flashduty.control.addFault({ path: '/incident/ack', effect })
  answerOf(await press(world, card, world.people.li, '认领'))
  const due = () =>
    readDatabase<{ update_due_at: number | null; held_until: number }>(
      world,
      'select update_due_at, held_until from cards where out_track_id = ?',
      card,
    )
  await eventually('nothing is due', () => due()[0]?.update_due_at === null && due()[0]?.held_until === 0)
  expect(callsFor(world, 'updateCard', card)).toEqual([])
})

test('a failure that comes after 处理中 reaches the presser, by one sentence of the robot', async () => {
  const { world } = scene
  const { li, zhang } = world.people
  const { incident, card } = await alertGroup('迟到的失败')
  let go = (): void => {}
  const until = () => new Promise<void>((resolve) => (go = resolve))
  world.flashduty.control.addFault({ path: '/incident/ack', effect: { kind: 'hold', until } })
  const before = saidTo(li).length
  const pressed = press(world, card, li, '认领')
  li.member.licensed = false
  try {
    await endPatience(scene.app, 'Flashduty is asked', () => actsOn(world, incident).length === 1)
    expect(answerOf(await pressed).tips).toBe('处理中，卡片稍后更新')
    go()
    await eventually('the presser is told', () => saidTo(li).length > before)
    expect(saidTo(li).slice(before)).toEqual([
      `#${incident.num} 迟到的失败：认领未成功。无可用 License：请联系管理员在费用中心处理`,
    ])
    await eventually('the sentence is taken back', () => view(world, card, li).tips === '')
    expect(view(world, card, zhang).title).toContain('待处理')
    expect(saidTo(zhang)).toEqual([])
    expect(await pressesOf(incident)).toMatchObject([{ status: 'failed', reason_code: 'NO_LICENSE' }])
  } finally {
    li.member.licensed = true
  }
})

describe('presses that meet', () => {
  test('two people at once are both told the truth, and each act is done once', async () => {
    const { world } = scene
    const { li, zhang } = world.people
    const { incident, card } = await alertGroup('同时认领')
    const [one, two] = await Promise.all([press(world, card, li, '认领'), press(world, card, zhang, '认领')])
    expect(answerOf(one).title).toContain('处理中')
    expect(answerOf(two).title).toContain('处理中')
    await everybodySees(world, card, '处理中')
    await eventually(
      'both are named',
      () => /张三 ✓/.test(view(world, card, li).markdown) && /李四 ✓/.test(view(world, card, li).markdown),
    )
    expect(actsOn(world, incident, 'ack')).toHaveLength(2)
  })

  test('one that races a close is told that it came too late', async () => {
    const { world } = scene
    const { li, zhang } = world.people
    const { incident, card } = await alertGroup('边关边认')
    const held = world.flashduty.control.holdEvents()
    onTestFinished(() => held.release(() => []))
    await world.flashduty.control.act(incident.incident_id, 'resolve', zhang.member.member_id)
    const seen = answerOf(await press(world, card, li, '认领'))
    expect(seen.tips).toContain('故障状态已变化')
    expect(seen.title).toContain('已关闭')
    expect(buttonTexts(seen)).not.toContain('认领')
    await held.release()
    await everybodySees(world, card, '已关闭')
    expect(await pressesOf(incident)).toMatchObject([{ reason_code: 'STATE_CHANGED' }])
  })

  test('a press on the card of an older message counts, and points to the newer one', async () => {
    const { world } = scene
    const { li } = world.people
    const { incident, card: old } = await alertGroup('旧卡片')
    const [button] = view(world, old, li).buttons
    if (!button || !('id' in button)) throw new Error('the card has no button')
    await world.flashduty.control.tell(incident.incident_id, {
      event_type: 'i_assign',
      incident: { assigned_to: { type: 'escalate', layer_idx: 1 } },
      delivery: { chats: [inGroup(world.groups.oncall)] },
    })
    const newer = await eventually('the newer card', () => cardsOf(world, incident).find((card) => card !== old))
    await eventually('the old one says so', () => view(world, old, li).tips === '已更新，请见新消息')
    const late = { outTrackId: old, userId: li.user.userId, buttonId: button.id, force: true }
    expect(answerOf(await world.dingtalk.control.press(late)).tips).toBe('操作成功，最新状态请见新消息')
    await everybodySees(world, newer, '处理中')
    expect(await pressesOf(incident)).toMatchObject([{ event_type: 'ack', status: 'success' }])
  })

  test('a preset or a custom action that the card does not offer is none of its buttons', async () => {
    const { world } = scene
    const { incident, card } = await alertGroup('没给的选项')
    for (const buttonId of ['snooze.5~1', 'custom.9999~1']) {
      const forged = { outTrackId: card, userId: world.people.li.user.userId, buttonId, force: true }
      expect(answerOf(await world.dingtalk.control.press(forged)).tips).toContain('按钮已失效')
    }
    expect(actsOn(world, incident)).toEqual([])
  })
})

describe('from a page', () => {
  test('the same form is one act with one answer, also when it failed', async () => {
    const { world } = scene
    const { li } = world.people
    const { incident, card } = await alertGroup('页面认领')
    const request = { incidentId: incident.incident_id, action: 'ack', token: 'form-1' } as const
    expect(await pages.act(li, request)).toEqual({ status: 'done' })
    expect(await pages.act(li, request)).toEqual({ status: 'done' })
    expect(actsOn(world, incident)).toHaveLength(1)
    await everybodySees(world, card, '处理中')
    expect(view(world, card, world.people.zhang).tips).toContain('李四 于')

    world.flashduty.control.requireForms({ close: '请填写根因' })
    const close = { incidentId: incident.incident_id, action: 'resolve', token: 'form-2' } as const
    const refused = { status: 'failed', reason: 'ACTION_REJECTED', detail: 'InvalidParameter: 请填写根因' }
    expect(await pages.act(li, close)).toEqual(refused)
    world.flashduty.control.requireForms({})
    expect(await pages.act(li, close)).toEqual(refused)
    expect(await pages.act(li, { ...close, token: 'form-3' })).toEqual({ status: 'done' })
    await everybodySees(world, card, '已关闭')
  })

  test('reopening demands a reason, which Flashduty gets', async () => {
    const { world } = scene
    const { li } = world.people
    const { incident, card } = await alertGroup('页面重开')
    await world.flashduty.control.act(incident.incident_id, 'resolve', li.member.member_id)
    await everybodySees(world, card, '已关闭')
    const request = { incidentId: incident.incident_id, action: 'reopen' } as const
    const refused = { status: 'failed', reason: 'COMMENT_MISSING' }
    expect(await pages.act(li, { ...request, token: 'r1', reason: '  ' })).toEqual(refused)
    expect(await pages.act(li, { ...request, token: 'r2', reason: ' 又坏了 ' })).toEqual({ status: 'done' })
    expect(actsOn(world, incident, 'reopen')).toMatchObject([{ body: { reason: '又坏了' } }])
    await eventually('a card shows it open', () =>
      cardsOf(world, incident).some((one) => view(world, one, li).title.includes('待处理')),
    )
  })

  test('only what the cards of the incident offer can be asked for', async () => {
    const { li } = scene.world.people
    const { incident } = await alertGroup('页面选项')
    const ask = (act: object, token: string) =>
      pages.act(li, { incidentId: incident.incident_id, action: 'snooze', ...act, token })
    expect(await ask({ minutes: 7 }, 'o1')).toEqual({ status: 'failed', reason: 'BUTTON_UNKNOWN' })
    expect(await ask({ action: 'custom', customId: 1 }, 'o2')).toEqual({ status: 'failed', reason: 'BUTTON_UNKNOWN' })
    expect(await ask({ action: 'custom', customId: RESTART }, 'o3')).toEqual({ status: 'done' })
  })
})

describe('link, then do', () => {
  afterEach(async () => {
    await scene.world.cli('links', 'remove', '--dingtalk-user', scene.world.people.wang.user.userId)
  })

  const wantedOf = async (person: Person, { incident_id: id }: Incident) =>
    (await pages.wanted(person)).filter(({ incidentId }) => incidentId === id)

  test('what was pressed before linking is offered to that person alone, once, and then counts', async () => {
    const { world } = scene
    const { wang, li } = world.people
    const { incident, card } = await alertGroup('先关联再认领')
    const seen = answerOf(await press(world, card, wang, '认领'))
    const link = seen.buttons[0]
    if (!link || !('url' in link)) throw new Error('there is no way to linking')
    expect(link).toMatchObject({ text: '去关联', color: 'blue' })
    const page = new URL(new URL(link.url).searchParams.get('url') ?? '')
    expect(link.url).toMatch(/^dingtalk:\/\/dingtalkclient\/page\/link\?url=/)
    expect(page.href.startsWith(`${world.env['PUBLIC_URL']}/h5/${world.integrationId}/?act=`)).toBe(true)
    const token = page.searchParams.get('act') ?? ''
    for (const other of [li, world.people.zhang]) expect(buttonTexts(view(world, card, other))).not.toContain('去关联')

    expect(await pages.wanted(li)).toEqual([])
    expect(await pages.take(li, token)).toBeUndefined()
    const wanted = { token, action: 'ack', incidentId: incident.incident_id, outTrackId: card }
    expect(await wantedOf(wang, incident)).toMatchObject([wanted])
    // The newest press on a card is what is wanted of it.
    answerOf(await press(world, card, wang, '关闭'))
    const [newest, ...rest] = await wantedOf(wang, incident)
    expect(rest).toEqual([])
    expect(newest).toMatchObject({ action: 'resolve' })
    expect(await pages.take(wang, token)).toBeUndefined()

    const { member, user } = wang
    const to = ['--member', String(member.member_id), '--member-key', member.app_key]
    await world.cli('links', 'add', '--dingtalk-user', user.userId, ...to)
    expect(actsOn(world, incident)).toEqual([])
    const taken = await pages.take(wang, newest?.token ?? '')
    expect(taken).toMatchObject({ action: 'resolve', incidentId: incident.incident_id })
    expect(await pages.take(wang, newest?.token ?? '')).toBeUndefined()
    const request = { incidentId: incident.incident_id, action: 'resolve', token: newest?.token ?? '' } as const
    expect(await pages.act(wang, request)).toEqual({ status: 'done' })
    await everybodySees(world, card, '已关闭')
    expect(view(world, card, li).tips).toContain('王五 于')
  })

  test('what was pressed once more after linking is not offered any more', async () => {
    const { world } = scene
    const { user, member } = world.people.wang
    const { incident, card } = await alertGroup('关联后又点了一次')
    answerOf(await press(world, card, world.people.wang, '认领'))
    expect(await wantedOf(world.people.wang, incident)).toHaveLength(1)
    const to = ['--member', String(member.member_id), '--member-key', member.app_key]
    await world.cli('links', 'add', '--dingtalk-user', user.userId, ...to)
    expect(answerOf(await press(world, card, world.people.wang, '认领')).title).toContain('处理中')
    expect(await wantedOf(world.people.wang, incident)).toEqual([])
  })

  test('what has come too late by then says so', async () => {
    const { world } = scene
    const { wang, li } = world.people
    const { incident, card } = await alertGroup('关联太晚')
    answerOf(await press(world, card, wang, '认领'))
    const [wanted] = await wantedOf(wang, incident)
    await world.flashduty.control.act(incident.incident_id, 'resolve', li.member.member_id)
    const { member, user } = wang
    const to = ['--member', String(member.member_id), '--member-key', member.app_key]
    await world.cli('links', 'add', '--dingtalk-user', user.userId, ...to)
    const request = { incidentId: incident.incident_id, action: 'ack', token: wanted?.token ?? '' } as const
    expect(await pages.act(wang, request)).toMatchObject({ status: 'failed', reason: 'STATE_CHANGED' })
  })
})

afterAll(() => {
  expectSilence(scene.world, scene.app.lines, { errors: ['click-failed'] })
})
