import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startFlashduty } from './index.ts'
import type { FlashdutySandbox, Incident, Member } from './types.ts'
import { useProperties } from '../../support/properties.ts'

useProperties(60)

let flashduty: FlashdutySandbox
let channelId: number
let li: Member
let wang: Member

beforeEach(async () => {
  flashduty = await startFlashduty({ integrationId: 2_490_121_812_131 })
  channelId = flashduty.control.createChannel('支付核心').channel_id
  li = flashduty.control.createMember({ member_name: '李雷', email: 'lilei@example.com', phone: '13800138000' })
  wang = flashduty.control.createMember({ member_name: '王芳' })
})

afterEach(() => flashduty.close())

type Reply = { status: number; headers: Headers; body: { request_id: string; data?: unknown; error?: ReplyError } }
type ReplyError = { code: string; message: string }

async function call(path: string, body: unknown, as: Member = li, init: RequestInit = {}): Promise<Reply> {
  const response = await fetch(`${flashduty.apiUrl}${path}?app_key=${as.app_key}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...init,
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Reply['body'] }
}

async function outcome(path: string, body: unknown, as: Member = li): Promise<string> {
  const { status, body: reply } = await call(path, body, as)
  return `${status} ${reply.error?.code ?? 'done'}`
}

function fire(fields: Partial<Parameters<typeof flashduty.control.fireIncident>[0]> = {}): Promise<Incident> {
  return flashduty.control.fireIncident({ title: 'db-01 磁盘将满', channelId, personIds: [li.member_id], ...fields })
}

function typesOf(incidentId: string): string[] {
  const all = flashduty.control.events().filter((event) => event.incident.incident_id === incidentId)
  return all.map((event) => event.event_type)
}

describe('the envelope', () => {
  test('success carries data and a request id, in the body and in the header', async () => {
    const incident = await fire()
    const { status, headers, body } = await call('/incident/ack', { incident_ids: [incident.incident_id] })
    expect({ status, data: body.data }).toEqual({ status: 200, data: {} })
    expect(body.request_id).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/)
    expect(headers.get('Flashcat-Request-Id')).toBe(body.request_id)
  })

  test('a refusal is worded in the language asked for', async () => {
    const path = '/incident/info'
    const body = JSON.stringify({ incident_id: '0'.repeat(24) })
    const zh = await call(path, body, li, {
      headers: { 'Content-Type': 'application/json', 'Accept-Language': 'zh-CN' },
    })
    expect(zh.body.error).toEqual({ code: 'ResourceNotFound', message: `故障 ${'0'.repeat(24)} 不存在` })
    expect((await call(path, body)).body.error?.message).toBe(`Incident ${'0'.repeat(24)} not found`)
  })

  test.each([
    ['an unknown path', '/incident/mute', {}, '404 RouteNotFound'],
    ['a path of Object.prototype', '/constructor', {}, '404 RouteNotFound'],
    ['no JSON', '/incident/ack', '{', '400 BadRequest'],
    ['a list', '/incident/ack', [], '400 InvalidParameter'],
    ['no ids', '/incident/ack', {}, '400 InvalidParameter'],
    ['zero ids', '/incident/ack', { incident_ids: [] }, '400 InvalidParameter'],
    [
      '101 ids',
      '/incident/ack',
      { incident_ids: Array.from({ length: 101 }, () => 'a'.repeat(24)) },
      '400 InvalidParameter',
    ],
    ['an odd id', '/incident/ack', { incident_ids: ['x'] }, '400 InvalidParameter'],
    ['an unknown id', '/incident/ack', { incident_ids: ['a'.repeat(24)] }, '400 ResourceNotFound'],
    ['an unknown id to read', '/incident/info', { incident_id: 'a'.repeat(24) }, '400 ResourceNotFound'],
    ['no minutes', '/incident/snooze', { incident_ids: ['a'.repeat(24)] }, '400 InvalidParameter'],
    [
      'a day and a minute',
      '/incident/snooze',
      { incident_ids: ['a'.repeat(24)], minutes: 1441 },
      '400 InvalidParameter',
    ],
    ['half a minute', '/incident/snooze', { incident_ids: ['a'.repeat(24)], minutes: 0.5 }, '400 InvalidParameter'],
    [
      'a long cause',
      '/incident/resolve',
      { incident_ids: ['a'.repeat(24)], root_cause: 'x'.repeat(1025) },
      '400 InvalidParameter',
    ],
    ['an empty comment', '/incident/comment', { incident_ids: ['a'.repeat(24)], comment: '' }, '400 InvalidParameter'],
    ['a page too large', '/member/list', { limit: 101 }, '400 InvalidParameter'],
    ['persons by name', '/person/infos', { person_ids: ['李雷'] }, '400 InvalidParameter'],
  ])('%s is refused', async (_what, path, body, expected) => {
    expect(await outcome(path, body)).toBe(expected)
  })

  test('the way to call matters: key, method, content type, size', async () => {
    expect(await outcome('/member/info', {}, { ...li, app_key: 'nobody' })).toBe('401 Unauthorized')
    li.status = 'deleted'
    expect(await outcome('/member/info', {})).toBe('401 Unauthorized')
    li.status = 'enabled'
    const get = await fetch(`${flashduty.apiUrl}/incident/ack?app_key=${li.app_key}`)
    expect(get.status).toBe(405)
    const form = await call('/member/list', 'p=1', li, { headers: { 'Content-Type': 'text/plain' } })
    expect(form.body.error?.code).toBe('InvalidContentType')
    expect(await outcome('/member/list', { query: 'x'.repeat(1024 * 1024) })).toBe('413 EntityTooLarge')
    const bare = await fetch(`${flashduty.apiUrl}/member/info?app_key=${li.app_key}`, { method: 'POST' })
    expect(bare.status).toBe(200)
  })
})

describe('who may do what', () => {
  test('without a licence nothing is seen or done, but one may ask who one is', async () => {
    const { incident_id: id } = await fire()
    li.licensed = false
    expect(await outcome('/incident/info', { incident_id: id })).toBe('400 NoLicense')
    expect(await outcome('/incident/list-by-ids', { incident_ids: [id] })).toBe('400 NoLicense')
    expect(await outcome('/incident/ack', { incident_ids: [id] })).toBe('400 NoLicense')
    expect(await outcome('/member/info', {})).toBe('200 done')
  })

  test('a viewer reads and does not write', async () => {
    const { incident_id: id } = await fire()
    wang.may_handle = false
    expect(await outcome('/incident/info', { incident_id: id }, wang)).toBe('200 done')
    for (const path of ['ack', 'unack', 'wake', 'resolve', 'reopen', 'snooze', 'comment']) {
      expect(await outcome(`/incident/${path}`, { incident_ids: [id], minutes: 1, comment: 'x' }, wang)).toBe(
        '403 AccessDenied',
      )
    }
    expect(flashduty.control.incident(id).progress).toBe('Triggered')
  })
})

describe('the life of an incident', () => {
  test('acknowledged by two, given back by both', async () => {
    const { incident_id: id } = await fire()
    const ids = { incident_ids: [id] }
    expect(await outcome('/incident/unack', ids)).toBe('400 InvalidParameter')
    await call('/incident/ack', ids, wang)
    const acked = flashduty.control.incident(id)
    expect(acked.progress).toBe('Processing')
    expect(acked['ack_time']).toBeGreaterThan(0)
    expect(acked['responders']).toMatchObject([
      { person_id: li.member_id, acknowledged_at: 0 },
      { person_id: wang.member_id, acknowledged_at: acked['ack_time'] },
    ])
    await call('/incident/ack', ids)
    expect(await outcome('/incident/ack', ids)).toBe('200 done')
    await call('/incident/unack', ids, wang)
    expect(flashduty.control.incident(id).progress).toBe('Processing')
    await call('/incident/unack', ids)
    expect(flashduty.control.incident(id)).toMatchObject({ progress: 'Triggered', ack_time: 0 })
    expect(typesOf(id)).toEqual(['i_new', 'i_assign', 'i_ack', 'i_ack', 'i_unack', 'i_unack'])
  })

  test('a snooze needs an acknowledgement, and a wake needs a snooze', async () => {
    const { incident_id: id } = await fire()
    const ids = { incident_ids: [id] }
    expect(await outcome('/incident/snooze', { ...ids, minutes: 120 })).toBe('400 InvalidParameter')
    await call('/incident/ack', ids)
    expect(await outcome('/incident/wake', ids)).toBe('400 InvalidParameter')
    const before = Math.floor(Date.now() / 1000)
    expect(await outcome('/incident/snooze', { ...ids, minutes: 1440 })).toBe('200 done')
    expect(flashduty.control.incident(id)['snoozed_before']).toBeGreaterThanOrEqual(before + 86_400)
    expect(flashduty.control.incident(id).progress).toBe('Processing')
    expect(await outcome('/incident/wake', ids)).toBe('200 done')
    expect(flashduty.control.incident(id)['snoozed_before']).toBe(0)
    expect(typesOf(id).slice(2)).toEqual(['i_ack', 'i_snooze', 'i_wake'])
  })

  test('the end of a snooze notifies again', async () => {
    const { incident_id: id } = await fire()
    await expect(flashduty.control.endSnooze(id)).rejects.toThrow('not snoozed')
    await flashduty.control.act(id, 'ack', li.member_id)
    await flashduty.control.act(id, { snoozeMinutes: 120 }, li.member_id)
    expect(await flashduty.control.endSnooze(id)).toMatchObject({
      progress: 'Triggered',
      snoozed_before: 0,
      ack_time: 0,
    })
    expect(flashduty.control.events().at(-1)).toMatchObject({
      event_type: 'i_assign',
      incident: { assigned_to: { type: 'assign', person_ids: [li.member_id] } },
      delivery: { person_ids: [li.member_id] },
    })
  })

  test('closed by hand: the closer is named, everything but reopening is refused', async () => {
    const { incident_id: id } = await fire()
    const ids = { incident_ids: [id] }
    await call('/incident/resolve', { ...ids, root_cause: '日志未轮转' })
    expect(flashduty.control.incident(id)).toMatchObject({
      progress: 'Closed',
      incident_status: 'Critical',
      root_cause: '日志未轮转',
      closer: { person_name: '李雷' },
      closer_id: li.member_id,
      end_time: 0,
    })
    for (const path of ['ack', 'unack', 'wake', 'resolve', 'snooze']) {
      expect(await outcome(`/incident/${path}`, { ...ids, minutes: 1 })).toBe('400 InvalidParameter')
    }
    expect(await outcome('/incident/reopen', ids)).toBe('200 done')
    expect(await outcome('/incident/reopen', ids)).toBe('400 InvalidParameter')
    const reopened = flashduty.control.incident(id)
    expect(reopened).toMatchObject({ progress: 'Triggered', close_time: 0, closer_id: 0 })
    expect(reopened).not.toHaveProperty('closer')
    expect(typesOf(id).slice(2)).toEqual(['i_rslv', 'i_reopen', 'i_assign'])
    expect(flashduty.control.events().at(-1)?.incident['assigned_to']).toMatchObject({ type: 'reopen' })
  })

  test('recovered by itself: no closer, no person, status Ok', async () => {
    const { incident_id: id } = await fire()
    const incident = await flashduty.control.act(id, 'resolve')
    expect(incident).toMatchObject({ progress: 'Closed', incident_status: 'Ok', active_alert_cnt: 0, closer_id: 0 })
    expect(incident['end_time']).toBe(incident['close_time'])
    expect(flashduty.control.events().at(-1)).not.toHaveProperty('person')
    await expect(flashduty.control.act(id, 'reopen')).rejects.toThrow('name the member')
  })

  test('one bad id spoils the whole call', async () => {
    const [first, second] = [await fire(), await fire()]
    await flashduty.control.act(second.incident_id, 'resolve')
    const ids = { incident_ids: [first.incident_id, second.incident_id] }
    expect(await outcome('/incident/ack', ids)).toBe('400 InvalidParameter')
    expect(flashduty.control.incident(first.incident_id).progress).toBe('Triggered')
  })

  test('a deleted incident is gone for every call', async () => {
    const { incident_id: id } = await fire()
    flashduty.control.deleteIncident(id)
    expect(await outcome('/incident/ack', { incident_ids: [id] })).toBe('400 ResourceNotFound')
    expect(await outcome('/incident/info', { incident_id: id })).toBe('400 ResourceNotFound')
    expect((await call('/incident/list-by-ids', { incident_ids: [id] })).body.data).toEqual({ items: [] })
  })

  test('whatever people do, the fields agree with each other', async () => {
    const acts = ['ack', 'unack', 'resolve', 'wake', 'reopen', { snoozeMinutes: 5 }, { title: '改名' }] as const
    const steps = fc.array(fc.tuple(fc.constantFrom(...acts), fc.boolean()), { minLength: 1, maxLength: 25 })
    await fc.assert(
      fc.asyncProperty(steps, async (taken) => {
        const { incident_id: id } = await fire()
        for (const [act, first] of taken) {
          const before = flashduty.control.incident(id)
          const after = await flashduty.control.act(id, act, first ? li.member_id : wang.member_id).catch(() => before)
          const responders = after['responders'] as { acknowledged_at: number }[]
          const acked = responders.some((one) => one.acknowledged_at > 0)
          const open = acked ? 'Processing' : 'Triggered'
          expect(after.progress).toBe(after['close_time'] === 0 ? open : 'Closed')
          expect(after['ack_time'] !== 0).toBe(acked)
          expect(after['snoozed_before'] === 0 || after.progress === 'Processing').toBe(true)
          expect(after.updated_at).toBeGreaterThanOrEqual(before.updated_at)
        }
      }),
    )
  })
})

describe('events', () => {
  test('carry the whole incident as it was then', async () => {
    const before = Date.now()
    const incident = await fire({ labels: { resource: 'db-01' }, description: '剩余 **3%**', severity: 'Warning' })
    await call('/incident/ack', { incident_ids: [incident.incident_id] }, wang)
    const [created, assigned, acked] = flashduty.control.events()
    expect(created).not.toHaveProperty('person')
    expect(created).not.toHaveProperty('delivery')
    expect(created?.incident).toMatchObject({ progress: 'Triggered', responders: [], labels: { resource: 'db-01' } })
    expect(created?.incident.incident_id).toMatch(/^[0-9a-f]{24}$/)
    expect(created?.incident.num).toBe(created?.incident.incident_id.slice(-6).toUpperCase())
    expect(created?.event_id).toMatch(/^[0-9a-f]{32}$/)
    expect(assigned?.event_id).not.toBe(created?.event_id)
    expect(created?.event_time).toBeGreaterThanOrEqual(before)
    expect(created?.event_time).toBeLessThanOrEqual(Date.now())
    expect(assigned?.incident['responders']).toMatchObject([{ person_id: li.member_id, acknowledged_at: 0 }])
    expect(acked).toMatchObject({
      event_type: 'i_ack',
      person: { person_id: wang.member_id, person_name: '王芳', email: wang.email },
      incident: { progress: 'Processing' },
    })
    expect(acked).not.toHaveProperty('delivery')
  })

  test('the assignment names its targets, unless there are none to name', async () => {
    await fire({ chats: [{ chat_id: 'cidA==', disable_at: true }], delivery: { rid: 'r-1', snooze_minutes: [30] } })
    expect(flashduty.control.events().at(-1)?.delivery).toMatchObject({
      schema: 1,
      integration_id: 2_490_121_812_131,
      rid: 'r-1',
      fire_type: 'fire',
      fire_times: 1,
      chats: [{ chat_id: 'cidA==', disable_at: true }],
      person_ids: [li.member_id],
      snooze_minutes: [30],
    })
    await flashduty.control.fireIncident({ title: '无目标', channelId, responderIds: [li.member_id] })
    expect(flashduty.control.events().at(-1)).not.toHaveProperty('delivery')
  })

  test('waiting finds what has come, what comes, and gives up with a reason', async () => {
    const coming = flashduty.control.waitForEvent((event) => event.event_type === 'i_ack')
    const { incident_id: id } = await fire()
    await call('/incident/ack', { incident_ids: [id] })
    expect((await coming).incident.incident_id).toBe(id)
    expect((await flashduty.control.waitForEvent((event) => event.event_type === 'i_new')).event_type).toBe('i_new')
    await expect(flashduty.control.waitForEvent(() => false, 20)).rejects.toThrow(/no such event in 20 ms.*i_ack/)
  })
})

describe('members', () => {
  test('are found by part of a name, by a whole phone number, and shown masked', async () => {
    const list = async (query: string) => (await call('/member/list', { query })).body.data
    expect(await list('lei')).toMatchObject({ total: 1, items: [{ member_id: li.member_id, phone: '138****8000' }] })
    expect(await list('13800138000')).toMatchObject({ total: 1 })
    expect(await list('1380013800')).toMatchObject({ total: 0 })
    expect((await call('/member/list', { p: 2, limit: 1 })).body.data).toMatchObject({
      total: 2,
      items: [{ member_name: '王芳' }],
    })
  })

  test('a key tells whose it is; people can be looked up', async () => {
    expect((await call('/member/info', {}, wang)).body.data).toMatchObject({ member_id: wang.member_id })
    const { data } = (await call('/person/infos', { person_ids: [wang.member_id, 1] })).body
    expect(data).toMatchObject({ items: [{ person_id: wang.member_id, person_name: '王芳', status: 'enabled' }] })
    expect((data as { items: unknown[] }).items).toHaveLength(1)
  })
})

describe('faults', () => {
  test('an error instead of the act, as often as asked', async () => {
    const { incident_id: id } = await fire()
    flashduty.control.addFault({
      path: '/incident/ack',
      times: 2,
      effect: {
        kind: 'error',
        status: 429,
        code: 'RequestTooFrequently',
        message: 'slow',
        headers: { 'Retry-After': '1' },
      },
    })
    const first = await call('/incident/ack', { incident_ids: [id] })
    expect(first.headers.get('Retry-After')).toBe('1')
    expect(await outcome('/incident/ack', { incident_ids: [id] })).toBe('429 RequestTooFrequently')
    expect(flashduty.control.incident(id).progress).toBe('Triggered')
    expect(await outcome('/incident/ack', { incident_ids: [id] })).toBe('200 done')
  })

  test.each([
    ['hang', 'Triggered'],
    ['apply-then-hang', 'Processing'],
    ['apply-then-reset', 'Processing'],
  ] as const)('%s: no answer, and the incident is %s', async (kind, progress) => {
    const { incident_id: id } = await fire()
    flashduty.control.addFault({ path: '/incident/ack', effect: { kind } })
    const signal = AbortSignal.timeout(kind === 'apply-then-reset' ? 5_000 : 100)
    const failed = await call('/incident/ack', { incident_ids: [id] }, li, { signal }).catch((error: Error) => error)
    expect(failed).toMatchObject({ name: kind === 'apply-then-reset' ? 'TypeError' : 'TimeoutError' })
    expect(flashduty.control.incident(id).progress).toBe(progress)
    expect(flashduty.control.requests().at(-1)).toMatchObject({ path: '/incident/ack', status: 0 })
  })

  test('a delay delays', async () => {
    flashduty.control.addFault({ path: '/member/info', effect: { kind: 'delay', ms: 60 } })
    const start = performance.now()
    expect(await outcome('/member/info', {})).toBe('200 done')
    expect(performance.now() - start).toBeGreaterThan(50)
    flashduty.control.addFault({ path: '/member/info', effect: { kind: 'hang' } })
    flashduty.control.clearFaults()
    expect(await outcome('/member/info', {})).toBe('200 done')
  })

  test('calls are journalled with whose key it was', async () => {
    await outcome('/incident/info', { incident_id: 'x' }, wang)
    await outcome('/incident/info', { incident_id: 'x' }, { ...li, app_key: 'nobody' })
    expect(flashduty.control.requests()).toMatchObject([
      { path: '/incident/info', member_id: wang.member_id, status: 400, body: { incident_id: 'x' } },
      { path: '/incident/info', member_id: undefined, status: 401, answer: { error: { code: 'Unauthorized' } } },
    ])
  })
})

test('detail_url opens a page about the incident, with nothing of its title taken for markup', async () => {
  const incident = await fire({ title: '<b>&"磁盘' })
  const page = await fetch(String(incident['detail_url']))
  expect(page.status).toBe(200)
  const text = await page.text()
  expect(text).toContain('磁盘')
  expect(text).not.toContain('<b>')
})

describe('custom actions', () => {
  const run = (incident: Incident, integrationId: number, as = li) =>
    call('/incident/custom-action/do', { incident_id: incident.incident_id, integration_id: integrationId }, as)

  test('run as the caller, say what they have to say, and stand on the timeline when they worked', async () => {
    const { control } = flashduty
    control.setCustomAction({ integrationId: 7, name: '重启', outcome: 'ok' })
    control.setCustomAction({ integrationId: 8, name: '建单', outcome: { message: 'Status Code 500' } })
    const incident = await fire()
    expect((await run(incident, 7, wang)).body.data).toEqual({})
    expect((await run(incident, 8)).body.data).toEqual({ message: 'Status Code 500' })
    expect((await run(incident, 9)).body.error?.code).toBe('ResourceNotFound')
    expect(control.customRuns()).toEqual([
      { integrationId: 7, incidentId: incident.incident_id, memberId: wang.member_id },
      { integrationId: 8, incidentId: incident.incident_id, memberId: li.member_id },
    ])
    const feed = await call('/incident/feed', { incident_id: incident.incident_id, p: 1, limit: 2 })
    expect(feed.body.data).toMatchObject({
      has_next_page: true,
      items: [
        { type: 'i_custom', creator_id: wang.member_id },
        { type: 'i_assign', creator_id: 0 },
      ],
    })
    const oldest = { incident_id: incident.incident_id, p: 1, limit: 100, asc: true, types: ['i_new', 'i_custom'] }
    expect((await call('/incident/feed', oldest)).body.data).toMatchObject({
      has_next_page: false,
      items: [{ type: 'i_new' }, { type: 'i_custom' }],
    })
  })
})

describe('who may', () => {
  test('a private channel is for its members', async () => {
    const secret = flashduty.control.createChannel('私密', [li.member_id])
    const incident = await fire({ channelId: secret.channel_id })
    const one = { incident_id: incident.incident_id }
    for (const [path, body] of [
      ['/incident/ack', { incident_ids: [incident.incident_id] }],
      ['/incident/info', one],
      ['/incident/feed', one],
    ] as const) {
      expect(await outcome(path, body, wang)).toBe('403 AccessDenied')
      expect(await outcome(path, body, li)).toBe('200 done')
    }
  })

  test('a form that was set up is demanded of bare calls', async () => {
    const incident = await fire()
    flashduty.control.requireForms({ close: '请填写根因' })
    const bare = { incident_ids: [incident.incident_id] }
    expect(await outcome('/incident/resolve', bare)).toBe('400 InvalidParameter')
    expect(await outcome('/incident/resolve', { ...bare, summary: '磁盘' })).toBe('200 done')
  })

  test('only the owner makes keys, five for a member, and they act as that member', async () => {
    const owner = flashduty.control.createMember({ member_name: '主账号', is_owner: true })
    const path = '/person/app-key/create'
    expect(await outcome(path, { key_name: 'k', person_id: li.member_id }, li)).toBe('403 AccessDenied')
    expect(await outcome(path, { key_name: '', person_id: li.member_id }, owner)).toBe('400 InvalidParameter')
    expect(await outcome(path, { key_name: 'k', person_id: 1 }, owner)).toBe('400 ResourceNotFound')
    for (let index = 1; index <= 5; index++) {
      expect(await outcome(path, { key_name: `k${index}`, person_id: li.member_id }, owner)).toBe('200 done')
    }
    expect(await outcome(path, { key_name: 'k6', person_id: li.member_id }, owner)).toBe('400 InvalidParameter')
    const [made] = flashduty.control.madeKeys()
    const asMade = { ...li, app_key: made?.key ?? '' }
    expect((await call('/member/info', {}, asMade)).body.data).toMatchObject({ member_id: li.member_id })
    if (made) made.enabled = false
    expect(await outcome('/member/info', {}, asMade)).toBe('401 Unauthorized')
    flashduty.control.offerAppKeys(false)
    expect(await outcome(path, { key_name: 'k', person_id: wang.member_id }, owner)).toBe('404 RouteNotFound')
  })

  test('licences are listed by their holders', async () => {
    wang.licensed = false
    const listed = (await call('/oncall/license/list', {})).body.data as {
      items: { person_id: number }[]
      total: number
    }
    expect(listed.total).toBe(1)
    expect(listed.items).toMatchObject([{ person_id: li.member_id, type: 'fixed' }])
  })
})
