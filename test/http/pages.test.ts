import { once } from 'node:events'
import { createServer, request, type IncomingHttpHeaders } from 'node:http'
import { type AddressInfo, connect } from 'node:net'

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import { eventually } from '../support/eventually.ts'
import { changeIntegration, expectSilence, openScene, type Scene } from '../support/journey.ts'
import { readyz } from '../support/readyz.ts'
import type { World } from '../support/world.ts'

const NAME = '钉钉值班'
const PAGES = ['/', '/pc', '/group?corpId=$CORPID$&cid=$ENCCID$'] as const

let scene: Scene
let world: World
let id: string
let callbackKey: string

beforeAll(async () => {
  scene = await openScene()
  world = scene.world
  id = world.integrationId
  const shown = JSON.parse((await world.cli('integration', 'show', '--json')).out) as { eventSubscription: string }
  callbackKey = new URL(shown.eventSubscription).searchParams.get('integration_key') ?? ''
  if (!/^[0-9a-f]{32}$/.test(callbackKey)) throw new Error('the callback address carries no key of 128 bits')
})
/** What a test changed of the integration is put back, and the daemon is ready again. */
let changed = false
afterEach(async () => {
  if (!changed) return
  await change('--name', NAME, '--enable')
  changed = false
  await eventually('ready', async () => (await readyz(scene.app.url)).status === 200)
})
afterAll(() => scene?.close())

/** Resolves when the running daemon has taken it up. */
async function change(...changes: string[]): Promise<void> {
  changed = true
  await changeIntegration(scene, ...changes)
}

async function expectReady(url: string): Promise<void> {
  const { status, missing } = await readyz(url)
  expect({ status, missing }).toEqual({ status: 200, missing: {} })
}

async function get(path: string, options: RequestInit = {}): Promise<{ status: number; type: string; text: string }> {
  const answer = await fetch(`${scene.app.url}${path}`, { redirect: 'manual', ...options })
  return { status: answer.status, type: answer.headers.get('content-type') ?? '', text: await answer.text() }
}

/** As it goes over the wire, without what `fetch` would set right. */
function raw(
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<{ status: number; headers: IncomingHttpHeaders; text: string }> {
  const { hostname, port } = new URL(scene.app.url)
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body } = options
    const asked = request({ hostname, port, path, method, headers, agent: false }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (part: string) => (text += part))
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }))
    })
    asked.once('error', reject)
    asked.end(body)
  })
}

describe('health', () => {
  test('/healthz: alive', async () => {
    expect(await get('/healthz')).toMatchObject({ status: 200, type: expect.stringContaining('application/json') })
  })

  test('/readyz: 200 when nothing is missing', async () => {
    await expectReady(scene.app.url)
  })

  test('whoever comes through a proxy is told whether, and nothing else', async () => {
    for (const path of ['/readyz', '/fd/readyz']) {
      const answer = await get(path, { headers: { 'x-forwarded-for': '127.0.0.1' } })
      expect(answer).toMatchObject({ status: 200, type: expect.stringContaining('text/plain'), text: 'ok' })
    }
    const refused = await get('/metrics', { headers: { 'x-real-ip': '127.0.0.1' } })
    expect(refused).toMatchObject({ status: 403, text: expect.stringContaining('METRICS_TOKEN') })
    // None is set, so none is right.
    for (const authorization of ['Bearer', 'Bearer ', 'Bearer undefined', 'Basic eDp5']) {
      expect((await get('/metrics', { headers: { authorization } })).status).toBe(403)
      expect((await get('/readyz', { headers: { authorization } })).text).toBe('ok')
    }
    expect((await get('/metrics')).text).toContain('flashduty_dingtalk_')
  })

  test('/readyz: 503 without an integration that is switched on, with what to do', async () => {
    await change('--disable')
    const { status, missing } = await readyz(scene.app.url)
    expect(status).toBe(503)
    expect(Object.keys(missing)).toEqual(['integration'])
    expect(missing['integration']).toContain('integration add')
    const outside = await get('/readyz', { headers: { via: '1.1 proxy' } })
    expect([outside.status, outside.text]).toEqual([503, 'not ok'])
    expect((await get('/healthz')).status).toBe(200)
  })

  test('/readyz: 503 while DingTalk refuses the app, with the reason; alive all the while', async () => {
    const effect = { kind: 'answer', status: 400, body: { code: 'authFailed', message: '鉴权失败' } } as const
    world.dingtalk.control.addFault({ api: 'connections/open', times: 1_000, effect })
    try {
      const part = `stream of ${NAME}`
      const { missing } = await eventually('it is noticed', async () => {
        // One that was granted before may still be on its way.
        world.dingtalk.control.dropConnections(world.dingtalkApp.clientId)
        const now = await readyz(scene.app.url)
        return now.status === 503 && now.missing[part]?.includes('not connected') && now
      })
      expect(Object.keys(missing)).toEqual([part])
      expect(missing[part]).toMatch(/not connected: [A-Z_]+/)
      expect((await get(`/h5/${id}/`)).status).toBe(200)
      expect((await get('/healthz')).status).toBe(200)
    } finally {
      world.dingtalk.control.clearFaults()
      await eventually('ready', async () => (await readyz(scene.app.url)).status === 200)
    }
  })

  test('/readyz: 503 while Redis is away; the pages go on', async () => {
    await world.redis.stop()
    try {
      expect(await readyz(scene.app.url)).toMatchObject({ status: 503, missing: { redis: 'does not answer' } })
      expect((await get('/healthz')).status).toBe(200)
      expect((await get(`/h5/${id}/`)).status).toBe(200)
    } finally {
      await world.redis.restart()
      await eventually('ready', async () => (await readyz(scene.app.url)).status === 200)
    }
  })
})

describe('the page addresses of step 二', () => {
  test.each(PAGES)('%s asks whoever is not logged in to log in, and names the integration', async (path) => {
    const page = await get(`/h5/${id}${path}`)
    expect(page).toMatchObject({ status: 200, type: expect.stringContaining('text/html') })
    expect(page.type.toLowerCase()).toContain('utf-8')
    for (const word of [NAME, 'id="login"', 'lang="zh-CN"', 'name="viewport"']) {
      expect(page.text).toContain(word)
    }
    // An intranet page loads nothing from elsewhere, and the address is public: no secret may be on it.
    expect(page.text).not.toMatch(/\b(src|href)="(?!\/fd\/|data:,"|#content")|https?:\/\//)
    for (const secret of [callbackKey, world.dingtalkApp.clientSecret, 'demoToken01']) {
      expect(page.text).not.toContain(secret)
    }
  })

  test('they are the addresses that `integration show` prints, whether a proxy takes the prefix off or not', async () => {
    const shown = JSON.parse((await world.cli('integration', 'show', '--json')).out) as Record<string, string>
    const base = world.env['PUBLIC_URL'] ?? ''
    for (const [name, what] of [
      ['mobileHome', 'id="login"'],
      ['pcHome', 'id="login"'],
      ['coolAppPage', 'id="login"'],
      ['eventSubscription', '事件订阅请求网址'],
    ] as const) {
      expect(shown[name]?.startsWith(`${base}/`)).toBe(true)
      const withPrefix = shown[name]?.slice(new URL(base).origin.length) ?? ''
      const without = shown[name]?.slice(base.length) ?? ''
      for (const path of [withPrefix, without]) expect(await get(path)).toMatchObject({ status: 200 })
      expect((await get(withPrefix)).text).toContain(what)
      expect((await get(without)).text).toContain(what)
    }
    expect((await get('/fd/healthz')).status).toBe(200)
    expect((await get('/other/healthz')).status).toBe(404)
  })

  test('without the last slash a browser gets there too, through a proxy that takes the prefix off', async () => {
    const proxy = createServer((asked, answer) => {
      if (!asked.url?.startsWith('/fd/')) return void answer.writeHead(404).end()
      void raw(asked.url.slice('/fd'.length)).then(({ status, headers, text }) =>
        answer.writeHead(status, { location: headers.location ?? '' }).end(text),
      )
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    try {
      const { port } = proxy.address() as AddressInfo
      const page = await fetch(`http://127.0.0.1:${port}/fd/h5/${id}?corpId=ding1`)
      expect(page.url).toBe(`http://127.0.0.1:${port}/fd/h5/${id}/?corpId=ding1`)
      expect(page.status).toBe(200)
      expect(await page.text()).toContain(NAME)
    } finally {
      await new Promise((resolve) => proxy.close(resolve))
    }
  })

  test('the redirect leads nowhere else, whatever the id looks like', async () => {
    for (const odd of ['%2F%2Fevil.example', 'javascript%3Aalert(1)', '%5C%5Cevil.example', '..%2F..%2Fhealthz']) {
      const { headers } = await raw(`/h5/${odd}`)
      const target = new URL(headers.location ?? '', 'https://oncall.example.com/fd/h5/x')
      expect(target.href).toMatch(/^https:\/\/oncall\.example\.com\/fd\/h5\//)
    }
  })

  test('a page tells that the integration is switched off', async () => {
    await change('--disable')
    await eventually('it is shown', async () => {
      const { status, text } = await get(`/h5/${id}/`)
      return status === 200 && text.includes('集成已停用')
    })
  })

  test('a name is text, whatever it looks like', async () => {
    const name = `</title><script>alert("1")</script> & '值班' <img src=x onerror=alert(1)>`
    await change('--name', name)
    const page = await eventually('it is shown', async () => {
      const { text } = await get(`/h5/${id}/pc`)
      return text.includes('值班') && text.includes('script') && text
    })
    expect(page).not.toMatch(/<script>|<img/)
    expect(page.match(/<\/title>/g)).toHaveLength(1)
    expect(page).toContain('&lt;script&gt;')
    expect(page).toContain('&amp;')
  })

  test.each(['nobody', '__proto__', "x' or '1'='1", '值班', '..', 'a'.repeat(2_000), '%00', '%'])(
    'an id that is none (%s) is a page that helps, and nothing is revealed',
    async (odd) => {
      const path = odd.startsWith('%') ? odd : encodeURIComponent(odd)
      for (const page of PAGES) {
        const { status, text } = await raw(`/h5/${path}${page}`)
        expect([400, 404]).toContain(status)
        expect(text).not.toContain(NAME)
        expect(text).not.toMatch(/\n {4}at |SQLITE/)
      }
    },
  )

  test('the page for an unknown integration is for people', async () => {
    const page = await get('/h5/nobody/')
    expect(page).toMatchObject({ status: 404, type: expect.stringContaining('text/html') })
    expect(page.text).toContain('未找到该集成')
    expect(page.text).toContain('integration show')
  })
})

describe('the callback addresses', () => {
  const CALLBACKS = ['/event/push/dingtalk', '/card/push/dingtalk', '/robot/push/dingtalk']

  test.each(CALLBACKS)('%s answers a page to whom has the key, and to nobody else', async (path) => {
    const page = await get(`${path}?integration_key=${callbackKey}`)
    expect(page.status).toBe(200)
    expect(page.text).toContain(NAME)
    expect(page.text).not.toContain(callbackKey)
    for (const query of ['', '?integration_key=', `?integration_key=${id}`, `?integration_key=${callbackKey}0`]) {
      const none = await get(`${path}${query}`)
      expect(none.status).toBe(404)
      expect(none.text).not.toContain(NAME)
    }
  })

  test.each(CALLBACKS)('a POST to %s without a good signature is refused, with or without the prefix', async (path) => {
    const headers = { 'content-type': 'application/json' }
    const signed = `?integration_key=${callbackKey}&signature=s&timestamp=1&nonce=n`
    for (const [query, status] of [['', 404] as const, [signed, 403] as const]) {
      for (const target of [path, `/fd${path}`]) {
        const answer = await get(`${target}${query}`, { method: 'POST', headers, body: '{"encrypt":"x"}' })
        expect(answer.status).toBe(status)
        expect(answer.text).not.toMatch(/success|encrypt/i)
      }
    }
  })
})

describe('odd requests', () => {
  test('HEAD is a GET without the body', async () => {
    for (const path of ['/healthz', '/readyz', `/h5/${id}/`, '/nowhere']) {
      const [head, whole] = [await raw(path, { method: 'HEAD' }), await raw(path)]
      expect([head.status, head.text]).toEqual([whole.status, ''])
      expect(head.headers['content-type']).toBe(whole.headers['content-type'])
    }
  })

  test.each(['/', '/nowhere', '/h5', '/admin/', '/api/v1/deliver', '/.env', '/h5/../../etc/passwd', '//healthz'])(
    '%s is no address',
    async (path) => {
      const { status, text } = await raw(path)
      expect(status).toBe(404)
      expect(text).not.toContain(NAME)
    },
  )

  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE'])('%s does nothing to a page', async (method) => {
    const { status, text } = await raw(`/h5/${id}/`, { method, headers: { cookie: 'hush=1' } })
    expect([401, 404, 405, 501]).toContain(status)
    expect(text).not.toContain('hush')
  })

  test('every answer forbids sniffing and tells other sites nothing', async () => {
    for (const path of ['/healthz', `/h5/${id}/`, '/h5/nobody/', '/nowhere']) {
      const { headers } = await raw(path)
      expect(headers['x-content-type-options']).toBe('nosniff')
      expect(headers['referrer-policy']).toBe(path.startsWith('/h5/') ? 'same-origin' : 'no-referrer')
      expect(headers['x-powered-by']).toBeUndefined()
      expect(headers['access-control-allow-origin']).toBeUndefined()
      expect(headers['set-cookie']).toBeUndefined()
    }
    // DingTalk's PC client shows the pages in a frame.
    expect((await raw(`/h5/${id}/pc`)).headers['x-frame-options']).toBeUndefined()
  })

  test('huge headers are refused and the daemon lives', async () => {
    const { status } = await raw('/healthz', { headers: { 'x-huge': 'x'.repeat(100_000) } })
    expect(status).toBe(431)
    expect((await raw(`/h5/${id}/?q=${'x'.repeat(100_000)}`).catch(() => ({ status: 431 }))).status).toBe(431)
    expect((await get('/healthz')).status).toBe(200)
  })

  test('a huge body is refused without being read', async () => {
    const announced = { 'content-type': 'application/json', 'content-length': String(1024 ** 3) }
    for (const path of ['/event/push/dingtalk', '/card/push/dingtalk', `/h5/${id}/`]) {
      expect((await raw(path, { method: 'POST', headers: announced })).status).toBe(413)
    }
    // Whoever goes on sending may meet a closed connection instead of the answer.
    const sent = raw('/event/push/dingtalk', { method: 'POST', body: 'x'.repeat(8 * 1024 * 1024) })
    expect(await sent.then(({ status }) => status).catch(() => 413)).toBe(413)
    expect((await get('/healthz')).status).toBe(200)
  })

  test('a body that breaks off is nobody’s concern', async () => {
    const { hostname, port } = new URL(scene.app.url)
    for (const framing of ['content-length: 1000', 'transfer-encoding: chunked']) {
      const socket = connect(Number(port), hostname)
      await once(socket, 'connect')
      socket.write(`POST /card/push/dingtalk HTTP/1.1\r\nhost: x\r\n${framing}\r\n\r\n5\r\nhello\r\n`)
      socket.destroy()
      await once(socket, 'close')
    }
    const socket = connect(Number(port), hostname)
    socket.end('this is not HTTP\r\n\r\n')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 400 /)
    expect((await get('/healthz')).status).toBe(200)
  })

  test('many at once are all answered', async () => {
    const paths = Array.from({ length: 300 }, (_, index) => ['/healthz', `/h5/${id}/`, '/nowhere'][index % 3] ?? '/')
    const statuses = await Promise.all(paths.map(async (path) => (await get(path)).status))
    expect(statuses).toEqual(paths.map((path) => (path === '/nowhere' ? 404 : 200)))
  })
})

// No address with a key was written down either.
afterAll(() => {
  expectSilence(world, scene.app.lines, { errors: ['redis-state', 'stream-state'] })
  expect(JSON.stringify(scene.app.lines)).not.toContain(callbackKey)
})
