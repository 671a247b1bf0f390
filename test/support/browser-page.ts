import { mkdtempSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Browser, BrowserContextOptions, Page } from 'playwright-core'

import type { SharedScene } from './journey.ts'
import { logIn, sessionCookieOf } from './pages.ts'
import { CONDITION_MS } from './patience.ts'
import type { Person } from './world.ts'

export const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }
export const SMALL_PHONE = { ...PHONE, viewport: { width: 320, height: 640 } }
export const PC = { viewport: { width: 1280, height: 860 } }

/** A window of its own in which this person is logged in. */
export async function openWindow(
  browser: Browser,
  scene: SharedScene,
  person: Person,
  options: BrowserContextOptions,
): Promise<Page> {
  const visitor = await logIn(scene, person)
  const context = await browser.newContext(options)
  context.setDefaultTimeout(CONDITION_MS)
  const name = sessionCookieOf(scene)
  const value = visitor.cookie(name) ?? ''
  await context.addCookies([
    { name, value, domain: new URL(scene.app.url).hostname, path: '/', httpOnly: true, secure: true },
  ])
  return context.newPage()
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

type Violation = { id: string; impact: string; nodes: { html: string }[] }

/** What axe finds serious or worse, one line each. It is put in past the page's policy, which forbids it. */
export async function seriousFindings(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page)
  const run = async (expression: string): Promise<unknown> => {
    const answer = await session.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })
    if (answer.exceptionDetails) throw new Error(answer.exceptionDetails.text)
    return answer.result.value as unknown
  }
  await run(AXE)
  const found = (await run('axe.run().then(({ violations }) => violations)')) as Violation[]
  await session.detach()
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(' | ')}`)
}

let pictures: string | undefined

/** With `SCREENSHOTS=1` the page is kept as a picture, for people to look at. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  if (!process.env['SCREENSHOTS']) return
  if (pictures === undefined) {
    pictures = mkdtempSync(join(tmpdir(), 'flashduty-dingtalk-pages-'))
    process.stderr.write(`screenshots: ${pictures}\n`)
  }
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true })
}

/** Whether something sticks out of the page to the right. */
export function isTooWide(page: Page): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth')
}
