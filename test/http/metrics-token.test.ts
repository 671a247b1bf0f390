import { afterAll, beforeAll, expect, test } from 'vitest'

import { bootImpatient, type ImpatientApp } from '../support/journey.ts'
import { createWorld, type World } from '../support/world.ts'

/** What whoever is not on this host sees of the daemon with METRICS_TOKEN. */

const TOKEN = 'scrape-me-0123456789'
const OUTSIDE = { 'x-forwarded-for': '192.0.2.7' }

let world: World
let app: ImpatientApp
beforeAll(async () => {
  world = await createWorld({ env: { METRICS_TOKEN: TOKEN } })
  app = await bootImpatient(world)
})
afterAll(async () => {
  await app.stop()
  await world.close()
})

async function get(path: string, headers: Record<string, string>) {
  const answer = await fetch(app.url + path, { headers })
  return { status: answer.status, asks: answer.headers.get('www-authenticate'), text: await answer.text() }
}

test('the token opens both from outside; nothing else does', async () => {
  const right = { ...OUTSIDE, authorization: `Bearer ${TOKEN}` }
  expect(await get('/metrics', right)).toMatchObject({
    status: 200,
    text: expect.stringContaining('flashduty_dingtalk_'),
  })
  expect(JSON.parse((await get('/readyz', right)).text)).toMatchObject({ ready: true, missing: [] })

  for (const headers of [OUTSIDE, { ...OUTSIDE, authorization: `Bearer ${TOKEN}x` }]) {
    const refused = await get('/metrics', headers)
    expect([refused.status, refused.asks]).toEqual([401, 'Bearer'])
    expect(refused.text).not.toContain('flashduty_dingtalk_')
    expect(await get('/readyz', headers)).toMatchObject({ status: 200, text: 'ok' })
  }
})

test('from this host none is needed, but a wrong one is refused', async () => {
  expect((await get('/metrics', {})).status).toBe(200)
  expect((await get('/metrics', { authorization: 'Bearer wrong' })).status).toBe(401)
})

test('the token is written down nowhere', async () => {
  const shown = await world.cli('integration', 'show')
  expect(JSON.stringify([app.lines, shown])).not.toContain(TOKEN)
})
