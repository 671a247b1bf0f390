import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { startFlashduty } from './index.ts'
import type { FlashdutySandbox, Member, WebhookRow } from './types.ts'

// F people 7.2: OA "Query webhook history"; the pages on incident webhooks.

type Page = { items: WebhookRow[]; has_next_page: boolean; search_after_ctx?: string }

let flashduty: FlashdutySandbox
let channelId: number
let li: Member
let status: number
let url: string
const server = createServer((_request, response) => void response.writeHead(status).end())

beforeEach(async () => {
  status = 200
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?token=abc`
  flashduty = await startFlashduty({ webhookUrl: url })
  channelId = flashduty.control.createChannel('支付核心').channel_id
  li = flashduty.control.createMember({ member_name: '李雷' })
})
afterEach(async () => {
  await flashduty.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const fire = () => flashduty.control.fireIncident({ title: '磁盘将满', channelId, personIds: [li.member_id] })
const around = () => ({ start_time: Date.now() - 60_000, end_time: Date.now() + 60_000, limit: 100 })

async function ask(body: object): Promise<{ status: number; code: string | undefined; page: Page }> {
  const answer = await fetch(`${flashduty.apiUrl}/webhook/history/list?app_key=${li.app_key}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  const { data, error } = (await answer.json()) as { data: Page; error?: { code: string } }
  return { status: answer.status, code: error?.code, page: data }
}

describe('the history of webhooks', () => {
  test('has what was pushed, its text, where to and what came of it; newest first', async () => {
    const incident = await fire()
    status = 503
    await flashduty.control.act(incident.incident_id, 'resolve')
    const { page } = await ask(around())
    const [resolved, assigned, created] = page.items
    expect(page.items.map((row) => [row.event_type, row.status, row.status_code, row.attempt])).toEqual([
      ['i_rslv', 'failed', 503, 1],
      ['i_assign', 'success', 200, 1],
      ['i_new', 'success', 200, 1],
    ])
    expect(created).toMatchObject({ endpoint: url, ref_id: incident.incident_id, channel_id: channelId })
    expect(JSON.parse(assigned?.request_body ?? '')).toEqual(flashduty.control.events()[1])
    expect(resolved).toMatchObject({ error_message: 'Status Code 503', event_time: expect.any(Number) })
    expect(page.has_next_page).toBe(false)
  })

  test('has what nobody was there for', async () => {
    await new Promise((resolve) => server.close(resolve))
    await fire()
    const { page } = await ask(around())
    expect(page.items.map((row) => [row.status, row.status_code])).toEqual([
      ['failed', 0],
      ['failed', 0],
    ])
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })

  test('is read page by page with search_after_ctx, and by status, type and order', async () => {
    for (let times = 0; times < 3; times++) await fire()
    const seen: string[] = []
    let context: string | undefined
    do {
      const { page } = await ask({ ...around(), limit: 4, asc: true, search_after_ctx: context })
      seen.push(...page.items.map((row) => row.event_id))
      context = page.search_after_ctx
      expect(page.has_next_page).toBe(context !== undefined)
    } while (context !== undefined)
    expect([...seen].sort()).toEqual(
      flashduty.control
        .events()
        .map((event) => event.event_id)
        .sort(),
    )
    expect((await ask({ ...around(), status: 'failed' })).page.items).toEqual([])
    expect((await ask({ ...around(), event_types: ['i_new'] })).page.items).toHaveLength(3)
  })

  test('goes back seven days', async () => {
    await fire()
    const all = { start_time: 1, end_time: Date.now() + 60_000, limit: 100 }
    flashduty.control.ageWebhookHistory(7 * 86_400_000 - 60_000)
    expect((await ask(all)).page.items).toHaveLength(2)
    flashduty.control.ageWebhookHistory(120_000)
    expect((await ask(all)).page.items).toEqual([])
  })

  test('needs 集成中心查看', async () => {
    li.may_see_integrations = false
    expect(await ask(around())).toMatchObject({ status: 403, code: 'AccessDenied' })
  })

  test.each([
    ['no start', { start_time: undefined }],
    ['seconds with a fraction', { start_time: 1.5 }],
    ['an end before its start', { end_time: 1 }],
    ['no limit', { limit: undefined }],
    ['a limit of 0', { limit: 0 }],
    ['a limit of 101', { limit: 101 }],
    ['another status', { status: 'lost' }],
    ['types that are no list', { event_types: 'i_new' }],
    ['a context of its own', { search_after_ctx: 'x' }],
  ])('refuses %s', async (_what, wrong) => {
    expect(await ask({ ...around(), ...wrong })).toMatchObject({ status: 400, code: 'InvalidParameter' })
  })
})
