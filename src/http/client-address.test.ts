import { connect } from 'node:net'

import { Hono } from 'hono'
import { expect, onTestFinished, test } from 'vitest'

import { createLog } from '../log.ts'
import { createAddressOf, networkOf } from './client-address.ts'
import { listen } from './server.ts'

const PROXIES = ['10.0.0.0/8', '192.0.2.9', 'fd00::/8']

async function seenAs(remoteAddress: string, forwardedFor?: string, trusted: string[] = []): Promise<string> {
  const addressOf = createAddressOf(trusted)
  const app = new Hono().get('/', (c) => c.text(addressOf(c)))
  const headers = forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor }
  const answer = await app.request('/', { headers }, { incoming: { socket: { remoteAddress } } })
  return answer.text()
}

test.each([
  ['127.0.0.1', '192.0.2.7', '192.0.2.7'],
  ['127.8.9.1', '192.0.2.7', '192.0.2.7'],
  ['::1', '192.0.2.7', '192.0.2.7'],
  ['::ffff:127.0.0.1', '192.0.2.7', '192.0.2.7'],
  // What stands before the last was there when the proxy got it.
  ['127.0.0.1', '198.51.100.1, 192.0.2.7', '192.0.2.7'],
  ['127.0.0.1', undefined, '127.0.0.1'],
  ['127.0.0.1', ' , ', '127.0.0.1'],
  // From anywhere else it is what anybody may write.
  ['192.0.2.9', '198.51.100.1', '192.0.2.9'],
  ['::ffff:192.0.2.9', '127.0.0.1', '192.0.2.9'],
  ['10.0.0.1', '127.0.0.1', '10.0.0.1'],
])('without any other proxy: who comes from %s on behalf of %s is %s', async (peer, forwardedFor, seen) => {
  expect(await seenAs(peer, forwardedFor)).toBe(seen)
})

test.each([
  // The first that is no proxy of ours, from the right.
  ['10.0.0.1', '203.0.113.5', '203.0.113.5'],
  ['10.0.0.1', '198.51.100.1, 203.0.113.5, 10.9.9.9, fd00::1', '203.0.113.5'],
  ['192.0.2.9', '203.0.113.5,10.1.1.1', '203.0.113.5'],
  ['::ffff:10.0.0.1', '203.0.113.5', '203.0.113.5'],
  ['127.0.0.1', '203.0.113.5, ::ffff:10.0.0.1', '203.0.113.5'],
  // All are.
  ['10.0.0.1', '10.0.0.2, 10.0.0.3', '10.0.0.2'],
  // However it is spelt.
  ['10.0.0.1', '203.0.113.5:567', '203.0.113.5'],
  ['10.0.0.1', '[2001:DB8:0::1]:1234', '2001:db8::1'],
  ['10.0.0.1', '[2001:db8::1], [::1]:1234, 10.0.0.7:80', '2001:db8::1'],
  ['10.0.0.1', '::FFFF:203.0.113.5', '203.0.113.5'],
  ['10.0.0.1', '::ffff:cb00:7105', '203.0.113.5'],
  // Garbage ends it at the last good one.
  ['10.0.0.1', '203.0.113.5, unknown, 10.0.0.2', '10.0.0.2'],
  ['10.0.0.1', '203.0.113.5, , 10.0.0.2', '10.0.0.2'],
  ['10.0.0.1', '203.0.113.5, 10.0.0.2,', '10.0.0.1'],
  ['10.0.0.1', '203.0.113.5, 10.0.0.300', '10.0.0.1'],
  ['10.0.0.1', '203.0.113.5, _hidden', '10.0.0.1'],
  ['10.0.0.1', '203.0.113.5, [10.0.0.2]', '10.0.0.1'],
  ['10.0.0.1', '203.0.113.5, "10.0.0.2"', '10.0.0.1'],
  ['10.0.0.1', '203.0.113.5, 10.0.0.2:port', '10.0.0.1'],
  ['10.0.0.1', `203.0.113.5, ${'1'.repeat(1_000)}`, '10.0.0.1'],
  // Nobody else is believed.
  ['203.0.113.6', '127.0.0.1, 10.0.0.1', '203.0.113.6'],
  ['11.0.0.1', '203.0.113.5', '11.0.0.1'],
])('behind proxies: who comes from %s on behalf of %s is %s', async (peer, forwardedFor, seen) => {
  expect(await seenAs(peer, forwardedFor, PROXIES)).toBe(seen)
})

test('thousands of entries are not walked through', async () => {
  const many = (entry: string): string => `203.0.113.5, ${Array.from({ length: 100_000 }, () => entry).join(', ')}`
  expect(await seenAs('10.0.0.1', many('10.0.0.2'), PROXIES)).toBe('10.0.0.2')
  expect(await seenAs('10.0.0.1', many('x'), PROXIES)).toBe('10.0.0.1')
  expect(await seenAs('10.0.0.1', ','.repeat(100_000), PROXIES)).toBe('10.0.0.1')
})

test('a header that comes several times is one, in its order', async () => {
  const addressOf = createAddressOf(['203.0.113.1'])
  const app = new Hono().get('/', (c) => c.text(`seen as ${addressOf(c)}.`))
  const server = await listen(app, { host: '127.0.0.1', port: 0 }, createLog('silent'))
  onTestFinished(() => server.close())
  const socket = connect(server.port, '127.0.0.1')
  const headers = ['198.51.100.1', '192.0.2.7', '203.0.113.1'].map((one) => `X-Forwarded-For: ${one}\r\n`).join('')
  socket.write(`GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${headers}\r\n`)
  let heard = ''
  for await (const chunk of socket) heard += String(chunk)
  expect(heard).toContain('seen as 192.0.2.7.')
})

test('a connection without an address is nobody’s', async () => {
  expect(await seenAs('', '192.0.2.7', PROXIES)).toBe('unknown')
})

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['unknown', 'unknown'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['2001:db8:1:2:3:4:5::', '2001:db8:1:2::/64'],
  ['1:2:3::4', '1:2:3:0::/64'],
])('tries from %s are counted for %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})
