import { afterEach, expect } from 'vitest'

import { type SharedScene, useScene } from './journey.ts'
import { VisitorClock } from './visitor-clock.ts'
import { VisitorBrowser } from './visitor.ts'
import type { World } from './world.ts'

export type Who = keyof World['people']

/** A page that is nobody else's to change: it greets whoever is logged in. */
export const PAGE = '/link'

export type LoginScene = SharedScene & {
  /** Of the daemon. */
  clock: VisitorClock
  /** Path of the pages, with the prefix of PUBLIC_URL. */
  readonly pages: string
  browser: (headers?: Record<string, string>) => VisitorBrowser
  clientCode: (who: Who) => string
  sessionCookie: (id?: string) => string
  logIn: (who: Who) => Promise<VisitorBrowser>
  /** The name by which the page greets them; undefined for whoever is not logged in. */
  greets: (visitor: VisitorBrowser) => Promise<string | undefined>
  /** A second integration of the daemon, with an app of its own. */
  addAnother: () => Promise<{ id: string; clientId: string }>
}

/** The scene of all tests of a file that log people in; faults of DingTalk end with each. */
export function useLoginScene(): LoginScene {
  const clock = new VisitorClock()
  const scene = useScene({ dingtalk: { qpsPerApi: 0 }, overrides: { clock } })
  const pages = (): string => `/fd/h5/${scene.world.integrationId}`
  const browser = (headers?: Record<string, string>) => new VisitorBrowser(scene.app.url, headers)
  const clientCode = (who: Who): string => {
    const { dingtalk, dingtalkApp, people } = scene.world
    return dingtalk.control.clientCode(dingtalkApp.clientId, people[who].user.userId)
  }
  afterEach(() => scene.world.dingtalk.control.clearFaults())
  return {
    get world() {
      return scene.world
    },
    get app() {
      return scene.app
    },
    get pages() {
      return pages()
    },
    clock,
    browser,
    clientCode,
    sessionCookie: (id = scene.world.integrationId) => `__Host-fd_session_${id}`,
    async logIn(who) {
      const visitor = browser()
      expect((await visitor.logIn(pages(), clientCode(who))).status).toBe(200)
      return visitor
    },
    async greets(visitor) {
      return /你好，([^<]*)</.exec((await visitor.get(pages() + PAGE)).text)?.[1]
    },
    async addAnother() {
      const other = scene.world.dingtalk.control.createApp()
      const form = { name: '另一个', 'corp-id': other.corpId, 'agent-id': other.agentId, 'client-id': other.clientId }
      const secrets = { 'client-secret': other.clientSecret, 'aes-key': 'b'.repeat(43), token: 'demoToken02' }
      const fields = Object.entries({ ...form, ...secrets }).flatMap(([name, value]) => [`--${name}`, value])
      const added = await scene.world.cli('integration', 'add', '--json', ...fields)
      const { id } = JSON.parse(added.out) as { id: string }
      return { id, clientId: other.clientId }
    },
  }
}
