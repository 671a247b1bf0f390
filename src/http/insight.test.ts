import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'

import { maySeeInside } from './insight.ts'

const TOKEN = 'scrape-0123456789'
const LOCAL = { host: '127.0.0.1:8080', 'user-agent': 'curl/8.5.0', accept: '*/*' }

type Connection = { peer?: string; httpVersion?: string; token?: string | undefined }

async function sees(headers: Record<string, string>, connection: Connection = {}): Promise<boolean> {
  const { peer = '127.0.0.1', httpVersion = '1.1', token } = connection
  const app = new Hono().get('/', (c) => c.text(String(maySeeInside(c, token))))
  const incoming = { socket: { remoteAddress: peer }, httpVersion }
  const answer = await app.request('/', { headers: { ...LOCAL, ...headers } }, { incoming })
  return (await answer.text()) === 'true'
}

describe('without a token', () => {
  test.each(['127.0.0.1', '127.0.0.2', '::1', '::ffff:127.0.0.1'])('from %s: yes', async (peer) => {
    expect(await sees({}, { peer })).toBe(true)
    expect(await sees({}, { peer, token: TOKEN })).toBe(true)
  })

  test.each(['192.0.2.7', '::ffff:192.0.2.7', 'fe80::1', '128.0.0.1', ''])('from “%s”: no', async (peer) => {
    expect(await sees({}, { peer })).toBe(false)
  })

  test.each(['localhost', 'LOCALHOST:8080', '[::1]:8080', '127.1.2.3'])('by the name %s: yes', async (host) => {
    expect(await sees({ host })).toBe(true)
  })

  test.each(['oncall.example.com', 'localhost.evil.example', '127.0.0.1.evil.example', '10.0.0.1', ''])(
    'by the name “%s”, as through what adds no header: no',
    async (host) => {
      expect(await sees({ host })).toBe(false)
    },
  )

  test('with what clients send of themselves: yes', async () => {
    expect(await sees({ 'accept-encoding': 'gzip', 'x-prometheus-scrape-timeout-seconds': '10' })).toBe(true)
    expect(await sees({ connection: 'keep-alive', 'sec-fetch-mode': 'cors', 'accept-language': '*' })).toBe(true)
  })

  test.each([
    ...['X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Forwarded-Port', 'X-Forwarded-Server'],
    ...['X-Forwarded', 'X-Forwarded-Prefix', 'X-Forwarded-Scheme', 'X-Forwarded-Ssl', 'X-Forwarded-By'],
    ...['X-Real-IP', 'Forwarded', 'Forwarded-For', 'Via', 'True-Client-IP', 'CF-Connecting-IP', 'CF-Ray', 'CDN-Loop'],
    ...['X-Client-IP', 'X-Cluster-Client-IP', 'X-Original-For', 'X-Original-URL', 'X-Original-Forwarded-For'],
    ...['X-Original-Host', 'X-ProxyUser-Ip', 'X-Envoy-External-Address', 'X-Request-Id', 'X-Amzn-Trace-Id'],
    ...['X-Azure-ClientIP', 'X-ARR-LOG-ID', 'X-Cloud-Trace-Context', 'Fastly-Client-IP', 'Fly-Client-IP'],
    ...[
      'Ali-CDN-Real-IP',
      'EagleId',
      'WL-Proxy-Client-IP',
      'Proxy-Client-IP',
      'Client-IP',
      'X-Varnish',
      'Max-Forwards',
    ],
    ...['Tailscale-User-Login', 'traceparent', 'X-Scheme', 'X-Host', 'SSL-Client-Cert', 'X-Whatever-Comes-Next'],
  ])('with %s: no, whatever it says', async (name) => {
    for (const value of ['127.0.0.1', '']) expect(await sees({ [name]: value })).toBe(false)
  })

  test('by HTTP/1.0, as nginx passes on: no', async () => {
    expect(await sees({}, { httpVersion: '1.0' })).toBe(false)
  })
})

describe('with a token', () => {
  const THROUGH_A_PROXY = { host: 'oncall.example.com', 'x-forwarded-for': '192.0.2.7' }
  const through = (authorization: string, token: string | undefined = TOKEN) =>
    sees({ ...THROUGH_A_PROXY, authorization }, { peer: '10.0.0.1', token })

  test('the right one counts from anywhere', async () => {
    expect(await through(`Bearer ${TOKEN}`)).toBe(true)
    expect(await through(`bearer  ${TOKEN} `)).toBe(true)
  })

  test.each([
    TOKEN,
    `Basic ${TOKEN}`,
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.slice(1)}`,
    'Bearer',
    'Bearer undefined',
    '',
  ])('a wrong one (%s) does not, from this host either', async (authorization) => {
    expect(await through(authorization)).toBe(false)
    expect(await sees({ authorization }, { token: TOKEN })).toBe(false)
  })

  test('where none is set none is right', async () => {
    expect(await sees({ ...THROUGH_A_PROXY, authorization: 'Bearer undefined' }, { token: undefined })).toBe(false)
    expect(await sees({ authorization: 'Bearer undefined' }, { token: undefined })).toBe(false)
  })
})
