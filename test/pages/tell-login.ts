import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import type { Page } from 'playwright-core'
import type { User } from '../sandbox/dingtalk/types.ts'
import type { Member } from '../sandbox/flashduty/types.ts'
import { isTooWide, keepPicture, seriousFindings } from '../support/browser-page.ts'
import { changeIntegration } from '../support/journey.ts'
import { CHROMIUM, type Look, openPageScene, PC, type PageScene, PHONE, type Window } from '../support/page-scene.ts'

const NEWER = 'runtime.permission.requestAuthCodeV2'
const OLDER = 'runtime.permission.requestAuthCode'

let scene: PageScene
let zhang: User
const windows: Window[] = []

async function open(look: Look): Promise<Window> {
  const window = await scene.open(look)
  windows.push(window)
  return window
}

const says = ({ page }: Window, text: string): Promise<void> => page.getByText(text).first().waitFor()

/** Somebody who never opened the app, and the member they are at Flashduty. */
let newcomers = 0
function createNewcomer(name: string): { user: User; member: Member } {
  newcomers += 1
  const member = scene.world.flashduty.control.createMember({
    member_name: name,
    email: `newcomer${newcomers}@example.com`,
  })
  return { user: scene.world.dingtalk.control.createUser({ name, orgEmail: member.email }), member }
}

async function memberOf(user: User): Promise<number | undefined> {
  const links = JSON.parse((await scene.world.cli('links', 'list', '--json')).out) as {
    dingtalkUser: string
    member: number
  }[]
  return links.find(({ dingtalkUser }) => dingtalkUser === user.userId)?.member
}

/** @param clients `one`: what is seen on each device and in each language is seen on one; `all`: on each */
export function tellLogin(clients: 'one' | 'all'): void {
  const some = <T>(list: readonly T[], count = 1): readonly T[] => (clients === 'all' ? list : list.slice(0, count))

  describe.runIf(CHROMIUM !== undefined)('in a real browser', () => {
    beforeAll(async () => {
      scene = await openPageScene()
      zhang = scene.world.people.zhang.user
      const service = scene.world.flashduty.control.createMember({ member_name: '集成', email: 'service@example.com' })
      await changeIntegration(scene, '--flashduty-key', service.app_key)
    })
    afterAll(() => scene?.close())
    afterEach(async () => {
      const complaints = windows.flatMap(({ problems }) => problems)
      for (const { context } of windows.splice(0)) await context.close()
      scene.world.flashduty.control.clearFaults()
      if (complaints.length > 0) throw new Error(`the pages complained: ${complaints.join('; ')}`)
    })

    test.each(
      some([
        ['iPhone', 'ios', PHONE],
        ['Android', 'android', PHONE],
        ['PC', 'pc', PC],
      ] as const),
    )(
      '%s: the first visit logs in and links with one tap; the next needs neither',
      async (_name, platform, viewport) => {
        const { user, member } = createNewcomer(`新人${platform}`)
        const window = await open({ viewport, inDingTalk: { user, bridge: { platform } } })
        await window.page.goto(`${scene.pages}/link`)
        await says(window, `你好，${user.name}`)
        expect(window.asked).toEqual([NEWER])
        await window.page.getByRole('button', { name: '是我，立即关联' }).click()
        await says(window, `当前已关联 Flashduty 成员：${member.member_name}`)
        expect(new URL(window.page.url()).pathname).toBe(new URL(`${scene.pages}/`).pathname)
        expect(await memberOf(user)).toBe(member.member_id)

        const later = await window.context.newPage()
        await later.goto(`${scene.pages}/link`)
        await later.getByText(`当前已关联 Flashduty 成员：${member.member_name}`).waitFor()
        expect(window.asked).toEqual([NEWER])
      },
    )

    test.each(
      some(
        [
          ['does not know the newer way', { platform: 'ios', newer: 'absent' }, [OLDER]],
          ['has lost the older way', { platform: 'android', version: '6.5.20', older: 'fails' }, [NEWER]],
          ['refuses the newer way', { platform: 'pc', newer: 'fails' }, [OLDER]],
          [
            'is old, so that the older way comes first',
            { platform: 'android', version: '6.5.20', newer: 'hangs' },
            [OLDER],
          ],
        ] as const,
        2,
      ),
    )('a client that %s', async (_what, bridge, asked) => {
      const window = await open({ inDingTalk: { user: zhang, bridge } })
      await window.page.goto(`${scene.pages}/link`)
      await says(window, '你好，张三')
      expect(window.asked).toEqual(asked)
    })

    test('a code that is no good is replaced by a fresh one, once; then there are words and a button', async () => {
      const { clientId } = scene.world.dingtalkApp
      const spoilt = (): string => scene.world.dingtalk.control.browserCode(clientId, zhang.userId)
      const answers = ['bad', 'good', 'bad', 'bad', 'good']
      const codeFor = (_method: string, fresh: () => string): string => (answers.shift() === 'bad' ? spoilt() : fresh())
      const lucky = await open({ inDingTalk: { user: zhang, bridge: { platform: 'ios' }, codeFor } })
      await lucky.page.goto(`${scene.pages}/link`)
      await says(lucky, '你好，张三')
      expect(lucky.asked).toEqual([NEWER, NEWER])

      const window = await open({ inDingTalk: { user: zhang, bridge: { platform: 'ios' }, codeFor } })
      await window.page.goto(`${scene.pages}/link`)
      await says(window, '授权已失效')
      expect(window.asked).toEqual([NEWER, NEWER])
      await window.page.getByRole('button', { name: '重试' }).click()
      await says(window, '你好，张三')
    })

    test('a client that refuses, never answers, or is not there: words, and the way through the login page', async () => {
      const bridges = [
        { platform: 'pc', newer: 'hangs', older: 'hangs' },
        { platform: 'ios', newer: 'fails', older: 'fails' },
        { platform: 'android', missing: true },
      ] as const
      await Promise.all(
        some(bridges).map(async (bridge) => {
          const window = await open({ inDingTalk: { user: zhang, bridge } })
          await window.page.goto(`${scene.pages}/link`)
          await says(window, '钉钉客户端未能提供登录授权')
          expect(await window.page.getByRole('button', { name: '重试' }).isVisible()).toBe(true)
          await window.page.getByRole('link', { name: '使用钉钉账号登录' }).click()
          await window.page.getByRole('link', { name: '以 张三 登录', exact: true }).click()
          await says(window, '你好，张三')
        }),
      )
    })

    test('a slow network: the page says so, and gets there', async () => {
      const window = await open({ inDingTalk: { user: zhang, bridge: { platform: 'ios' } } })
      let letGo = (): void => {}
      const held = new Promise<void>((resolve) => (letGo = resolve))
      await window.page.route('**/login', async (route) => {
        await held
        await route.continue()
      })
      await window.page.goto(`${scene.pages}/link`)
      await says(window, '网络较慢，仍在登录')
      letGo()
      await says(window, '你好，张三')
      expect(window.asked).toEqual([NEWER])
    })

    test('no network, or no script: never an empty page', async () => {
      const window = await open({ inDingTalk: { user: zhang, bridge: { platform: 'ios' } } })
      await window.page.route('**/login', (route) => route.abort())
      await window.page.goto(`${scene.pages}/link`)
      await says(window, '网络不通，未能登录')
      await window.page.unroute('**/login')
      await window.page.getByRole('button', { name: '重试' }).click()
      await says(window, '你好，张三')

      const lost = await open({ inDingTalk: { user: zhang, bridge: { platform: 'ios' } } })
      await lost.page.route('**/assets/**', (route) => route.abort())
      await lost.page.goto(`${scene.pages}/link`)
      await lost.page.getByRole('link', { name: '使用钉钉账号登录' }).click()
      await lost.page.getByRole('link', { name: '以 张三 登录', exact: true }).click()
      await says(lost, '你好，张三')
      expect(lost.asked).toEqual([])
    })

    test('a browser that keeps no cookies is told so instead of going round in circles', async () => {
      const window = await open({ inDingTalk: { user: zhang, bridge: { platform: 'ios' } } })
      await window.page.route('**/login', async (route) => {
        const response = await route.fetch()
        const { 'set-cookie': _cookie, ...headers } = response.headers()
        // Playwright has kept it by now.
        await window.context.clearCookies()
        await route.fulfill({ response, headers })
      })
      await window.page.goto(`${scene.pages}/link`)
      await says(window, '浏览器未保存登录状态')
      expect(window.asked).toHaveLength(1)
    })

    test('logged out, nobody is logged in again until they ask for it', async () => {
      const window = await open({ inDingTalk: { user: zhang, bridge: { platform: 'ios' } } })
      await window.page.goto(`${scene.pages}/link`)
      await says(window, '你好，张三')
      await window.page.goto(`${scene.pages}/login?out=1`)
      await says(window, '你已退出登录')
      expect(window.asked).toHaveLength(1)
      await window.page.getByRole('button', { name: '登录', exact: true }).click()
      await window.page.waitForURL(`${scene.pages}/`)
      expect(window.asked).toHaveLength(2)
    })

    test('a plain browser, in English and without scripts: through DingTalk’s login page, the right corporation only', async () => {
      const { page } = await open({ viewport: PC, locale: 'en-US', javaScript: false })
      await page.goto(`${scene.pages}/link`)
      await page.getByRole('link', { name: 'Log in with DingTalk' }).click()
      await page.getByRole('link', { name: '以其他企业的' }).click()
      await page.getByText('another organisation').waitFor()
      await page.getByRole('link', { name: 'Log in with DingTalk' }).click()
      await page.getByRole('link', { name: '取消' }).click()
      await page.getByText('The login was cancelled').waitFor()
      await page.getByRole('link', { name: 'Log in with DingTalk' }).click()
      await page.getByRole('link', { name: '以 张三 登录', exact: true }).click()
      await page.getByText('Hello, 张三').waitFor()
      expect(page.url()).toBe(`${scene.pages}/link`)
    })

    test.for(
      some([
        ['en-US', 'dark'],
        ['zh-CN', 'light'],
      ] as const),
    )('in %s, %s: logging in and linking can be read by everybody and fits', async ([locale, colorScheme]) => {
      const words = (chinese: string, english: string): string => (locale === 'zh-CN' ? chinese : english)
      const begin = async (more: Look): Promise<Page> => {
        const { page } = await open({ locale, ...more })
        await page.emulateMedia({ colorScheme })
        return page
      }
      let turns = 0
      const check = async (page: Page, what: string): Promise<void> => {
        turns += 1
        const devices = Object.entries({ phone: PHONE, pc: PC })
        const mine = clients === 'all' ? devices : devices.filter((_, index) => index === turns % 2)
        for (const [device, viewport] of mine) {
          await page.setViewportSize(viewport)
          await keepPicture(page, `${locale}-${device}-${what}`)
          const found = await seriousFindings(page)
          expect({ what, device, found, tooWide: await isTooWide(page) }).toMatchObject({ found: [], tooWide: false })
        }
      }

      const { user } = createNewcomer(`读者${locale}`)
      const blocked = await begin({ inDingTalk: { user, bridge: { platform: 'ios', newer: 'fails', older: 'fails' } } })
      await blocked.goto(`${scene.pages}/link`)
      await blocked.getByRole('button', { name: words('重试', 'Try again') }).waitFor()
      await check(blocked, 'login-blocked')

      const page = await begin({})
      const toDingTalk = page.getByRole('link', { name: words('使用钉钉账号登录', 'Log in with DingTalk') })
      await page.goto(`${scene.pages}/link`)
      await check(page, 'login')
      await toDingTalk.click()
      await page.getByRole('link', { name: '以其他企业的' }).click()
      await page.getByText(words('企业与此应用不一致', 'another organisation')).waitFor()
      await check(page, 'login-elsewhere')
      await toDingTalk.click()
      await page.getByRole('link', { name: `以 ${user.name} 登录`, exact: true }).click()
      await page.getByLabel('APP Key', { exact: true }).fill('nonsense')
      await page.getByRole('button', { name: words('登录并关联', 'Sign in and link') }).click()
      await page.getByRole('alert').waitFor()
      await check(page, 'link-wrong-key')
      await page.getByRole('button', { name: words('是我，立即关联', 'Yes, link me') }).click()
      await page.waitForURL(`${scene.pages}/?linked=1`)
      await page.goto(`${scene.pages}/link`)
      await check(page, 'link-now')
      await page.getByRole('button', { name: words('解除关联', 'Unlink') }).click()
      await page.getByText(words('已解除关联', 'You are no longer linked'), { exact: true }).waitFor()
      await check(page, 'link-undone')
    })

    test('by key and keyboard alone, while Flashduty’s list is down; another account; and none', async () => {
      const { user, member } = createNewcomer('键盘')
      const other = scene.world.flashduty.control.createMember({ member_name: '另一个' })
      const effect = { kind: 'error', status: 500, code: 'InternalError', message: 'x' } as const
      scene.world.flashduty.control.addFault({ path: '/member/list', times: 99, effect })
      const window = await open({ viewport: PC, inDingTalk: { user, bridge: { platform: 'pc' } } })
      const { page } = window
      await page.goto(`${scene.pages}/link`)
      await says(window, '暂时无法自动查找你的 Flashduty 成员（Flashduty 服务暂不可用）')
      const key = page.getByLabel('APP Key', { exact: true })
      await key.focus()
      await page.keyboard.type('nonsense')
      await page.keyboard.press('Enter')
      await page.getByRole('alert').getByText('APP Key 无效').waitFor()
      await key.focus()
      await page.keyboard.type(member.app_key)
      await page.keyboard.press('Enter')
      await says(window, `当前已关联 Flashduty 成员：${member.member_name}`)
      expect(await memberOf(user)).toBe(member.member_id)

      await page.goto(`${scene.pages}/link`)
      await says(window, '切换账户：用另一个账户')
      await key.fill(other.app_key)
      await page.getByRole('button', { name: '登录并关联' }).click()
      await says(window, `当前已关联 Flashduty 成员：${other.member_name}`)
      expect(await memberOf(user)).toBe(other.member_id)

      await page.goto(`${scene.pages}/link`)
      await page.getByRole('button', { name: '解除关联' }).click()
      await says(window, '已解除关联')
      expect(await memberOf(user)).toBeUndefined()
    })
  })
}
