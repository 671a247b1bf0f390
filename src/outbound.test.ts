import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'

import { afterEach, expect, test } from 'vitest'

import type { AppError } from './errors.ts'
import { CONNECT_MS, createOutbound, type HttpRequest } from './outbound.ts'

/** What is known of a call that failed: that nothing of it was sent, or that nobody knows. */

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** Of nobody, by nobody. */
const SELF_SIGNED = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg2mY+WzKnon8UnO2n
eDWkiA3+3EceP+v036pCNayyfLGhRANCAATGd2jisPd7LnpjUn5ZX6ICGqpBpLa1
zwRpg1UXJcngWH3SlE+N9Q80BWcraW/TSykDnBjW47DAirjBHdp9Xkhm
-----END PRIVATE KEY-----`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBiDCCAS+gAwIBAgIUUugnXhD6/olOEXemdjuh4V88FVwwCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwObm9ib2R5LmV4YW1wbGUwIBcNMjYxMjAxMDQyOTE3WhgPMjEy
NjExMDcwNDI5MTdaMBkxFzAVBgNVBAMMDm5vYm9keS5leGFtcGxlMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAExndo4rD3ey56Y1J+WV+iAhqqQaS2tc8EaYNVFyXJ
4Fh90pRPjfUPNAVnK2lv00spA5wY1uOwwIq4wR3afV5IZqNTMFEwHQYDVR0OBBYE
FAFnsRaFjtpFqGh1EtYLdn//eG9VMB8GA1UdIwQYMBaAFAFnsRaFjtpFqGh1EtYL
dn//eG9VMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgfyVQZPUH
xgxTP2u3auFz5/un2Nxekt5R3PfoNulCyPACIFUx6Om3vWLh45GNAzT2T2Tpxxfm
HQuj8lnIfvyf/9bf
-----END CERTIFICATE-----`,
}

async function listening<T extends Server | TcpServer>(server: T): Promise<{ server: T; port: number }> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { server, port: (server.address() as AddressInfo).port }
}

/** A port where nobody listens. */
async function deadPort(): Promise<number> {
  const { server, port } = await listening(createTcpServer())
  server.close()
  return port
}

async function failureOf(
  request: Pick<HttpRequest, 'url'> & Partial<HttpRequest>,
  proxyUrl?: string,
): Promise<AppError> {
  const outbound = createOutbound(proxyUrl === undefined ? {} : { url: proxyUrl })
  closing.push(() => outbound.close())
  const sending = outbound.send({ method: 'POST', body: { a: 1 }, timeoutMs: 300, ...request })
  return sending.then(
    () => Promise.reject(new Error('it was answered')),
    (error: unknown) => error as AppError,
  )
}

const NEVER_SENT = { kind: 'retryable', code: 'NETWORK' }
const UNKNOWN = { kind: 'unknown-outcome', code: 'NETWORK' }

test('a connection is given up sooner than any call', () => {
  expect(CONNECT_MS).toBeLessThan(5_000)
})

test('a name that cannot be resolved, and a port where nobody listens', async () => {
  for (const url of ['http://no-such-host.invalid/x', `http://127.0.0.1:${await deadPort()}/x`]) {
    const { failure, message } = await failureOf({ url, timeoutMs: 5_000 })
    expect(failure).toEqual(NEVER_SENT)
    expect(message).toContain('could not be reached')
  }
})

test.each<[string, (socket: Socket) => void]>([
  ['is cut at once', (socket) => socket.destroy()],
  ['is cut after the hello', (socket) => socket.once('data', () => socket.resetAndDestroy())],
  ['hangs', () => {}],
  ['is no TLS at all', (socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))],
])('a TLS handshake that %s', async (_what, treat) => {
  const { port } = await listening(createTcpServer(treat))
  expect((await failureOf({ url: `https://127.0.0.1:${port}/x` })).failure).toEqual(NEVER_SENT)
})

test('a certificate that is not valid', async () => {
  let asked = ''
  const server = createTlsServer(SELF_SIGNED, (socket) => socket.on('data', (data) => (asked += data.toString())))
  const { port } = await listening(server)
  const { failure, message } = await failureOf({ url: `https://127.0.0.1:${port}/x`, timeoutMs: 5_000 })
  expect(failure).toEqual(NEVER_SENT)
  expect(message).toContain('SELF_SIGNED')
  expect(asked).toBe('')
})

test.each<[string, (socket: Socket) => void]>([
  ['cuts', (socket) => socket.destroy()],
  ['says nothing', () => {}],
  ['refuses', (socket) => socket.once('data', () => socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'))],
  ['answers no HTTP', (socket) => socket.once('data', () => socket.end('hello\r\n\r\n'))],
])('a proxy that %s', async (_what, treat) => {
  const { port } = await listening(createTcpServer(treat))
  const { failure, message } = await failureOf({ url: 'https://api.example.com/x' }, `http://127.0.0.1:${port}`)
  expect(failure).toEqual(NEVER_SENT)
  expect(message).toContain(`through the proxy 127.0.0.1:${port}`)
})

test.each<[string, (socket: Socket) => void]>([
  ['cuts the line', (socket) => socket.once('data', () => socket.resetAndDestroy())],
  ['never answers', () => {}],
  [
    'cuts its answer',
    (socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf')),
  ],
])('whoever %s after the request may have done it', async (_what, treat) => {
  const { port } = await listening(createTcpServer(treat))
  expect((await failureOf({ url: `http://127.0.0.1:${port}/x` })).failure).toEqual(UNKNOWN)
})

test('a call that still waits for a connection when its time is over was not sent, and is not sent afterwards', async () => {
  let requests = 0
  const { port } = await listening(
    createServer((_request, response) => {
      requests += 1
      setTimeout(() => response.end('{}'), 600)
    }),
  )
  const outbound = createOutbound()
  closing.push(() => outbound.close())
  const url = `http://127.0.0.1:${port}/x`
  const busy = Array.from({ length: 64 }, () => outbound.send({ method: 'POST', url, timeoutMs: 60_000 }))
  const late = outbound
    .send({ method: 'POST', url, body: {}, timeoutMs: 50 })
    .catch((error: unknown) => error as AppError)
  expect(await late).toMatchObject({ failure: NEVER_SENT })
  await Promise.all(busy)
  await outbound.send({ method: 'POST', url, timeoutMs: 60_000 })
  expect(requests).toBe(65)
})
