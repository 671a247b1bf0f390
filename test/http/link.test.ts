import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'

import type { User } from '../sandbox/dingtalk/types.ts'
import type { FlashdutyFault, Member } from '../sandbox/flashduty/types.ts'
import { eventually } from '../support/eventually.ts'
import {
  changeIntegration,
  endPagePatience,
  expectSilence,
  openScene,
  recordsOf,
  type Scene,
} from '../support/journey.ts'
import { csrfOf, type Seen, VisitorBrowser } from '../support/visitor.ts'
import type { World } from '../support/world.ts'

const MOBILE = '13812345678'

let scene: Scene
let world: World
/** Path of the pages, with the prefix of PUBLIC_URL. */
let pages: string
/** Whose key the integration looks people up with. */
let service: Member

beforeAll(async () => {
  scene = await openScene({ dingtalk: { qpsPerApi: 0 } })
  world = scene.world
  pages = `/fd/h5/${world.integrationId}`
  service = world.flashduty.control.createMember({ member_name: '集成', email: 'service@example.com' })
  await setKey(service.app_key)
})
afterAll(() => scene?.close())

const setKey = (key: string) => changeIntegration(scene, '--flashduty-key', key)

let nobody = 0
let user: User
let visitor: VisitorBrowser
/** Each test has a colleague of its own, who never opened the app. */
beforeEach(async () => {
  nobody += 1
  user = world.dingtalk.control.createUser({ name: `新人${nobody}` })
  visitor = await logIn(user)
})
afterEach(() => {
  world.flashduty.control.clearFaults()
  world.dingtalk.control.clearFaults()
})

async function logIn({ userId }: User, headers: Record<string, string> = {}): Promise<VisitorBrowser> {
  const browser = new VisitorBrowser(scene.app.url, headers)
  // A restarted integration is not there for a moment.
  await eventually('logged in', async () => {
    const code = world.dingtalk.control.clientCode(world.dingtalkApp.clientId, userId)
    return (await browser.logIn(pages, code)).status === 200
  })
  return browser
}

function createMember(fields: Partial<Member> = {}): Member {
  return world.flashduty.control.createMember({
    member_name: `成员${nobody}`,
    email: `m${nobody}@example.com`,
    ...fields,
  })
}

/** One who fits what other tests look for too, and so is there for this one only. */
function createForAWhile(fields: Partial<Member>): Member {
  const member = createMember(fields)
  onTestFinished(() => void (world.flashduty.control.member(member.member_id).status = 'deleted'))
  return member
}

const page = (): Promise<Seen> => visitor.get(`${pages}/link`)

async function submit(path: string, fields: Record<string, string>): Promise<Seen> {
  return visitor.submit(pages + path, { csrf: csrfOf(await page()), ...fields })
}

const confirm = (member: Pick<Member, 'member_id'>): Promise<Seen> =>
  submit('/link/confirm', { member: String(member.member_id) })

type Link = { dingtalkUser: string; member: number; name: string; key: string }

async function linkOf({ userId }: Pick<User, 'userId'>): Promise<Link | undefined> {
  const links = JSON.parse((await world.cli('links', 'list', '--json')).out) as Link[]
  return links.find(({ dingtalkUser }) => dingtalkUser === userId)
}

const logged = (msg: string) => scene.app.lines.filter((line) => line.msg === msg)

describe('is this you?', () => {
  test('one tap links whoever DingTalk’s number leads to; they are shown as far as they would know themselves', async () => {
    const member = createForAWhile({ member_name: '欧阳娜娜', phone: MOBILE, email: 'ouyang@example.com' })
    world.dingtalk.control.updateUser(user.userId, { mobile: MOBILE })
    const { text } = await page()
    expect(text).toContain('欧*** · o***g@example.com · 138****5678')
    expect(text).not.toContain('娜')
    expect(text).not.toContain('ouyang@')
    const done = await submit('/link/confirm', { member: String(member.member_id), return: `${pages}/?act=tok` })
    expect([done.status, done.location]).toEqual([303, `${pages}/?act=tok&linked=1`])
    expect(await linkOf(user)).toMatchObject({ member: member.member_id, name: '欧阳娜娜', key: 'missing' })
    expect((await page()).text).toContain('当前已关联 Flashduty 成员：欧阳娜娜')
  })

  test('by the company’s e-mail address, whatever its case', async () => {
    const member = createMember()
    world.dingtalk.control.updateUser(user.userId, { orgEmail: member.email.toUpperCase() })
    expect((await page()).text).toContain('企业邮箱与此 Flashduty 成员一致')
    expect((await confirm(member)).location).toBe(`${pages}/?linked=1`)
    expect(await linkOf(user)).toMatchObject({ member: member.member_id })
  })

  test('never by the address that people write into their profile', async () => {
    const member = createMember()
    world.dingtalk.control.updateUser(user.userId, { email: member.email })
    expect((await page()).text).toContain('未找到手机号或企业邮箱')
    expect((await confirm(member)).status).toBe(400)
    expect(await linkOf(user)).toBeUndefined()
  })

  test.each<[string, Partial<Member>]>([
    ['a longer address', { email: 'x.found@example.com.cn', member_name: 'found@example.com' }],
    ['a name that is the number', { member_name: MOBILE }],
    ['an invited member', { phone: MOBILE, status: 'pending' }],
    ['a deleted member', { phone: MOBILE, status: 'deleted' }],
    ['a member of another account', { phone: MOBILE, account_id: 7 }],
  ])('%s is not you', async (_what, fields) => {
    const member = createForAWhile(fields)
    world.dingtalk.control.updateUser(user.userId, { mobile: MOBILE, orgEmail: 'found@example.com' })
    const { text } = await page()
    expect(text).toContain('未找到手机号或企业邮箱')
    expect((await confirm(member)).status).toBe(400)
    expect(await linkOf(user)).toBeUndefined()
  })

  test('two who fit are one too many', async () => {
    const [one, other] = [createMember({ phone: '13900001111' }), createMember({ email: 'second@example.com' })]
    world.dingtalk.control.updateUser(user.userId, { mobile: one.phone, orgEmail: other.email })
    expect((await page()).text).toContain('有多个 Flashduty 成员')
    for (const member of [one, other]) expect((await confirm(member)).status).toBe(400)
    expect(await linkOf(user)).toBeUndefined()
  })

  test('who is linked to somebody else is not given away, not even to whoever confirms at the same moment', async () => {
    const member = createMember()
    world.dingtalk.control.updateUser(user.userId, { orgEmail: member.email })
    const first = visitor
    const csrf = csrfOf(await page())
    const rival = world.dingtalk.control.createUser({ name: '抢先', orgEmail: member.email })
    visitor = await logIn(rival)
    const both = await Promise.all([
      first.submit(`${pages}/link/confirm`, { csrf, member: String(member.member_id) }),
      confirm(member),
    ])
    expect(both.map(({ status }) => status).sort()).toEqual([303, 400])
    const linked = await Promise.all([user, rival].map(linkOf))
    expect(linked.filter(Boolean)).toHaveLength(1)
    visitor = linked[0] ? visitor : first
    expect((await page()).text).toContain('已关联其他钉钉账号')
  })

  test('the form only says which answer was seen: another member’s number in it links nobody', async () => {
    const member = createMember()
    const victim = createMember({ email: 'victim@example.com' })
    world.dingtalk.control.updateUser(user.userId, { orgEmail: member.email })
    for (const forged of [String(victim.member_id), '', 'NaN', `${member.member_id} `.repeat(2)]) {
      expect((await submit('/link/confirm', { member: forged })).status).toBe(400)
    }
    expect(await linkOf(user)).toBeUndefined()
  })

  test.each<[string, FlashdutyFault['effect'], string]>([
    ['fails', { kind: 'error', status: 500, code: 'InternalError', message: 'x' }, 'Flashduty 服务暂不可用'],
    ['limits calls', { kind: 'error', status: 429, code: 'RequestTooFrequently', message: 'x' }, '请求过于频繁'],
    ['refuses the key', { kind: 'error', status: 401, code: 'Unauthorized', message: 'x' }, 'Flashduty Key 无效'],
    ['wants a licence', { kind: 'error', status: 400, code: 'NoLicense', message: 'x' }, '无可用 License'],
  ])('when Flashduty %s, the page says so and offers the other way', async (_what, effect, words) => {
    world.dingtalk.control.updateUser(user.userId, { orgEmail: 'somebody@example.com' })
    world.flashduty.control.addFault({ path: '/member/list', times: 9, effect })
    const seen = await page()
    expect([seen.status, seen.text.includes(words), seen.text.includes('name="key"')]).toEqual([200, true, true])
  })

  test('a Flashduty that hangs is not waited for', async () => {
    world.dingtalk.control.updateUser(user.userId, { orgEmail: 'somebody@example.com' })
    world.flashduty.control.addFault({ path: '/member/list', times: 9, effect: { kind: 'hang' } })
    const loading = page()
    await endPagePatience(scene.app, 'the visitor waits')
    const seen = await loading
    expect([seen.status, seen.text.includes('Flashduty 服务暂不可用')]).toEqual([200, true])
  })

  test('without the permission to read the directory the page names it', async () => {
    const { clientId, scopes } = world.dingtalkApp
    world.dingtalk.control.updateApp(clientId, { scopes: scopes.filter((scope) => scope !== 'qyapi_get_member') })
    onTestFinished(() => void world.dingtalk.control.updateApp(clientId, { scopes }))
    const seen = await page()
    expect(seen.text).toContain('qyapi_get_member')
  })
})

describe('one’s own key', () => {
  test('proves who somebody is; it is kept sealed, and presses and missed alerts are theirs from then on', async () => {
    const member = createMember()
    const incident = await world.flashduty.control.fireIncident({
      title: '磁盘告警',
      channelId: world.channelId,
      personIds: [member.member_id],
    })
    await eventually('it is missed', async () => {
      const records = await recordsOf(world, incident)
      return records.some(({ reason_code }) => reason_code === 'NOT_LINKED')
    })
    const done = await submit('/link/key', { key: `  ${member.app_key}\n` })
    expect([done.status, done.location]).toEqual([303, `${pages}/?linked=1`])
    expect(await linkOf(user)).toMatchObject({ member: member.member_id, key: 'good' })
    await eventually('the alert is in their chat', () =>
      world.dingtalk.control
        .conversationsOf(user.userId)
        .some(({ kind, messages }) => kind === 'robot' && messages.length > 0),
    )
    expect((await page()).text).not.toContain(member.app_key)
  })

  test.each<[string, () => string, string]>([
    ['nothing', () => '   ', '请填写 APP Key'],
    ['nonsense', () => 'nonsense', 'APP Key 无效'],
    ['what cannot be a key', () => `key\u0000 with '"<script>`, 'APP Key 无效'],
    ['a novel', () => 'k'.repeat(5_000), 'APP Key 无效'],
    ['a key of another account', () => createMember({ account_id: 7 }).app_key, '属于其他 Flashduty 账户'],
    ['a key of an invited member', () => createMember({ status: 'pending' }).app_key, '未激活或已停用'],
    ['a key of a deleted member', () => createMember({ status: 'deleted' }).app_key, 'APP Key 无效'],
  ])('%s proves nothing', async (_what, key, words) => {
    const answer = await submit('/link/key', { key: key() })
    expect([answer.status, answer.text.includes(words)]).toEqual([400, true])
    expect(answer.text).not.toMatch(/nonsense|kkkk|<script>/)
    expect(await linkOf(user)).toBeUndefined()
  })

  test.each<[string, FlashdutyFault['effect'], string]>([
    ['fails', { kind: 'error', status: 503, code: 'ServiceUnavailable', message: 'x' }, '暂不可用'],
    ['limits calls', { kind: 'error', status: 429, code: 'RequestTooFrequently', message: 'x' }, '过于频繁'],
    ['wants a licence', { kind: 'error', status: 400, code: 'NoLicense', message: 'x' }, '无可用 License'],
    ['lets nobody', { kind: 'error', status: 403, code: 'AccessDenied', message: 'x' }, '没有所需的权限'],
  ])('when Flashduty %s, the page says so', async (_what, effect, words) => {
    const member = createMember()
    world.flashduty.control.addFault({ path: '/member/info', times: 2, effect })
    const answer = await submit('/link/key', { key: member.app_key })
    expect([answer.status, answer.text.includes(words)]).toEqual([400, true])
    expect(await linkOf(user)).toBeUndefined()
  })

  test('of another member switches the account, and takes the member from whoever was linked to them', async () => {
    const [mine, theirs] = [createMember(), createMember({ email: 'theirs@example.com' })]
    await submit('/link/key', { key: mine.app_key })
    const colleague = world.dingtalk.control.createUser({ name: '同事' })
    const link = ['--dingtalk-user', colleague.userId, '--member', String(theirs.member_id)]
    expect((await world.cli('links', 'add', ...link)).code).toBe(0)

    const switching = await submit('/link/switch', { return: `${pages}/pc` })
    expect(switching.status).toBe(303)
    expect((await visitor.get(switching.location ?? '')).text).toContain('切换账户')
    expect(await linkOf(user)).toMatchObject({ member: mine.member_id })
    await submit('/link/key', { key: theirs.app_key })
    expect(await linkOf(user)).toMatchObject({ member: theirs.member_id, key: 'good' })
    expect(await linkOf(colleague)).toBeUndefined()
    const replaced = expect.arrayContaining([
      { userId: user.userId, memberId: mine.member_id },
      { userId: colleague.userId, memberId: theirs.member_id },
    ]) as object[]
    const line = { userId: user.userId, memberId: theirs.member_id, by: 'key', replaced }
    expect(logged('linked')).toContainEqual(expect.objectContaining(line))
  })

  test('guessed wrong five times, one waits, and nobody else does', async () => {
    const csrf = csrfOf(await page())
    const guesses = await Promise.all(
      Array.from({ length: 7 }, (_, index) => visitor.submit(`${pages}/link/key`, { csrf, key: `guess${index}` })),
    )
    expect(guesses.map(({ status }) => status).sort()).toEqual([400, 400, 400, 400, 400, 429, 429])
    const refused = guesses.find(({ status }) => status === 429)
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(refused?.text).toContain('秒后重试')
    const member = createMember()
    expect((await submit('/link/key', { key: member.app_key })).status).toBe(429)
    visitor = await logIn(world.dingtalk.control.createUser({ name: '别人' }))
    expect((await submit('/link/key', { key: member.app_key })).status).toBe(303)
  })
})

test('a member is taken from somebody else five times in a row, then one waits: each time the robot tells the other', async () => {
  const member = createMember()
  const rival = world.dingtalk.control.createUser({ name: '对方' })
  const takes = async (): Promise<number[]> => {
    const answers: number[] = []
    for (let round = 0; round < 6; round++) {
      await world.cli('links', 'add', '--dingtalk-user', rival.userId, '--member', String(member.member_id))
      answers.push((await submit('/link/key', { key: member.app_key })).status)
    }
    return answers
  }
  expect(await takes()).toEqual([303, 303, 303, 303, 303, 429])
})

test('unlinking forgets the key as well', async () => {
  const member = createMember()
  await submit('/link/key', { key: member.app_key })
  const undone = await submit('/unlink', {})
  expect([undone.status, undone.location]).toEqual([303, `${pages}/link?undone=key`])
  expect((await visitor.get(undone.location ?? '')).text).toContain('APP Key 已删除')
  expect(await linkOf(user)).toBeUndefined()
  await world.cli('links', 'add', '--dingtalk-user', user.userId, '--member', String(member.member_id))
  expect(await linkOf(user)).toMatchObject({ key: 'missing' })
  expect((await submit('/unlink', {})).status).toBe(303)
  const line = { userId: user.userId, memberId: member.member_id }
  expect(logged('unlinked')).toContainEqual(expect.objectContaining(line))
})

test('names are text, whatever they look like', async () => {
  const evil = `<img src=x onerror=alert(1)>"'&`
  const member = createMember({ member_name: evil, email: `"><script>alert(1)</script>@example.com` })
  world.dingtalk.control.updateUser(user.userId, { name: evil, orgEmail: member.email })
  visitor = await logIn(user)
  const guessed = await page()
  await submit('/link/key', { key: member.app_key })
  const linked = await page()
  for (const { text } of [guessed, linked]) expect(text).not.toMatch(/<img|<script>/)
  expect(linked.text).toContain('&lt;img')
})

test('in English for whoever reads that', async () => {
  visitor = await logIn(user, { 'accept-language': 'en' })
  expect((await page()).text).toMatch(/<html lang="en-US">[\s\S]*Sign in with your Flashduty APP Key/)
  expect((await submit('/link/key', { key: 'nonsense' })).text).toContain('The APP Key is wrong')
})

test('whom DingTalk does not know any more is asked to log in as a colleague, and is logged out', async () => {
  const { control } = world.dingtalk
  const { clientId } = world.dingtalkApp
  // Nobody tells the daemon.
  control.updateApp(clientId, { eventMode: 'HTTP' })
  control.removeUser(user.userId)
  control.updateApp(clientId, { eventMode: 'STREAM' })
  const left = await page()
  expect([left.status, left.text.includes('不是此企业的成员')]).toEqual([401, true])
  expect(left.text).toContain('data-auto="no"')
  expect((await visitor.get(`${pages}/`)).text).toContain('id="login"')
})

test('without a key to look with, the page asks for one’s own', async () => {
  await setKey('')
  try {
    await eventually('it is taken up', async () => (await page()).text.includes('请用你自己的 Flashduty APP Key 登录'))
    const member = createMember()
    expect((await submit('/link/key', { key: member.app_key })).status).toBe(303)
  } finally {
    await setKey(service.app_key)
  }
})

// No key was written down either.
afterAll(() => {
  expectSilence(world, scene.app.lines)
  const log = JSON.stringify(scene.app.lines)
  const keys = [...Array(40).keys()].map((index) => `guess${index}`)
  expect(keys.filter((key) => log.includes(key))).toEqual([])
  expect(log).not.toContain(service.app_key)
  expect(log).not.toContain(MOBILE)
})
