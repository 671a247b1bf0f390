import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { findChromium, launchChromium } from '../../support/chromium.ts'
import { CONDITION_MS } from '../../support/patience.ts'
import { startDingTalk } from '../dingtalk/index.ts'
import type { App, DingTalkSandbox, Group, User } from '../dingtalk/types.ts'
import { startFlashduty } from '../flashduty/index.ts'
import type { FlashdutySandbox, Incident, Member } from '../flashduty/types.ts'
import { startChat } from './index.ts'
import { TinyRobot } from './tiny-robot.ts'

const program = await findChromium()
if (program === undefined && process.env['CI']) throw new Error('the page tests need a Chromium; set CHROMIUM_PATH')
if (program === undefined) process.stderr.write('no Chromium found: the tests of the chat page were left out\n')

const LOG = '2026-01-01  ERROR  **disk** <full>\n\tat a.b(c.ts:1)'

const EVERYTHING = `# 一级
##### 五级
正文 **加粗** *斜体* <font colorTokenV2=common_red1_color>红</font> <font colorTokenV2=common_green1_color>绿</font> [收到]

***

* 外层
    * 嵌套

1. 一
2. 二

> 引用
>> 嵌套引用

| 主机 | 用量 |
| :- | -: |
| db-01 | 97% |

\`\`\`
${LOG}
\`\`\``

const LONG = `${'y'.repeat(300)}

\`\`\`
${'z '.repeat(300)}
\`\`\`

| ${'a'.repeat(300)} | b |
| - | - |

> ${'q'.repeat(300)}`

describe.runIf(program !== undefined)('the chat page', () => {
  let browser: Browser
  let dingtalk: DingTalkSandbox
  let flashduty: FlashdutySandbox
  let app: App
  let li: User
  let wang: User
  let member: Member
  let group: Group
  let robot: TinyRobot
  let chat: { url: string; close(): Promise<void> }
  let page: Page
  let problems: string[]

  beforeAll(async () => {
    browser = await launchChromium(program)
  })
  afterAll(() => browser.close())

  beforeEach(async () => {
    problems = []
    dingtalk = await startDingTalk()
    flashduty = await startFlashduty()
    app = dingtalk.control.createApp()
    li = dingtalk.control.createUser({ name: '李雷' })
    wang = dingtalk.control.createUser({ name: '王大锤' })
    member = flashduty.control.createMember({ member_name: '李雷' })
    group = dingtalk.control.createGroup({ title: '支付值班群', memberUserIds: [li.userId, wang.userId] })
    robot = new TinyRobot(dingtalk, flashduty, app.clientId, new Map([[li.userId, member]]))
    await robot.connect()
    await dingtalk.control.eventSettled(dingtalk.control.installCoolApp(group.openConversationId, app.clientId))
    chat = await startChat({
      dingtalk,
      flashduty,
      people: [
        { userId: li.userId, name: '李雷', note: '已关联' },
        { userId: wang.userId, name: '王大锤', note: '从未关联' },
      ],
      clientId: app.clientId,
      groups: [group.openConversationId],
      fire: async () => void (await fire()),
    })
    page = await openPage()
  })

  afterEach(async () => {
    await page.context().close()
    await robot.disconnect()
    await chat.close()
    await flashduty.close()
    await dingtalk.close()
    if (problems.length > 0) throw new Error(`the page complained: ${problems.join('; ')}`)
  })

  /** A window of its own; whatever the page complains about fails the test. */
  async function openPage(viewer = ''): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
    context.setDefaultTimeout(CONDITION_MS)
    const opened = await context.newPage()
    opened.on('pageerror', (error) => problems.push(error.message))
    opened.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text())
    })
    await opened.goto(`${chat.url}/?viewer=${viewer}`)
    await opened.getByTestId('conversation-0').waitFor()
    return opened
  }

  async function fire(fields: { title?: string; description?: string } = {}): Promise<Incident> {
    const channelId = flashduty.control.createChannel('支付核心').channel_id
    const incident = await flashduty.control.fireIncident({
      title: fields.title ?? 'db-01 磁盘将满',
      description: fields.description ?? '剩余 **3%**',
      channelId,
      responderIds: [member.member_id],
    })
    await robot.sendCard(incident, { group: group.openConversationId })
    return incident
  }

  const textOf = (testid: string, of = page) => of.getByTestId(testid).last().textContent()

  test('a card that arrives is drawn at once: title, body, tips, buttons', async () => {
    const incident = await fire()
    await page.getByTestId('card').waitFor()
    expect(await textOf('card-title')).toBe(`🔴 待处理 | #${incident.num} db-01 磁盘将满`)
    expect(await page.getByTestId('card-markdown').innerHTML()).toContain('剩余 <strong>3%</strong>')
    expect(await textOf('card-tips')).toBe('Flashduty · 支付核心')
    expect(await page.locator('.buttons .button').allTextContents()).toEqual(['认领', '关闭', '查看详情'])
    expect(await textOf('conversation-0')).toContain(`#${incident.num}`)
  })

  test('a press waits visibly, then the card changes and shows that it did, for everybody looking on', async () => {
    const incident = await fire()
    const other = await openPage(wang.userId)
    let answer = () => {}
    robot.beforeAnswer = () => new Promise((resolve) => (answer = resolve))
    await page.getByTestId('button-认领').click()
    await page.getByTestId('button-认领').filter({ hasText: '处理中' }).waitFor()
    expect(await page.getByTestId('button-关闭').isDisabled()).toBe(true)
    expect(await textOf('button-认领', other)).toBe('认领')
    answer()
    for (const one of [page, other]) {
      await one.getByTestId('button-取消认领').waitFor()
      expect(await textOf('card-title', one)).toContain('处理中')
      expect(await one.getByTestId('card').getAttribute('class')).toContain('changed')
    }
    expect(flashduty.control.incident(incident.incident_id).progress).toBe('Processing')
    await other.context().close()
  })

  test('what only the presser is told, only the presser sees', async () => {
    await fire()
    await page.getByTestId(`viewer-${wang.userId}`).click()
    await page.getByTestId('button-认领').click()
    await page.getByTestId('card-tips').filter({ hasText: '未关联应用' }).waitFor()
    await page.getByTestId(`viewer-${li.userId}`).click()
    await page.getByTestId(`viewer-${li.userId}`).and(page.locator('.chosen')).waitFor()
    expect(await textOf('card-tips')).toBe('Flashduty · 支付核心')
    expect(await textOf('button-认领')).toBe('认领')
  })

  test('a press that nobody answers ends in a toast, and the button can be pressed again', async () => {
    await fire()
    await robot.disconnect()
    await page.getByTestId('online').filter({ hasText: '离线' }).waitFor()
    await page.getByTestId('button-认领').click()
    await page.getByTestId('toast').waitFor()
    expect(await textOf('toast')).toBe('请求失败：机器人未连接')
    await page
      .getByTestId('button-认领')
      .filter({ hasText: /^认领$/ })
      .waitFor()
    expect(await page.getByTestId('button-认领').isEnabled()).toBe(true)
  })

  test('unread messages are counted for everybody until they look', async () => {
    await robot.say(wang.userId, 'sampleText', { content: '你好' })
    await fire()
    const colleague = page.getByTestId(`viewer-${wang.userId}`)
    await colleague.getByTestId('unread').filter({ hasText: '2' }).waitFor()
    await colleague.click()
    await page.getByTestId('conversation-0').getByTestId('unread').waitFor({ state: 'detached' })
    expect(await page.getByTestId('conversation-1').getByTestId('unread').textContent()).toBe('1')
    await page.getByTestId('conversation-1').click()
    expect(await textOf('robot-text')).toBe('你好')
    await page.getByTestId('unread').first().waitFor({ state: 'detached' })
  })

  test('links open a new window; the wrapper of the client is undone', async () => {
    const incident = await fire()
    const [detail] = await Promise.all([page.waitForEvent('popup'), page.getByTestId('button-查看详情').click()])
    expect(detail.url()).toBe(incident['detail_url'])
    expect(await detail.textContent('h2')).toContain('磁盘将满')
    const url = `dingtalk://dingtalkclient/page/link?url=${encodeURIComponent('https://example.com/h5?a=1')}&pc_slide=true`
    const card = { title: '关联', text: '请先登录', singleTitle: '去关联', singleURL: url }
    await robot.say(li.userId, 'sampleActionCard', card)
    await page.getByTestId('conversation-1').click()
    expect(await page.getByTestId('button-去关联').getAttribute('href')).toBe('https://example.com/h5?a=1')
  })

  test('nothing that is said becomes markup', async () => {
    const evil = '<img src=x onerror="document.title=1"><b>x</b>'
    await fire({ title: evil, description: `${evil}\n\n[x](javascript:alert(1))` })
    dingtalk.control.renameGroup(group.openConversationId, evil)
    await page.getByTestId('talk-title').filter({ hasText: '<img' }).waitFor()
    expect(await textOf('card-title')).toContain(evil)
    expect(await textOf('card-markdown')).toContain(evil)
    expect(await page.locator('img, .card b, [href^="javascript"]').count()).toBe(0)
  })

  test('the controls fire, rename, uninstall and install', async () => {
    await page.getByTestId('control-fire').click()
    await page.getByTestId('card').waitFor()

    await page.getByTestId('rename-title').fill('核心值班群')
    await page.getByTestId('control-rename').click()
    await page.getByTestId('talk-title').filter({ hasText: '核心值班群' }).waitFor()
    expect(dingtalk.control.group(group.openConversationId).title).toBe('核心值班群')
    await page.getByText('李雷 将群名称修改为“核心值班群”').last().waitFor()

    expect(await page.getByTestId('control-install').isDisabled()).toBe(true)
    await page.getByTestId('control-uninstall').click()
    await page.getByTestId('uninstalled').waitFor()
    expect(dingtalk.control.group(group.openConversationId).coolApps).toEqual([])
    await page.getByTestId('control-install').click()
    await page.getByTestId('uninstalled').waitFor({ state: 'hidden' })
    await page.getByTestId('feed').getByText('应答 im_cool_app_uninstall').waitFor()
  })

  test('a card shows what its Markdown says, by light and in the dark', async () => {
    await fire({ description: EVERYTHING })
    await page.getByTestId('card').waitFor()
    const card = page.getByTestId('card-markdown')
    expect(await card.locator('h1, h2, h3, h4, h5').allTextContents()).toEqual(['一级', '五级'])
    expect(await card.locator('ul ul li').allTextContents()).toEqual(['嵌套'])
    expect(await card.locator('ol li').allTextContents()).toEqual(['一', '二'])
    expect(await card.locator('blockquote blockquote').textContent()).toBe('嵌套引用')
    expect(await card.locator('th, td').allTextContents()).toEqual(['主机', '用量', 'db-01', '97%'])
    expect(await card.locator('.emoticon').allTextContents()).toEqual(['收到'])
    expect(await card.locator('hr').count()).toBe(1)

    // What somebody copies out of a fence is what was sent.
    const copied = await page.evaluate<string>(
      `getSelection().selectAllChildren(document.querySelector('.card pre')) ?? String(getSelection())`,
    )
    expect(copied).toBe(LOG)

    /** Mean of red, green and blue, as computed. */
    const lightnessOf = (selector: string, property: string) =>
      page.evaluate<number>(
        `getComputedStyle(document.querySelector(${JSON.stringify(selector)}))
          .getPropertyValue('${property}').match(/[\\d.]+/g).slice(0, 3).reduce((sum, part) => sum + part / 3, 0)`,
      )
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      const ground = await lightnessOf('.card', 'background-color')
      expect(ground > 128).toBe(colorScheme === 'light')
      for (const shown of ['.card-title', '.card pre', '.common_red1_color', '.common_green1_color']) {
        expect(Math.abs((await lightnessOf(shown, 'color')) - ground), `${shown}, ${colorScheme}`).toBeGreaterThan(70)
      }
    }
  })

  test.each([1280, 900])('at %i px nothing sticks out', async (width) => {
    await fire({ title: 'x'.repeat(300), description: LONG })
    await page.setViewportSize({ width, height: 800 })
    await page.getByTestId('card').waitFor()
    const sticking = await page.locator('body *').evaluateAll(
      // What is inside of a wide table or fence is scrolled.
      (all, edge) =>
        all
          .filter(
            (one) => one.closest(':is(.table, pre) > *') === null && one.getBoundingClientRect().right > edge + 0.5,
          )
          .map((one) => one.className),
      width,
    )
    expect(sticking).toEqual([])
    const [card, talk] = [await page.getByTestId('card').boundingBox(), await page.locator('main').boundingBox()]
    expect((card?.x ?? 0) + (card?.width ?? 0)).toBeLessThanOrEqual((talk?.x ?? 0) + (talk?.width ?? 0))
    expect(card?.width).toBeGreaterThan(300)
  })
})
