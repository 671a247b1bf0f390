import type { Browser, BrowserContext, Page } from 'playwright-core'

import type { Overrides } from '../../src/app.ts'
import { type Bridge, bridgeScript, CODE_FUNCTION, userAgentOf } from '../sandbox/dingtalk/client-bridge.ts'
import type { User } from '../sandbox/dingtalk/types.ts'
import { findChromium, launchChromium } from './chromium.ts'
import { PATIENT_DINGTALK } from './far-deadlines.ts'
import { openFrontDoor } from './front-door.ts'
import { bootImpatient, type ImpatientApp } from './journey.ts'
import { CONDITION_MS } from './patience.ts'
import { createWorld, type World } from './world.ts'

export const PHONE = { width: 390, height: 844 }
export const PC = { width: 1280, height: 800 }

/** Undefined where there is none; the page tests are left out then, but not under `CI`. */
export const CHROMIUM = await findChromium()
if (CHROMIUM === undefined && process.env['CI']) throw new Error('the page tests need a Chromium; set CHROMIUM_PATH')

/** The daemon with its pages at an address that a browser can open, and that browser. */
export type PageScene = {
  world: World
  app: ImpatientApp
  browser: Browser
  /** Address of the integration's pages, without a slash at its end. */
  pages: string
  /** A window of its own; what its pages complain about is kept in `problems`. */
  open(look: Look): Promise<Window>
  close(): Promise<void>
}

export type Look = {
  viewport?: { width: number; height: number }
  locale?: string
  javaScript?: boolean
  /** Inside DingTalk, as this person. */
  inDingTalk?: { user: User; bridge: Bridge; codeFor?: CodeFor }
}

/** What the client answers instead of a fresh code. */
export type CodeFor = (method: string, fresh: () => string) => string

export type Window = {
  context: BrowserContext
  page: Page
  problems: string[]
  /** Names of the calls for a code, oldest first. */
  asked: string[]
}

export async function openPageScene(overrides: Overrides = {}): Promise<PageScene> {
  const door = await openFrontDoor()
  const undo: (() => Promise<void>)[] = [() => door.close()]
  const close = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    const publicUrl = `http://127.0.0.1:${door.port}/fd`
    const world = await createWorld({
      dingtalk: { ...PATIENT_DINGTALK, systemPingMs: 0, qpsPerApi: 0 },
      env: { PUBLIC_URL: publicUrl },
    })
    undo.push(() => world.close())
    const app = await bootImpatient(world, overrides)
    undo.push(() => app.stop())
    door.lead(Number(new URL(app.url).port))
    const browser = await launchChromium(CHROMIUM)
    undo.push(() => browser.close())
    const open = (look: Look): Promise<Window> => openWindow(browser, world, look)
    return { world, app, browser, pages: `${publicUrl}/h5/${world.integrationId}`, open, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function openWindow(browser: Browser, world: World, look: Look): Promise<Window> {
  const inside = look.inDingTalk
  const context = await browser.newContext({
    viewport: look.viewport ?? PHONE,
    locale: look.locale ?? 'zh-CN',
    javaScriptEnabled: look.javaScript ?? true,
    ...(inside ? { userAgent: userAgentOf(inside.bridge) } : {}),
  })
  context.setDefaultTimeout(CONDITION_MS)
  const asked: string[] = []
  const problems: string[] = []
  context.on('weberror', (error) => problems.push(error.error().message))
  context.on('console', (message) => {
    // Chromium itself says so of every answer that is no success, which the pages show in words.
    const isStatus = message.text().startsWith('Failed to load resource')
    if (message.type() === 'error' && !isStatus) problems.push(message.text())
  })
  if (inside) {
    const { clientId, corpId } = world.dingtalkApp
    await context.exposeFunction(CODE_FUNCTION, (method: string, params: { corpId?: string; clientId?: string }) => {
      asked.push(method)
      if (params.corpId !== corpId) throw new Error(`no corporation ${params.corpId}`)
      const isNewer = method.endsWith('V2')
      if (isNewer && params.clientId !== clientId) throw new Error(`no app ${params.clientId}`)
      const fresh = (): string => world.dingtalk.control.clientCode(clientId, inside.user.userId)
      return inside.codeFor ? inside.codeFor(method, fresh) : fresh()
    })
    await context.addInitScript(bridgeScript(inside.bridge))
  }
  return { context, page: await context.newPage(), problems, asked }
}
