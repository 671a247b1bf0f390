import { once } from 'node:events'
import { get } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { gunzipSync } from 'node:zlib'

import Database from 'better-sqlite3'

import { PHONE } from '../support/browser-page.ts'
import { findChromium, launchChromium } from '../support/chromium.ts'
import { eventually } from '../support/eventually.ts'
import { VisitorBrowser } from '../support/visitor.ts'
import type { World } from '../support/world.ts'
import { createIncidentFactory } from './incidents.ts'
import { type Finding, quantile } from './metrics.ts'
import { setStage } from './stage.ts'

/** Open incidents of the visitor, of which a page draws 50; and closed ones that lie around them. */
const OPEN = 200
const CLOSED = 100_000
const REQUESTS = 300
const PAINTS = 5

type Answer = { status: number; bytes: number; tookMs: number; text: string }

/** The pages of somebody with many open incidents in a database full of old ones. */
export async function pages(): Promise<Finding[]> {
  const port = await freePort()
  const stage = await setStage({ qps: 0, unpaced: true, env: { HTTP_PORT: String(port) } })
  try {
    const url = `http://127.0.0.1:${port}`
    const { world } = stage
    const [group] = await stage.addGroups(1)
    if (!group) throw new Error('there is no group')
    const make = await createIncidentFactory(world)
    const open = Array.from({ length: OPEN }, () => make({ group }))
    await stage.enqueue(open.flatMap((incident) => [incident.tell('new'), incident.tell('assign')]))
    await stage.jobsDone(60_000)
    const due = 'select count(*) as count from cards where deliver_due_at is not null or update_due_at is not null'
    await eventually('every card is there', () => stage.count(due) === 0, 60_000)
    fillWithClosed(world)

    const path = `/fd/h5/${world.integrationId}`
    const visitor = new VisitorBrowser(url)
    const { userId } = world.people.zhang.user
    await visitor.logIn(path, world.dingtalk.control.clientCode(world.dingtalkApp.clientId, userId))
    const name = `__Host-fd_session_${world.integrationId}`
    const session = { name, value: visitor.cookie(name) ?? '' }
    const ask = (address: string) => fetchRaw(url + address, `${session.name}=${session.value}`)
    const addresses: Record<string, string> = {
      home: `${path}/`,
      pc: `${path}/pc`,
      group: `${path}/group?cid=${encodeURIComponent(group.openConversationId)}`,
      incident: `${path}/incident/${open[0]?.incidentId}`,
      history: `${path}/history`,
      login: `${path}/login`,
    }
    const findings: Finding[] = []
    for (const [name, address] of Object.entries(addresses)) {
      findings.push({ metric: `pages.bytes.${name}`, unit: 'B', values: [await weigh(ask, address)] })
      const times: number[] = []
      for (let count = 0; count < REQUESTS; count++) times.push((await ask(address)).tookMs)
      const sorted = times.slice(10).toSorted((a, b) => a - b)
      findings.push({ metric: `pages.server_ms.p50.${name}`, unit: 'ms', values: [quantile(sorted, 0.5)] })
      findings.push({ metric: `pages.server_ms.p99.${name}`, unit: 'ms', values: [quantile(sorted, 0.99)] })
    }
    return [...findings, ...(await paint(url, session, addresses))]
  } finally {
    await stage.close()
  }
}

/** The page and all that it loads, as they go over the wire. */
async function weigh(ask: (address: string) => Promise<Answer>, address: string): Promise<number> {
  const page = await ask(address)
  if (page.status !== 200) throw new Error(`${address} was answered ${page.status}`)
  const assets = [...page.text.matchAll(/(?:src|href)="([^"]*\/assets\/[^"]+)"/g)].map(([, asset = '']) => asset)
  let bytes = page.bytes
  for (const asset of assets) bytes += (await ask(asset)).bytes
  return bytes
}

/** First contentful paint of a phone that has been nowhere yet. */
async function paint(
  url: string,
  session: { name: string; value: string },
  addresses: Record<string, string>,
): Promise<Finding[]> {
  const executablePath = await findChromium()
  if (executablePath === undefined) {
    console.error('no Chromium found: first paint was left out')
    return []
  }
  const browser = await launchChromium(executablePath)
  try {
    const findings: Finding[] = []
    for (const [name, address] of Object.entries(addresses)) {
      const values: number[] = []
      for (let count = 0; count < PAINTS; count++) {
        const context = await browser.newContext(PHONE)
        await context.addCookies([{ ...session, domain: new URL(url).hostname, path: '/', secure: true }])
        const page = await context.newPage()
        await page.goto(url + address)
        const painted = `new Promise((resolve) => new PerformanceObserver((list) => {
          const found = list.getEntriesByName('first-contentful-paint')[0]
          if (found) resolve(found.startTime)
        }).observe({ type: 'paint', buffered: true }))`
        values.push(await page.evaluate(painted))
        await context.close()
      }
      findings.push({ metric: `pages.first_paint_ms.${name}`, unit: 'ms', values })
    }
    return findings
  } finally {
    await browser.close()
  }
}

function fetchRaw(url: string, cookie: string): Promise<Answer> {
  const startedAt = performance.now()
  return new Promise((resolve, reject) => {
    get(url, { headers: { cookie, 'accept-encoding': 'gzip' } }, (answer) => {
      const parts: Buffer[] = []
      answer.on('data', (part: Buffer) => parts.push(part))
      answer.on('end', () => {
        const tookMs = performance.now() - startedAt
        const body = Buffer.concat(parts)
        const text =
          answer.headers['content-encoding'] === 'gzip' ? gunzipSync(body).toString('utf8') : body.toString('utf8')
        resolve({ status: answer.statusCode ?? 0, bytes: body.length, tookMs, text })
      })
    }).once('error', reject)
  })
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Old incidents like the stored ones, with their cards in the visitor's chat and the records of them. */
function fillWithClosed(world: World): void {
  const db = new Database(world.config.databasePath, { timeout: 10_000 })
  const copy = (table: string, changed: Record<string, string>): void => {
    const columns = (db.pragma(`table_info(${table})`) as { name: string }[]).map(({ name }) => name)
    const values = columns.map((name) => changed[name] ?? `model.${name}`)
    db.prepare(
      `with recursive old(n) as (select 1 union all select n + 1 from old where n < ${CLOSED})
       insert into ${table} (${columns.join(', ')})
       select ${values.join(', ')} from old, (select * from ${table} limit 1) as model`,
    ).run()
  }
  const past = 'model.created_at - n * 1000'
  db.transaction(() => {
    copy('incidents', { incident_id: `'old-' || n`, progress: `'Closed'` })
    copy('cards', {
      out_track_id: `'fd-old-' || n`,
      incident_id: `'old-' || n`,
      deliver_due_at: 'null',
      update_due_at: 'null',
    })
    copy('placements', {
      out_track_id: `'fd-old-' || n`,
      kind: `'person'`,
      target_id: `'${world.people.zhang.user.userId}'`,
      status: `'delivered'`,
      updated_at: 'model.updated_at - n * 1000',
    })
    copy('records', {
      record_key: `'old-' || n`,
      incident_id: `'old-' || n`,
      kind: `'person'`,
      target_id: `'${world.people.zhang.user.userId}'`,
      status: `'success'`,
      out_track_id: 'null',
      created_at: past,
    })
  }).immediate()
  db.close()
}
