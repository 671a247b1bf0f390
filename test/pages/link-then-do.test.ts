import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import type { User } from '../sandbox/dingtalk/types.ts'
import type { Member } from '../sandbox/flashduty/types.ts'
import {
  changeIntegration,
  actsOn,
  answerOf,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  install,
  press,
  recordsOf,
  theCardOf,
  view,
} from '../support/journey.ts'
import { CHROMIUM, openPageScene, PC, type PageScene, PHONE, type Window } from '../support/page-scene.ts'
import type { Person } from '../support/world.ts'

/** A press that could not count, followed through the button it is answered with until it has counted. */

let scene: PageScene
let service: Member
let owner: Member
let ownerMakesKeys = false
const windows: Window[] = []

async function open(user: User, viewport: { width: number; height: number }, platform: 'ios' | 'pc'): Promise<Page> {
  const window = await scene.open({ viewport, inDingTalk: { user, bridge: { platform } } })
  windows.push(window)
  return window.page
}

/** In a group with 张三, at Flashduty, and never in the app. */
async function createNewcomer(name: string, email: string) {
  const { world } = scene
  const member = world.flashduty.control.createMember({ member_name: name, email })
  const user = world.dingtalk.control.createUser({ name, orgEmail: email })
  const { zhang } = world.people
  const memberUserIds = [user.userId, zhang.user.userId]
  const group = world.dingtalk.control.createGroup({ title: `${name}的群`, memberUserIds })
  await install(world, [group])
  const person: Person = { user, member }
  return { person, group, viewers: [person, zhang] }
}

/** Where the button leads that the press was answered with, as DingTalk's client opens it. */
function addressOf(seen: ReturnType<typeof answerOf>, text: string): string {
  const [button] = seen.buttons
  if (!button || button.text !== text || !('url' in button)) throw new Error(`the first button is not ${text}`)
  return new URL(button.url).searchParams.get('url') ?? ''
}

const set = (...fields: string[]) => changeIntegration(scene, ...fields)

describe.runIf(CHROMIUM !== undefined)('pressed, linked, done', () => {
  beforeAll(async () => {
    scene = await openPageScene()
    const { control } = scene.world.flashduty
    service = control.createMember({ member_name: '集成', email: 'service@example.com' })
    owner = control.createMember({ member_name: '主账号', email: 'owner@example.com', is_owner: true })
    await set('--flashduty-key', service.app_key)
  })
  afterAll(() => scene?.close())
  afterEach(async () => {
    const complaints = windows.flatMap(({ problems }) => problems)
    for (const { context } of windows.splice(0)) await context.close()
    scene.world.flashduty.control.requireForms({})
    if (ownerMakesKeys) await set('--acting', 'member-key')
    ownerMakesKeys = false
    if (complaints.length > 0) throw new Error(`the pages complained: ${complaints.join('; ')}`)
  })

  test('by one’s own key, on a phone: the button, the page, the key, the offer, and everybody sees it', async () => {
    const { world } = scene
    const { person, group, viewers } = await createNewcomer('钱七', 'qian@example.com')
    const incident = await fire(world, { title: '先点后关联', chats: [inGroup(group)] })
    const card = await theCardOf(world, incident)
    await everybodySees(world, card, '待处理', viewers)
    const seen = answerOf(await press(world, card, person, '认领'))
    expect(seen.tips).toContain('未关联应用')

    const page = await open(person.user, PHONE, 'ios')
    await page.goto(addressOf(seen, '去关联'))
    await page.getByText('还没有关联 Flashduty 账号').waitFor()
    await page.getByRole('link', { name: '关联账号' }).first().click()
    await page.getByLabel('APP Key', { exact: true }).fill(person.member.app_key)
    await page.getByRole('button', { name: '登录并关联' }).click()
    await page.getByText('当前已关联 Flashduty 成员：钱七').waitFor()
    await page.getByText('你刚才点了“认领”').waitFor()
    expect(actsOn(world, incident)).toEqual([])
    await page.getByRole('button', { name: '执行：认领' }).click()
    await page.getByText(`认领 #${incident.num}：已完成`).waitFor()
    await everybodySees(world, card, '处理中', viewers)
    expect(view(world, card, world.people.zhang).tips).toContain('钱七 于')
    expect(actsOn(world, incident)).toHaveLength(1)
    await page.reload()
    expect(await page.getByText('你刚才点了').count()).toBe(0)
  })

  test('by one tap, on a PC: the offer waits until there is a key to act with', async () => {
    const { world } = scene
    const { person, group, viewers } = await createNewcomer('孙八', 'sun@example.com')
    const incident = await fire(world, { title: '一键关联', chats: [inGroup(group)] })
    const card = await theCardOf(world, incident)
    await everybodySees(world, card, '待处理', viewers)
    const page = await open(person.user, PC, 'pc')
    await page.goto(addressOf(answerOf(await press(world, card, person, '关闭')), '去关联'))
    await page.getByRole('link', { name: '关联账号' }).first().click()
    await page.getByRole('button', { name: '是我，立即关联' }).click()
    await page.getByText('你刚才点了“关闭”').waitFor()
    expect(await page.getByRole('button', { name: '执行：关闭' }).count()).toBe(0)
    await page.getByRole('link', { name: '补登 APP Key' }).first().click()
    await page.getByLabel('APP Key', { exact: true }).fill(person.member.app_key)
    await page.getByRole('button', { name: '登录并关联' }).click()
    await page.getByRole('button', { name: '执行：关闭' }).click()
    await page.getByText(`关闭 #${incident.num}：已完成`).waitFor()
    await everybodySees(world, card, '已关闭', viewers)
    const presses = (await recordsOf(world, incident)).filter(({ kind }) => kind === 'action')
    expect(presses.map(({ reason_code: reason }) => reason).sort()).toEqual(['NOT_LINKED', null])
  })

  test('a key that has just gone bad: the button, a fresh key, and the press counts', async () => {
    const { world } = scene
    const { person, group, viewers } = await createNewcomer('周九', 'zhou@example.com')
    const { user, member } = person
    const link = ['--dingtalk-user', user.userId, '--member', String(member.member_id), '--member-key', member.app_key]
    expect(await world.cli('links', 'add', ...link)).toMatchObject({ code: 0 })
    const incident = await fire(world, { title: '密钥刚失效', chats: [inGroup(group)] })
    const card = await theCardOf(world, incident)
    await everybodySees(world, card, '待处理', viewers)
    member.app_key = `fresh${member.app_key}`
    const seen = answerOf(await press(world, card, person, '认领'))
    expect(seen.tips).toContain('关联已失效')
    const page = await open(user, PHONE, 'ios')
    await page.goto(addressOf(seen, '去关联'))
    await page.getByRole('link', { name: '补登 APP Key' }).first().click()
    await page.getByLabel('APP Key', { exact: true }).fill(member.app_key)
    await page.getByRole('button', { name: '登录并关联' }).click()
    await page.getByRole('button', { name: '执行：认领' }).click()
    await page.getByText(`认领 #${incident.num}：已完成`).waitFor()
    await everybodySees(world, card, '处理中', viewers)
  })

  test('the wrong account: the button leads to switching, and the page says the same', async () => {
    const { world } = scene
    const { person, group, viewers } = await createNewcomer('吴十', 'wu@example.com')
    const viewer = world.flashduty.control.createMember({ member_name: '只读账号', may_handle: false })
    const link = ['--dingtalk-user', person.user.userId, '--member', String(viewer.member_id)]
    expect(await world.cli('links', 'add', ...link, '--member-key', viewer.app_key)).toMatchObject({ code: 0 })
    const incident = await fire(world, { title: '关联错了账户', chats: [inGroup(group)] })
    const card = await theCardOf(world, incident)
    await everybodySees(world, card, '待处理', viewers)
    const seen = answerOf(await press(world, card, person, '认领'))
    expect(seen.tips).toContain('切换账户')
    const page = await open(person.user, PHONE, 'ios')
    await page.goto(addressOf(seen, '切换账户'))
    await page.getByText('当前已关联 Flashduty 成员：只读账号').waitFor()
    const address = `${scene.pages}/incident/${incident.incident_id}`
    await page.goto(address)
    await page.getByRole('button', { name: '认领' }).click()
    await page.getByRole('alert').getByText('当前账号无故障管理权限').waitFor()
    await page.getByRole('alert').getByRole('link', { name: '切换账户' }).click()
    await page.getByLabel('APP Key', { exact: true }).fill(person.member.app_key)
    await page.getByRole('button', { name: '登录并关联' }).click()
    await page.getByText('当前已关联 Flashduty 成员：吴十').waitFor()

    world.flashduty.control.requireForms({ close: '请填写根因' })
    await page.goto(address)
    await page.getByRole('button', { name: '关闭', exact: true }).click()
    await page.getByRole('alert').getByText('操作未被接受（请填写根因）').waitFor()
    const way = page.getByRole('alert').getByRole('link', { name: '查看详情' })
    expect(await way.getAttribute('href')).toBe(incident['detail_url'])
  })

  test('with keys that the owner’s key makes, one tap is enough; a PC’s page is come back to, in either language', async () => {
    const { world } = scene
    ownerMakesKeys = true
    await set('--acting', 'owner-key', '--owner-key', owner.app_key)
    const { person, group, viewers } = await createNewcomer('郑一', 'zheng@example.com')
    const incident = await fire(world, { title: '一键就够', chats: [inGroup(group)] })
    const card = await theCardOf(world, incident)
    await everybodySees(world, card, '待处理', viewers)
    answerOf(await press(world, card, person, '认领'))
    const page = await open(person.user, PC, 'pc')
    await page.goto(`${scene.pages}/pc`)
    await page.getByRole('link', { name: '关联账号' }).first().click()
    await page.getByRole('button', { name: '是我，立即关联' }).click()
    await page.waitForURL(/\/pc(\?|$)/)
    await page.locator('details.menu > summary').click()
    await page.getByRole('button', { name: 'English' }).click()
    await page.getByText('You pressed “Acknowledge” before').waitFor()
    expect(new URL(page.url()).pathname).toBe(new URL(`${scene.pages}/pc`).pathname)
    await page.getByRole('button', { name: 'Do it: Acknowledge' }).click()
    await page.getByText(`Acknowledge #${incident.num}: done`).waitFor()
    await everybodySees(world, card, '处理中', viewers)
  })

  afterAll(() => {
    expectSilence(scene.world, scene.app.lines, { errors: ['click-failed'] })
  })
})
