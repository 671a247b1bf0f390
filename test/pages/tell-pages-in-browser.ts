import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { Incident } from '../sandbox/flashduty/types.ts'
import { isTooWide, keepPicture, openWindow, PC, PHONE, seriousFindings, SMALL_PHONE } from '../support/browser-page.ts'
import { findChromium, launchChromium } from '../support/chromium.ts'
import { nextMillisecond } from '../support/jobs.ts'
import { expectSilence, fire, inGroup, openScene, type Scene, settledRecords } from '../support/journey.ts'
import { logIn, pageWith, pathOfPages } from '../support/pages.ts'
import type { Person, World } from '../support/world.ts'

const program = await findChromium()
if (program === undefined && process.env['CI']) throw new Error('the page tests need a Chromium; set CHROMIUM_PATH')
if (program === undefined)
  process.stderr.write('no Chromium found: the tests of the pages in a browser were left out\n')

const DESCRIPTION = [
  '**复制延迟** 320 秒，持续 5 分钟。',
  '- 实例 `db-01.prod`',
  '> 手册：https://wiki.example.com/runbook',
  '```\nSeconds_Behind_Master: 320   Slave_IO_Running: Yes   Slave_SQL_Running: Yes   Last_SQL_Errno: 0\n```',
].join('\n\n')

/** @param looks `one`: each page in one of them, in turn; `all`: each page in each, and nothing else */
export function tellPagesInBrowser(looks: 'one' | 'all'): void {
  describe.runIf(program !== undefined)('the pages in a browser', () => {
    let browser: Browser
    let scene: Scene
    let world: World
    let pages: string
    let zhang: Person
    let incident: Incident

    beforeAll(async () => {
      browser = await launchChromium(program)
      scene = await openScene()
      world = scene.world
      pages = scene.app.url + pathOfPages(scene)
      zhang = world.people.zhang
      const mine = { responderIds: [zhang.member.member_id], chats: [inGroup(world.groups.oncall)] }
      incident = await fire(world, {
        ...mine,
        title: '主从延迟过大：Seconds_Behind_Master 超过 300 秒，只读实例查询结果陈旧',
        description: DESCRIPTION,
        labels: { resource: 'db-01.prod.cn-hangzhou', runbook: 'https://wiki.example.com/runbook/42' },
        personIds: [zhang.member.member_id, world.people.wang.member.member_id],
        delivery: { custom_actions: [{ integration_id: 7001, name: '重启从库' }] },
      })
      const second = await fire(world, { ...mine, title: 'pay-gateway 错误率超过 5%', severity: 'Warning' })
      const third = await fire(world, { ...mine, title: 'node-17 NotReady', severity: 'Info' })
      for (const one of [incident, second, third]) await settledRecords(world, one)
      await world.flashduty.control.act(second.incident_id, 'ack', zhang.member.member_id)
      await world.flashduty.control.act(third.incident_id, 'ack', zhang.member.member_id)
      // Of the same millisecond nobody could tell which was first.
      await nextMillisecond(world)
      await world.flashduty.control.act(third.incident_id, { snoozeMinutes: 120 }, zhang.member.member_id)
      await pageWith(await logIn(scene, zhang), `${pathOfPages(scene)}/`, '已暂缓至')
    })
    afterAll(async () => {
      await browser?.close()
      await scene?.close()
    })

    /** Whatever the page complains about fails the test. */
    async function within(person: Person, options: BrowserContextOptions, work: (page: Page) => Promise<void>) {
      const page = await openWindow(browser, scene, person, { locale: 'zh-CN', ...options })
      const problems: string[] = []
      page.on('pageerror', (error) => problems.push(error.message))
      page.on('console', (message) => {
        if (message.type() === 'error' && !message.text().includes('404')) problems.push(message.text())
      })
      try {
        await work(page)
      } finally {
        await page.context().close()
      }
      expect(problems).toEqual([])
    }

    const LOOKS: [string, BrowserContextOptions][] = [
      ['small-phone-en-dark', { ...SMALL_PHONE, locale: 'en-US', colorScheme: 'dark' }],
      ['pc-zh', PC],
      ['phone-zh', PHONE],
      ['pc-en-dark', { ...PC, locale: 'en-US', colorScheme: 'dark' }],
    ]
    const told = looks === 'all' ? LOOKS : LOOKS.slice(0, 2)

    test.each(told)('%s: the pages can be read by everybody and fit', async (look, options) => {
      const group = `/group?corpId=${world.dingtalkApp.corpId}&cid=${encodeURIComponent(world.groups.oncall.openConversationId)}`
      const addresses: [string, string][] = [
        ['home', '/'],
        ['pc', '/pc'],
        ['incident', `/incident/${incident.incident_id}`],
        ['group', group],
        ['group-outside', '/group?corpId=$CORPID$&cid=$ENCCID$'],
        ['history', '/history'],
        ['link', '/link'],
        ['none', '/nowhere'],
      ]
      const turn = told.findIndex(([name]) => name === look)
      const mine = looks === 'all' ? addresses : addresses.filter((_, index) => index % told.length === turn)
      await within(zhang, options, async (page) => {
        for (const [name, address] of mine) {
          await page.goto(pages + address)
          await keepPicture(page, `${look}-${name}`)
          expect({ name, found: await seriousFindings(page) }).toEqual({ name, found: [] })
          expect({ name, tooWide: await isTooWide(page) }).toEqual({ name, tooWide: false })
        }
      })
      if (looks === 'one' && turn > 0) return
      await within(world.people.wang, options, async (page) => {
        await page.goto(`${pages}/`)
        await keepPicture(page, `${look}-unlinked`)
        expect(await seriousFindings(page)).toEqual([])
      })
    })

    if (looks === 'one') tellWays()

    function tellWays(): void {
      test('by the keyboard alone: skip to the content, press a button, hear what came of it, open and close the menu', async () => {
        const mine = await fire(world, { title: '用键盘', responderIds: [zhang.member.member_id] })
        await pageWith(await logIn(scene, zhang), `${pathOfPages(scene)}/`, '用键盘')
        await within(zhang, PC, async (page) => {
          await page.goto(`${pages}/`)
          await page.keyboard.press('Tab')
          expect(await page.locator('a.skip:focus').count()).toBe(1)
          await page
            .getByRole('group', { name: `对 #${mine.num} 的操作` })
            .getByRole('button', { name: '认领' })
            .focus()
          await page.keyboard.press('Enter')
          const note = page.getByRole('status')
          await note.waitFor()
          expect(await note.textContent()).toBe(`认领 #${mine.num}：已完成`)
          expect(await page.locator('[data-note]:focus').count()).toBe(1)
          // Reloading says it no more, and sends nothing.
          expect(new URL(page.url()).search).toBe('')
          await page.reload()
          expect(await note.count()).toBe(0)
          await page.locator('details.menu > summary').focus()
          await page.keyboard.press('Enter')
          await page.getByRole('button', { name: '退出登录' }).waitFor()
          await page.keyboard.press('Escape')
          await page.getByRole('button', { name: '退出登录' }).waitFor({ state: 'hidden' })
        })
      })

      test('without scripts: the rarer actions, a result, the next incident on a PC', async () => {
        const mine = await fire(world, { title: '没有脚本', responderIds: [zhang.member.member_id] })
        await pageWith(await logIn(scene, zhang), `${pathOfPages(scene)}/`, '没有脚本')
        await within(zhang, { ...PC, javaScriptEnabled: false }, async (page) => {
          await page.goto(`${pages}/pc`)
          const item = page.getByRole('listitem').filter({ hasText: '没有脚本' })
          await item.getByRole('link').first().click()
          await page.getByRole('heading', { level: 2, name: '没有脚本' }).waitFor()
          await page.locator('.detail').getByRole('button', { name: '认领' }).click()
          await page.locator('.detail').getByRole('button', { name: '取消认领' }).waitFor()
          expect(await page.getByRole('status').textContent()).toContain(`认领 #${mine.num}`)
          await item.getByText('更多操作').click()
          await item.getByRole('button', { name: '暂缓 12 小时' }).click()
          await page.locator('.detail').getByRole('button', { name: '取消暂缓' }).waitFor()
        })
      })

      test('going back shows how things are now, not how they were', async () => {
        const mine = await fire(world, { title: '返回之后', responderIds: [zhang.member.member_id] })
        await pageWith(await logIn(scene, zhang), `${pathOfPages(scene)}/`, '返回之后')
        await within(zhang, PHONE, async (page) => {
          await page.goto(`${pages}/`)
          await page.getByRole('link', { name: '返回之后' }).first().click()
          await page.getByRole('button', { name: '关闭' }).click()
          await page.getByText('已关闭').first().waitFor()
          await page.goto(`${pages}/history`)
          await page.goBack()
          await page.getByRole('heading', { level: 1, name: '返回之后' }).waitFor()
          expect(await page.getByRole('button', { name: '认领' }).count()).toBe(0)
          expect(world.flashduty.control.incident(mine.incident_id).progress).toBe('Closed')
        })
      })
    }

    afterAll(() => {
      expectSilence(world, scene.app.lines)
    })
  })
}
