import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import type { Group } from '../sandbox/dingtalk/types.ts'
import type { Incident } from '../sandbox/flashduty/types.ts'
import { changeDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import {
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  install,
  listGroups,
  endPagePatience,
  openScene,
  press,
  type Scene,
  settledRecords,
  theCardOf,
} from '../support/journey.ts'
import { follow, logIn, pageWith, pathOfPages, pressOn, textOf } from '../support/pages.ts'
import { csrfOf, VisitorBrowser } from '../support/visitor.ts'
import type { Person, World } from '../support/world.ts'

/** Who sees what on the pages, what they can do there, and what they are told when they cannot. */

let scene: Scene
let world: World
let pages: string
let zhang: Person
let li: Person
let wang: Person

beforeAll(async () => {
  scene = await openScene()
  world = scene.world
  pages = pathOfPages(scene)
  ;({ zhang, li, wang } = world.people)
})
afterEach(() => {
  world.flashduty.control.clearFaults()
  world.dingtalk.control.clearFaults()
})
afterAll(() => scene?.close())

const incidentPage = (incident: Incident) => `${pages}/incident/${incident.incident_id}`
const groupPage = (group: Group, corpId = world.dingtalkApp.corpId) =>
  `${pages}/group?corpId=${corpId}&cid=${encodeURIComponent(group.openConversationId)}`
const seen = async (person: Person, path: string) => {
  const page = await (await logIn(scene, person)).get(path)
  return { ...page, words: textOf(page.text) }
}
/** As if its install had never been heard of. */
function forgetGroup(group: Group): Promise<void> {
  return changeDatabase(world, 'delete from groups where open_conversation_id = ?', group.openConversationId)
}
const memberQueries = () => world.dingtalk.journal.requests('members/batchQuery').length

describe('my incidents', () => {
  test('are those assigned to me and those told to me, most severe first; no others, and none that are closed', async () => {
    await fire(world, { title: '警告一条', severity: 'Warning', responderIds: [zhang.member.member_id] })
    const worse = await fire(world, { title: '严重一条', responderIds: [zhang.member.member_id] })
    await fire(world, { title: '李四的', responderIds: [li.member.member_id] })
    const told = await fire(world, {
      title: '只是通知张三',
      severity: 'Info',
      responderIds: [li.member.member_id],
      personIds: [zhang.member.member_id],
    })
    const closed = await fire(world, { title: '已经关了', responderIds: [zhang.member.member_id] })
    await settledRecords(world, told)
    await world.flashduty.control.act(closed.incident_id, 'resolve', zhang.member.member_id)
    const visitor = await logIn(scene, zhang)
    const listed = async () => textOf((await visitor.get(`${pages}/`)).text.split('<h2>通知记录')[0] ?? '')
    const words = await eventually('all of it is there', async () => {
      const now = await listed()
      const all = ['严重一条', '警告一条', '只是通知张三'].every((title) => now.includes(title))
      return all && !now.includes('已经关了') && now
    })
    expect(words.indexOf('严重一条')).toBeLessThan(words.indexOf('警告一条'))
    expect(words.indexOf('警告一条')).toBeLessThan(words.indexOf('只是通知张三'))
    expect(words).not.toContain('李四的')
    expect(textOf((await visitor.get(`${pages}/pc`)).text)).toContain('严重一条')
    await world.flashduty.control.act(worse.incident_id, 'resolve', zhang.member.member_id)
    await eventually('it is gone', async () => !(await listed()).includes('严重一条'))
  })

  test('each state has its own buttons, and each press ends in a sentence', async () => {
    const incident = await fire(world, { title: '按钮随状态', responderIds: [zhang.member.member_id] })
    const visitor = await logIn(scene, zhang)
    const acts = (text: string) =>
      [...text.matchAll(/name="act" value="([\w.]+)" formaction="[^"]*\/([0-9a-f]{24})\/act"/g)]
        .filter(([, , id]) => id === incident.incident_id)
        .map(([, act]) => act)
    const step = async (act: string, word: string, left: string[]) => {
      const before = await pageWith(visitor, incidentPage(incident), '按钮随状态')
      const after = await pressOn(visitor, before, incident.incident_id, act, { reason: '又来了' })
      expect(textOf(after.text)).toContain(`${word} #${incident.num}：已完成`)
      const now = await visitor.get(incidentPage(incident))
      expect(acts(now.text)).toEqual(left)
    }
    expect(acts((await pageWith(visitor, incidentPage(incident), '按钮随状态')).text)).toEqual([
      'ack',
      'resolve',
      'refresh',
    ])
    const processing = ['snooze.120', 'resolve', 'snooze.240', 'snooze.720', 'unack', 'refresh']
    await step('ack', '认领', processing)
    await step('snooze.240', '暂缓 4 小时', ['wake', 'resolve', 'refresh'])
    await step('wake', '取消暂缓', processing)
    await step('unack', '取消认领', ['ack', 'resolve', 'refresh'])
    await step('resolve', '关闭', [])
    await step('reopen', '重新打开', ['ack', 'resolve', 'refresh'])
    const reopened = world.flashduty.control.requests().find(({ path }) => path === '/incident/reopen')
    expect(reopened?.body).toMatchObject({ reason: '又来了' })
    const timeline = textOf((await visitor.get(incidentPage(incident))).text)
    for (const words of ['张三 认领', '张三 暂缓', '张三 关闭', '张三 重新打开', '故障产生'])
      expect(timeline).toContain(words)
  })

  test('reopening without a reason is refused, in words', async () => {
    const incident = await fire(world, { title: '没有原因', responderIds: [zhang.member.member_id] })
    const visitor = await logIn(scene, zhang)
    const page = await pageWith(visitor, incidentPage(incident), '没有原因')
    await pressOn(visitor, page, incident.incident_id, 'resolve')
    const closed = await pageWith(visitor, incidentPage(incident), '已关闭')
    const refused = await pressOn(visitor, closed, incident.incident_id, 'reopen', { reason: '  ' })
    expect(textOf(refused.text)).toContain('请先填写原因')
  })

  test('whoever is not linked is told so, sees no buttons, and cannot act', async () => {
    const incident = await fire(world, { title: '未关联也要看', chats: [inGroup(world.groups.oncall)] })
    await settledRecords(world, incident)
    const visitor = await logIn(scene, wang)
    const home = await visitor.get(`${pages}/`)
    expect(textOf(home.text)).toContain('还没有关联 Flashduty 账号')
    const page = await pageWith(visitor, incidentPage(incident), '未关联也要看')
    expect(page.text).not.toMatch(/name="act"/)
    const form = { csrf: csrfOf(home), act: 'ack', token: 'c'.repeat(16), origin: 'incident' }
    const after = await follow(visitor, await visitor.submit(`${incidentPage(incident)}/act`, form))
    expect(textOf(after.text)).toContain('未关联应用')
    expect(textOf((await visitor.get(`${pages}/history`)).text)).toContain('认领 未执行（未关联应用）')
  })

  test('why I was not told is in the history, with what to do', async () => {
    const { clientId } = world.dingtalkApp
    world.dingtalk.control.updateApp(clientId, { visibleTo: [zhang.user.userId, wang.user.userId] })
    try {
      const incident = await fire(world, { title: '通知不到李四', personIds: [li.member.member_id] })
      const page = await pageWith(await logIn(scene, li), `${pages}/history`, '未送达')
      expect(textOf(page.text)).toContain(incident.num)
      expect(textOf(page.text)).toContain('未送达（不在应用可见范围）')
      expect(textOf(page.text)).toContain('请管理员把应用发布给全员')
    } finally {
      world.dingtalk.control.updateApp(clientId, { visibleTo: 'ALL' })
    }
  })
})

describe('an incident is shown', () => {
  let secret: Incident
  beforeAll(async () => {
    secret = await fire(world, {
      title: '机密标题',
      description: '机密内容',
      responderIds: [li.member.member_id],
      chats: [inGroup(world.groups.platform)],
    })
    await settledRecords(world, secret)
  })

  test('to a responder', async () => {
    expect((await pageWith(await logIn(scene, li), incidentPage(secret), '机密内容')).status).toBe(200)
  })

  test('to whom Flashduty shows it', async () => {
    const before = memberQueries()
    expect((await pageWith(await logIn(scene, zhang), incidentPage(secret), '机密内容')).status).toBe(200)
    expect(memberQueries()).toBe(before)
  })

  test('to a colleague in a group that has it, linked or not', async () => {
    expect((await pageWith(await logIn(scene, wang), incidentPage(secret), '机密内容')).status).toBe(200)
  })

  test('to nobody else: number, severity and state are all there is', async () => {
    const stranger = { user: world.dingtalk.control.createUser({ name: '路人' }), member: wang.member }
    const page = await seen(stranger, incidentPage(secret))
    expect(page.words).toContain(`#${secret.num}`)
    expect(page.words).toContain('内容未显示')
    expect(page.text).not.toContain('机密')
    expect(page.text).not.toContain('李四')
    const pc = await seen(stranger, `${pages}/pc?incident=${secret.incident_id}`)
    expect(pc.words).toContain('内容未显示')
    expect(pc.text).not.toContain('机密')
  })

  test('not to whoever sends a form about it either, linked or not', async () => {
    const { control } = world.dingtalk
    const stranger = { user: control.createUser({ name: '瞎试' }), member: wang.member }
    const nameless = await fire(world, { title: '没有编号的机密', responderIds: [li.member.member_id] })
    await settledRecords(world, nameless)
    await world.flashduty.control.tell(nameless.incident_id, { event_type: 'i_comm', incident: { num: '' } })
    const visitor = await logIn(scene, stranger)
    const csrf = csrfOf(await visitor.get(`${pages}/`))
    for (const [index, incident] of [secret, nameless].entries()) {
      for (const origin of ['home', 'incident']) {
        const form = { csrf, act: 'ack', token: `${origin[0]}${'d'.repeat(14)}${'ab'[index]}`, origin }
        const after = await follow(visitor, await visitor.submit(`${incidentPage(incident)}/act`, form))
        expect(textOf(after.text)).toContain('未关联应用')
        expect(after.text).not.toContain('机密')
      }
    }
    const history = await visitor.get(`${pages}/history`)
    expect(textOf(history.text)).toContain('认领 未执行（未关联应用）')
    expect(textOf(history.text)).toContain(`#${secret.num}`)
    expect(history.text).not.toContain('机密')
    expect((await visitor.get(`${pages}/`)).text).not.toContain('机密')
  })

  test.each([
    ['NoLicense', 400, '无可用 License'],
    ['AccessDenied', 403, '无操作权限'],
    ['ServiceUnavailable', 503, '暂时无法向 Flashduty 确认'],
  ])('not while Flashduty answers %s to a colleague whom it was not told', async (code, status, words) => {
    const hidden = await fire(world, { title: '看不到的', responderIds: [li.member.member_id] })
    const visitor = await logIn(scene, zhang)
    const effect = { kind: 'error', status, code, message: 'no' } as const
    world.flashduty.control.addFault({ path: '/incident/feed', times: 100, effect })
    const page = await pageWith(visitor, incidentPage(hidden), words)
    expect(page.text).not.toContain('看不到的')
  })

  test('with what is known here while Flashduty does not answer, and until when that is', async () => {
    const known = await fire(world, { title: '照样看得到', responderIds: [zhang.member.member_id] })
    await settledRecords(world, known)
    world.flashduty.control.addFault({ path: '/incident/feed', times: 100, effect: { kind: 'hang' } })
    const visitor = await logIn(scene, zhang)
    const asked = () => world.flashduty.control.requests().filter(({ path }) => path === '/incident/feed').length
    const before = asked()
    const loading = visitor.get(incidentPage(known))
    await endPagePatience(scene.app, 'Flashduty is asked', () => asked() > before)
    const page = await loading
    expect(textOf(page.text)).toContain('照样看得到')
    expect(textOf(page.text)).toMatch(/暂时读不到（Flashduty 服务暂不可用）。以下是本机截至 \d\d:\d\d 的记录/)
    expect(textOf(page.text)).toContain('故障产生')
  })

  test('not at all when there is none', async () => {
    const page = await seen(zhang, `${pages}/incident/${'0'.repeat(24)}`)
    expect(page.status).toBe(404)
    expect(page.words).toContain('找不到这个故障')
  })

  test('to nobody who is not logged in', async () => {
    const page = await new VisitorBrowser(scene.app.url).get(incidentPage(secret))
    expect(page.text).toContain('id="login"')
    expect(page.text).not.toContain('机密')
  })
})

describe('a group', () => {
  test('is shown to its members: incidents, whether alerts arrive, who is not linked', async () => {
    await fire(world, { title: '群里的故障', chats: [inGroup(world.groups.oncall)] })
    const before = memberQueries()
    const visitor = await logIn(scene, wang)
    await pageWith(visitor, groupPage(world.groups.oncall), '群里的故障')
    const words = textOf((await pageWith(visitor, groupPage(world.groups.oncall), '最近一次送达')).text)
    expect(words).toContain('数据库值班群')
    expect(words).toContain('群里的故障')
    expect(words).toContain('可以：酷应用已安装')
    expect(words).toMatch(/最近一次送达： \d\d-\d\d \d\d:\d\d/)
    expect(words).toContain('3 位成员中 1 位未关联')
    expect(words).toContain('王五')
    await seen(zhang, groupPage(world.groups.oncall))
    expect(memberQueries() - before).toBeLessThanOrEqual(1)
  })

  test('whose id came without its plus signs encoded is found all the same', async () => {
    const group = world.dingtalk.control.createGroup({ title: '加号群', memberUserIds: [zhang.user.userId] })
    await install(world, [group])
    const raw = `${pages}/group?corpId=$CORPID$&cid=${group.openConversationId}`
    expect((await seen(zhang, raw)).words).toContain('加号群')
  })

  test('is not shown to others, whatever the address says', async () => {
    const group = world.dingtalk.control.createGroup({ title: '别人的群', memberUserIds: [li.user.userId] })
    await install(world, [group])
    const incident = await fire(world, { title: '别人群里的故障', chats: [inGroup(group)] })
    await settledRecords(world, incident)
    const page = await seen(zhang, groupPage(group))
    expect(page.words).toContain('你不在这个群里')
    expect(page.text).not.toContain('别人')
    expect(page.text).not.toContain(li.user.name)
  })

  test.each<[string, () => string, string]>([
    ['with the placeholders that nobody filled in', () => '?corpId=$CORPID$&cid=$ENCCID$', '请从群里打开'],
    ['without an id', () => '', '请从群里打开'],
    ['with an id that is none', () => '?cid=../../x', '请从群里打开'],
    ['of another corporation', () => '?corpId=dingother0001&cid=cidAAAA', '此链接属于另一个企业'],
    ['that DingTalk does not know', () => `?cid=${encodeURIComponent('cidUnknown0001==')}`, '本群没有安装酷应用'],
  ])('%s is explained', async (_name, query, words) => {
    expect((await seen(zhang, `${pages}/group${query()}`)).words).toContain(words)
  })

  test('without the cool app says how to install it', async () => {
    const group = world.dingtalk.control.createGroup({ title: '没装的群', memberUserIds: [zhang.user.userId] })
    const page = await seen(zhang, groupPage(group))
    expect(page.words).toContain('本群没有安装酷应用')
    expect(page.words).toContain('群设置')
    expect(page.text).not.toContain('没装的群')
  })

  test('whose install was missed becomes known when a member opens its page', async () => {
    const group = world.dingtalk.control.createGroup({ title: '漏掉的群', memberUserIds: [zhang.user.userId] })
    await install(world, [group])
    await forgetGroup(group)
    await pageWith(await logIn(scene, zhang), groupPage(group), '漏掉的群')
    const known = (await listGroups(world)).find((one) => one.openConversationId === group.openConversationId)
    expect(known).toMatchObject({ title: '漏掉的群', status: 'installed' })
  })

  test('while DingTalk does not answer is not guessed at', async () => {
    const group = world.dingtalk.control.createGroup({ title: '问不到的群', memberUserIds: [zhang.user.userId] })
    await install(world, [group])
    const effect = { kind: 'answer', status: 503, body: { code: 'ServiceUnavailable', message: 'x' } } as const
    world.dingtalk.control.addFault({ api: 'members/batchQuery', times: 10, effect })
    const page = await seen(zhang, groupPage(group))
    expect(page.words).toContain('暂时无法确认')
    expect(page.text).not.toContain('问不到的群')
  })

  test('after group after group nobody causes any more calls', async () => {
    const { control } = world.dingtalk
    const curious = { user: control.createUser({ name: '好奇' }), member: wang.member }
    const visitor = await logIn(scene, curious)
    const before = memberQueries()
    for (let index = 0; index < 20; index++) {
      await visitor.get(`${pages}/group?cid=cidGuess${String(index).padStart(4, '0')}%3D%3D`)
    }
    expect(memberQueries() - before).toBe(12)
    const refused = await visitor.get(`${pages}/group?cid=cidGuess9999%3D%3D`)
    expect(refused.status).toBe(429)
    expect(textOf(refused.text)).toMatch(/请求过于频繁.*请在 \d+ 秒后重试/)
    const seconds = Number(refused.headers.get('retry-after'))
    expect(seconds).toBeGreaterThan(500)
    expect(seconds).toBeLessThanOrEqual(600)
  })
})

describe('what was pressed before linking', () => {
  test('is offered after it, and done once', async () => {
    const { control } = world.flashduty
    const member = control.createMember({ member_name: '钱七', email: 'qian@example.com' })
    const user = world.dingtalk.control.createUser({ name: '钱七' })
    const group = world.dingtalk.control.createGroup({ title: '钱七的群', memberUserIds: [user.userId] })
    await install(world, [group])
    const incident = await fire(world, { title: '先点后关联', chats: [inGroup(group)] })
    const outTrackId = await theCardOf(world, incident)
    await everybodySees(world, outTrackId, '待处理', [{ user, member }])
    await press(world, outTrackId, { user, member }, '认领')
    const visitor = await logIn(scene, { user })
    expect(textOf((await visitor.get(`${pages}/`)).text)).not.toContain('你刚才点了')
    const link = ['--dingtalk-user', user.userId, '--member', String(member.member_id), '--member-key', member.app_key]
    expect((await world.cli('links', 'add', ...link)).code).toBe(0)
    const page = await pageWith(visitor, `${pages}/`, '你刚才点了“认领”')
    const wanted = /name="wanted" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
    const form = { csrf: csrfOf(page), wanted, answer: 'do' }
    const done = await follow(visitor, await visitor.submit(`${pages}/wanted`, form))
    expect(textOf(done.text)).toContain(`认领 #${incident.num}：已完成`)
    expect(control.incident(incident.incident_id).progress).toBe('Processing')
    const again = await follow(visitor, await visitor.submit(`${pages}/wanted`, form))
    expect(textOf(again.text)).not.toContain('已完成')
    expect(textOf(again.text)).not.toContain('你刚才点了')
  })
})

test('what a namesake of another corporation pressed is not in my history', async () => {
  const incident = await fire(world, { title: '外人也点过', chats: [inGroup(world.groups.oncall)] })
  const outTrackId = await theCardOf(world, incident)
  const { control } = world.dingtalk
  await control.press({ outTrackId, userId: wang.user.userId, buttonId: 'ack~1', force: true, corpId: 'dingelsewhere' })
  expect((await seen(wang, `${pages}/history`)).text).not.toContain(incident.incident_id)
})

describe('languages', () => {
  test('the browser’s is taken, until another one is chosen', async () => {
    const visitor = await logIn(scene, zhang, { 'accept-language': 'en-US,en;q=0.9' })
    const english = await visitor.get(`${pages}/`)
    expect(textOf(english.text)).toContain('My incidents')
    expect(english.text).toContain('lang="en-US"')
    const chosen = await visitor.submit(`${pages}/language`, { csrf: csrfOf(english), lang: 'zh-CN' })
    expect(textOf((await follow(visitor, chosen)).text)).toContain('我的故障')
  })
})

test('a page that is none is told in words', async () => {
  const page = await seen(zhang, `${pages}/nowhere`)
  expect(page.status).toBe(404)
  expect(page.words).toContain('没有这个页面')
  expect((await seen(zhang, `${pages}/nowhere`)).headers.get('content-type')).toMatch(/text\/html/)
})

afterAll(() => {
  expectSilence(world, scene.app.lines, { errors: ['click-failed'] })
})
