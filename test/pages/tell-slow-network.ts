import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import type { Incident } from '../sandbox/flashduty/types.ts'
import { seriousFindings } from '../support/browser-page.ts'
import { eventually } from '../support/eventually.ts'
import { actsOn, expectSilence, fire, settledRecords } from '../support/journey.ts'
import { CHROMIUM, openPageScene, PC, type PageScene, PHONE, type Window } from '../support/page-scene.ts'
import type { Person } from '../support/world.ts'

/** Slow, and away in the middle of an act: the page stays, says how things are, and nothing is done twice. */

const UNANSWERED = '没有收到回答，不确定是否已提交'
/** As slow as DevTools' “Slow 3G”, in bytes a second. */
const SLOW_3G = { offline: false, latency: 2_000, downloadThroughput: 50_000, uploadThroughput: 50_000 }

let scene: PageScene
let zhang: Person
const windows: Window[] = []

async function open(locale = 'zh-CN', viewport = PHONE): Promise<Page> {
  const inDingTalk = { user: zhang.user, bridge: { platform: viewport === PC ? 'pc' : 'ios' } as const }
  const window = await scene.open({ viewport, locale, inDingTalk })
  windows.push(window)
  return window.page
}

async function alert(title: string): Promise<Incident> {
  const { member_id: memberId } = zhang.member
  const incident = await fire(scene.world, { title, responderIds: [memberId], personIds: [memberId] })
  await settledRecords(scene.world, incident)
  return incident
}

async function openIncident(title: string, locale?: string): Promise<{ incident: Incident; page: Page }> {
  const incident = await alert(title)
  const page = await open(locale)
  await page.goto(`${scene.pages}/incident/${incident.incident_id}`)
  await page.getByRole('heading', { level: 1, name: title }).waitFor()
  return { incident, page }
}

async function throttle(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page)
  await session.send('Network.enable')
  await session.send('Network.emulateNetworkConditions', SLOW_3G)
}

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })
const isPressable = async (page: Page, name: string): Promise<boolean> =>
  (await button(page, name).getAttribute('aria-disabled')) === null &&
  (await button(page, name).getAttribute('aria-busy')) === null

/** @param pages `one`: what each page and language does is seen on one; `all`: on each */
export function tellSlowNetwork(pages: 'one' | 'all'): void {
  const some = <T>(list: readonly T[]): readonly T[] => (pages === 'all' ? list : list.slice(0, 1))

  describe.runIf(CHROMIUM !== undefined)('a network that is', () => {
    beforeAll(async () => {
      scene = await openPageScene()
      ;({ zhang } = scene.world.people)
    })
    afterAll(() => scene?.close())
    afterEach(async () => {
      const complaints = windows.flatMap(({ problems }) => problems)
      for (const { context } of windows.splice(0)) await context.close()
      if (complaints.length > 0) throw new Error(`the pages complained: ${complaints.join('; ')}`)
    })

    test.each(some(['/pc', '/', '/history']))('slow: %s comes all the same', async (path) => {
      await alert(`慢慢来 ${path}`)
      const page = await open()
      await page.goto(`${scene.pages}/`)
      await page.getByRole('heading', { name: '我的故障' }).waitFor()
      await throttle(page)
      await page.goto(scene.pages + path, { waitUntil: 'commit' })
      await page.getByText(`慢慢来 ${path}`).first().waitFor()
      expect(new URL(page.url()).pathname).toBe(new URL(scene.pages + path).pathname)
    })

    test('slow: a pressed button says that it is busy, is sent once, and the page says what came of it', async () => {
      const { incident, page } = await openIncident('慢网认领')
      const sent: string[] = []
      page.on('request', (request) => request.method() === 'POST' && sent.push(request.url()))
      let letGo = (): void => {}
      const held = new Promise<void>((resolve) => (letGo = resolve))
      await page.route('**/act', async (route) => {
        await held
        await route.continue()
      })
      await button(page, '认领').click()
      expect(await button(page, '认领').getAttribute('aria-busy')).toBe('true')
      expect(await button(page, '关闭').getAttribute('aria-disabled')).toBe('true')
      // As an impatient finger does, which asks no element whether it is enabled.
      await button(page, '认领').dispatchEvent('click')
      await button(page, '关闭').dispatchEvent('click')
      letGo()
      await page.getByText(`认领 #${incident.num}：已完成`).waitFor()
      expect(sent).toHaveLength(1)
      expect(actsOn(scene.world, incident)).toHaveLength(1)
    })

    test.each(
      some([
        ['zh-CN', '认领', '网络较慢，仍在提交…', UNANSWERED],
        ['en-US', 'Acknowledge', 'The network is slow; still sending…', 'No answer came'],
      ]),
    )(
      'dead: in %s the page says so, first that it is slow, then that nobody knows',
      async (locale, name, slow, none) => {
        const { incident, page } = await openIncident(`没有回音 ${locale}`, locale)
        let held: (() => Promise<void>) | undefined
        await page.route('**/act', (route) => {
          held = () => route.continue()
        })
        await page.clock.install()
        await button(page, name).click()
        await eventually('it is on its way', () => held !== undefined)
        await page.clock.fastForward(4_500)
        await page.getByText(slow).waitFor()
        await page.clock.fastForward(30_000)
        await page.getByRole('alert').filter({ hasText: none }).waitFor()
        expect(await page.getByText(slow).count()).toBe(0)
        expect(await isPressable(page, name)).toBe(true)
        expect(await seriousFindings(page)).toEqual([])
        await page.unroute('**/act')
        await button(page, name).click()
        await page
          .getByText(`#${incident.num}`)
          .and(page.getByText(/已完成|: done/))
          .waitFor()
        expect(actsOn(scene.world, incident)).toHaveLength(1)
      },
    )

    test('away when a button is pressed: the page stays, the button comes back, and then it counts', async () => {
      const { incident, page } = await openIncident('断网认领')
      await page.context().setOffline(true)
      await button(page, '认领').click()
      await page.getByRole('alert').filter({ hasText: UNANSWERED }).waitFor()
      await page.getByRole('heading', { level: 1, name: '断网认领' }).waitFor()
      expect(await isPressable(page, '认领')).toBe(true)
      expect(actsOn(scene.world, incident)).toEqual([])
      await page.context().setOffline(false)
      await button(page, '认领').click()
      await page.getByText(`认领 #${incident.num}：已完成`).waitFor()
      expect(await page.getByText(UNANSWERED).count()).toBe(0)
      expect(actsOn(scene.world, incident)).toHaveLength(1)
    })

    test('cut after the act was sent: pressed again it is one act, with its answer', async () => {
      const { incident, page } = await openIncident('回音丢了')
      await page.route('**/act', async (route) => {
        await route.fetch({ maxRedirects: 0 })
        await route.abort('connectionreset')
      })
      await button(page, '认领').click()
      await page.getByRole('alert').filter({ hasText: UNANSWERED }).waitFor()
      expect(actsOn(scene.world, incident)).toHaveLength(1)
      await page.unroute('**/act')
      await button(page, '认领').click()
      await page.getByText(`认领 #${incident.num}：已完成`).waitFor()
      expect(actsOn(scene.world, incident)).toHaveLength(1)
    })

    test('answered by a proxy that reaches nobody', async () => {
      const { incident, page } = await openIncident('网关超时')
      await page.route('**/act', (route) =>
        route.fulfill({ status: 504, contentType: 'text/html', body: '<h1>504 Gateway Time-out</h1>' }),
      )
      await button(page, '认领').click()
      await page.getByRole('alert').filter({ hasText: UNANSWERED }).waitFor()
      expect(await page.getByText('504').count()).toBe(0)
      expect(await isPressable(page, '认领')).toBe(true)
      expect(actsOn(scene.world, incident)).toEqual([])
    })

    test('away while the other forms are sent: what was written stays', async () => {
      const page = await open()
      await page.goto(`${scene.pages}/link`)
      await page.getByLabel('APP Key', { exact: true }).fill('my-key')
      await page.context().setOffline(true)
      await button(page, '登录并关联').click()
      await page.getByRole('alert').filter({ hasText: UNANSWERED }).waitFor()
      expect(await page.getByLabel('APP Key', { exact: true }).inputValue()).toBe('my-key')
      await page.locator('details.menu > summary').click()
      await button(page, 'English').click()
      await page.locator('.menu').getByRole('alert').filter({ hasText: UNANSWERED }).waitFor()
      expect(await page.getByRole('alert').count()).toBe(1)
      await page.context().setOffline(false)
      await button(page, 'English').click()
      await page.getByRole('heading', { name: 'Link accounts' }).waitFor()
      expect(await page.evaluate('document.documentElement.lang')).toBe('en-US')
      await page.locator('details.menu > summary').click()
      await button(page, 'Log out').click()
      await page.getByText('You are logged out').waitFor()
      // The script of the login page runs although that page came in the background.
      await button(page, 'Log in').click()
      await page.getByRole('heading', { name: 'My incidents' }).waitFor()
    })

    test('back: whoever was logged out meanwhile is told that nothing was done, and can log in', async () => {
      const { incident, page } = await openIncident('登录过期')
      await page.context().clearCookies()
      await button(page, '认领').click()
      await page.getByText('登录已过期，刚才的操作未执行').waitFor()
      expect(actsOn(scene.world, incident)).toEqual([])
      await button(page, '登录').click()
      await page.getByRole('heading', { name: '我的故障' }).waitFor()
    })

    test('none of the script’s business in a client that does not say which button was pressed', async () => {
      const incident = await alert('旧客户端')
      const page = await open()
      await page.addInitScript('delete SubmitEvent.prototype.submitter')
      await page.goto(`${scene.pages}/incident/${incident.incident_id}`)
      await button(page, '认领').click()
      await page.getByText(`认领 #${incident.num}：已完成`).waitFor()
      expect(actsOn(scene.world, incident)).toHaveLength(1)
    })

    test('there: going back after an act shows the page before it, as it is now', async () => {
      const incident = await alert('后退')
      const page = await open('zh-CN', PC)
      await page.goto(`${scene.pages}/pc`)
      const item = page.getByRole('listitem').filter({ hasText: '后退' })
      await item.getByRole('button', { name: '认领' }).click()
      await page.getByText(`认领 #${incident.num}：已完成`).waitFor()
      expect(new URL(page.url()).search).toBe(`?incident=${incident.incident_id}`)
      await page.goBack()
      await page.waitForURL(`${scene.pages}/pc`)
      await item.getByRole('button', { name: '暂缓 2 小时' }).waitFor()
      expect(actsOn(scene.world, incident)).toHaveLength(1)
    })

    afterAll(() => {
      expectSilence(scene.world, scene.app.lines)
    })
  })
}
