import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import type { Incident } from '../sandbox/flashduty/types.ts'
import { openWindow, PC, PHONE } from '../support/browser-page.ts'
import { launchChromium } from '../support/chromium.ts'
import { eventually } from '../support/eventually.ts'
import { actsOn, expectSilence, fire, inGroup, openScene, recordsOf, type Scene } from '../support/journey.ts'
import { HeldPatience } from '../support/held-patience.ts'
import { CHROMIUM } from '../support/page-scene.ts'
import { logIn, pageWith, pathOfPages } from '../support/pages.ts'
import { VisitorClock } from '../support/visitor-clock.ts'
import type { Person, World } from '../support/world.ts'

/** What takes longer than a person waits: the page says that it is under way, and by itself what became of it. */

/** The second try comes when the test lets so much time pass. */
const RETRY_MS = 300_000
const UNAVAILABLE = { kind: 'error', status: 503, code: 'ServiceUnavailable', message: 'busy' } as const
const NO_LICENSE = { kind: 'error', status: 400, code: 'NoLicense', message: 'no seat' } as const

/** @param pages `some`: with and without scripts; `all`: each that can show a result */
export function tellLateResults(pages: 'some' | 'all'): void {
  describe.runIf(CHROMIUM !== undefined)('a late result', () => {
    let browser: Browser
    let scene: Scene
    let world: World
    let zhang: Person
    const clock = new VisitorClock()
    const patience = new HeldPatience()
    const windows: { page: Page; problems: string[] }[] = []

    beforeAll(async () => {
      browser = await launchChromium(CHROMIUM)
      scene = await openScene({
        overrides: { clock, sweepMs: 500, action: { ...patience.settings, retryMs: RETRY_MS } },
      })
      world = scene.world
      zhang = world.people.zhang
    })
    afterAll(async () => {
      await browser?.close()
      await scene?.close()
    })
    afterEach(async () => {
      world.flashduty.control.clearFaults()
      patience.end()
      const problems = windows.flatMap((window) => window.problems)
      for (const { page } of windows.splice(0)) await page.context().close()
      if (problems.length > 0) throw new Error(`the pages complained: ${problems.join('; ')}`)
    })

    async function open(options: BrowserContextOptions): Promise<Page> {
      const page = await openWindow(browser, scene, zhang, { locale: 'zh-CN', ...options })
      const problems: string[] = []
      page.on('pageerror', (error) => problems.push(error.message))
      windows.push({ page, problems })
      return page
    }

    async function alert(title: string): Promise<Incident> {
      const incident = await fire(world, {
        title,
        responderIds: [zhang.member.member_id],
        chats: [inGroup(world.groups.oncall)],
      })
      await pageWith(await logIn(scene, zhang), `${pathOfPages(scene)}/`, title)
      return incident
    }

    /** Flashduty is tried again, once the first try has been given up. */
    async function passPause(incident: Incident): Promise<void> {
      await eventually('it is to be tried again', async () =>
        (await recordsOf(world, incident)).some(({ kind, status }) => kind === 'action' && status === 'retrying'),
      )
      clock.advance(RETRY_MS)
    }

    const done = (incident: Incident) => actsOn(world, incident).filter(({ status }) => status === 200)
    const group = () => `/group?cid=${encodeURIComponent(world.groups.oncall.openConversationId)}`
    const buttonOf = (page: Page, incident: Incident, name: string) =>
      page
        .getByRole('group', { name: `对 #${incident.num} 的操作` })
        .first()
        .getByRole('button', { name, exact: true })

    const PAGES: [string, BrowserContextOptions, (incident: Incident) => string][] = [
      ['the home page', PHONE, () => '/'],
      ['the home page without scripts', { ...PHONE, javaScriptEnabled: false }, () => '/'],
      ['the PC home page', PC, (incident) => `/pc?incident=${incident.incident_id}`],
      ['the incident', PHONE, ({ incident_id: id }) => `/incident/${id}`],
      ['the group', PHONE, group],
    ]
    test.each(pages === 'all' ? PAGES : PAGES.slice(0, 2))(
      '%s follows to the good end',
      async (name, options, path) => {
        const incident = await alert(`慢：${name}`)
        const page = await open(options)
        await page.goto(scene.app.url + pathOfPages(scene) + path(incident))
        world.flashduty.control.addFault({ path: '/incident/ack', effect: { kind: 'hang' } })
        const clicked = buttonOf(page, incident, '认领').click()
        await eventually('somebody waits', () => patience.waiting === 1)
        patience.end()
        await clicked
        await page.getByText(`认领 #${incident.num}：正在向 Flashduty 提交，本页会自动更新`).waitFor()
        await passPause(incident)
        await page.getByText(`认领 #${incident.num}：已完成`).waitFor()
        await buttonOf(page, incident, '暂缓 2 小时').waitFor()
        expect(done(incident)).toHaveLength(1)
        if (options.javaScriptEnabled !== false) expect(page.url()).not.toMatch(/did=|sig=/)
      },
    )

    test('and to the bad one, in English too', async () => {
      const incident = await alert('没有席位')
      const page = await open({ ...PHONE, locale: 'en-US' })
      await page.goto(`${scene.app.url}${pathOfPages(scene)}/incident/${incident.incident_id}`)
      world.flashduty.control.addFault({ path: '/incident/ack', effect: UNAVAILABLE })
      world.flashduty.control.addFault({ path: '/incident/ack', effect: NO_LICENSE })
      await page.getByRole('button', { name: 'Acknowledge' }).click()
      await page.getByText('on its way to Flashduty; this page follows by itself').waitFor()
      await passPause(incident)
      const note = page.getByRole('alert')
      await note.waitFor()
      expect(await note.textContent()).toContain(`Acknowledge #${incident.num}: not done. No licence`)
      await page.getByRole('button', { name: 'Acknowledge' }).waitFor()
    })

    test('each act is followed for itself, and what is being written meanwhile is kept', async () => {
      const incident = await alert('一个接一个')
      const page = await open(PHONE)
      await page.goto(`${scene.app.url}${pathOfPages(scene)}/incident/${incident.incident_id}`)
      await buttonOf(page, incident, '认领').click()
      await page.getByText('认领').and(page.getByText('已完成')).waitFor()
      world.flashduty.control.addFault({ path: '/incident/resolve', effect: UNAVAILABLE })
      await buttonOf(page, incident, '关闭').click()
      await page.getByText(`关闭 #${incident.num}：正在向 Flashduty 提交`).waitFor()
      await passPause(incident)
      await page.getByText(`关闭 #${incident.num}：已完成`).waitFor()
      world.flashduty.control.addFault({ path: '/incident/reopen', effect: UNAVAILABLE })
      const reopen = page.locator('details.reopen > summary')
      await reopen.click()
      const field = page.getByLabel('重新打开的原因')
      await field.fill('又来了')
      await page.getByRole('button', { name: '重新打开' }).click()
      await page.getByText(`重新打开 #${incident.num}：正在向 Flashduty 提交`).waitFor()
      await reopen.click()
      await page.getByLabel('重新打开的原因').fill('还没写完')
      await passPause(incident)
      await page.getByText(`重新打开 #${incident.num}：已完成`).waitFor()
      expect(await page.getByLabel('重新打开的原因').inputValue()).toBe('还没写完')
    })

    test('a network that is away meanwhile leaves the page as it is, and is waited for', async () => {
      const incident = await alert('断网等结果')
      const page = await open(PHONE)
      await page.goto(`${scene.app.url}${pathOfPages(scene)}/`)
      world.flashduty.control.addFault({ path: '/incident/ack', effect: UNAVAILABLE })
      await buttonOf(page, incident, '认领').click()
      await page.getByText(`认领 #${incident.num}：正在向 Flashduty 提交`).waitFor()
      const failed = page.waitForEvent('requestfailed')
      await page.context().setOffline(true)
      await failed
      expect(await page.getByText('本页会自动更新').count()).toBe(1)
      await page.context().setOffline(false)
      await passPause(incident)
      await page.getByText(`认领 #${incident.num}：已完成`).waitFor()
    })

    afterAll(() => {
      expectSilence(world, scene.app.lines, { errors: ['click-failed'] })
    })
  })
}
