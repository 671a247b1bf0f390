import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

import { eventually } from '../support/eventually.ts'
import { Gate } from '../support/gate.ts'
import { expectSilence, openScene, type Scene } from '../support/journey.ts'
import { type Seen, VisitorBrowser } from '../support/visitor.ts'
import type { World } from '../support/world.ts'

/** Behind one proxy somebody hands in codes that are none: colleagues get in all the same, and DingTalk is not flooded. */

let scene: Scene
let world: World
let pages: string
beforeAll(async () => {
  scene = await openScene({ dingtalk: { qpsPerApi: 0 } })
  world = scene.world
  pages = `/fd/h5/${world.integrationId}`
})
afterEach(() => world.dingtalk.control.clearFaults())
afterAll(async () => {
  expectSilence(world, scene.app.lines)
  await scene.close()
})

const behind = (address: string) => new VisitorBrowser(scene.app.url, { 'x-forwarded-for': address })
const zhang = () => world.people.zhang.user.userId
const clientCode = () => world.dingtalk.control.clientCode(world.dingtalkApp.clientId, zhang())
const browserCode = () => world.dingtalk.control.browserCode(world.dingtalkApp.clientId, zhang())
const asked = (word: string): number =>
  world.dingtalk.journal.requests('user/getuserinfo').filter(({ body }) => JSON.stringify(body).includes(word)).length

async function flood(address: string, word: string, count: number): Promise<number[]> {
  const all = Array.from({ length: count }, (_, index) => behind(address).logIn(pages, `${word}-${index}-aaaaaaaa`))
  return (await Promise.all(all)).map(({ status }) => status)
}

async function logInByBrowser(visitor: VisitorBrowser, code: string): Promise<Seen> {
  const sent = await visitor.get(`${pages}/login/browser`)
  const state = new URL(sent.location ?? '').searchParams.get('state') ?? ''
  return visitor.get(`${pages}/login/callback?authCode=${code}&state=${state}`)
}

test('a right code gets in from an address where there were a hundred wrong ones', async () => {
  const statuses = await flood('192.0.2.70', 'junk', 100)
  expect(statuses.filter((status) => status === 401)).toHaveLength(10)
  expect(statuses.filter((status) => status === 429)).toHaveLength(90)
  expect((await behind('192.0.2.70').logIn(pages, clientCode())).status).toBe(200)
  expect((await logInByBrowser(behind('192.0.2.70'), browserCode())).status).toBe(303)
  // A wrong one goes on being told to wait.
  const wrong = await logInByBrowser(behind('192.0.2.70'), 'guessed-code')
  expect([wrong.status, wrong.text.includes('秒后重试')]).toEqual([429, true])
  const lines = scene.app.lines.filter(({ msg, level }) => msg === 'login-failed' && level !== 'debug')
  expect(lines).toHaveLength(11)
})

test('of a flood few are asked about at a time, and others do not wait for it', async () => {
  const gate = new Gate()
  world.dingtalk.control.addFault({
    api: 'user/getuserinfo',
    bodyContains: 'held',
    times: 1_000,
    effect: gate.effect,
  })
  const flooding = flood('192.0.2.71', 'held', 40)
  await eventually('some are asked about', () => gate.arrived === 8)
  expect((await behind('192.0.2.72').logIn(pages, clientCode())).status).toBe(200)
  expect((await logInByBrowser(behind('192.0.2.71'), browserCode())).status).toBe(303)
  const colleague = behind('192.0.2.71').logIn(pages, clientCode())
  expect(gate.arrived).toBe(8)
  gate.open()
  expect((await colleague).status).toBe(200)
  expect((await flooding).every((status) => status === 401 || status === 429)).toBe(true)
})

test('the same code is asked about once, and what can be none never', async () => {
  const visitor = behind('192.0.2.73')
  for (let count = 0; count < 5; count++) expect((await visitor.logIn(pages, 'repeated-code')).status).toBe(401)
  expect(asked('repeated-code')).toBe(1)
  for (const odd of ['odd one with blanks', '奇怪的奇怪的奇怪的', 'odd<>odd<>']) {
    expect((await visitor.logIn(pages, odd)).status).toBe(401)
  }
  expect(asked('odd') + asked('奇怪')).toBe(0)
})

test('a right code that comes while DingTalk throttles is not lost', async () => {
  world.dingtalk.control.addFault({
    api: 'user/getuserinfo',
    effect: {
      kind: 'answer',
      status: 200,
      body: { errcode: 90018, errmsg: '您的服务器调用钉钉开放平台当前接口的所有请求都被暂时禁用了' },
    },
  })
  expect((await behind('192.0.2.74').logIn(pages, clientCode())).status).toBe(200)
})
