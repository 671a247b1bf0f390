import { Hono } from 'hono'
import { expect, test } from 'vitest'

import { addressOf } from './limits.ts'

const app = new Hono().get('/', (c) => c.text(addressOf(c)))
async function seenAs(remoteAddress: string, forwardedFor?: string): Promise<string> {
  const headers = forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor }
  const answer = await app.request('/', { headers }, { incoming: { socket: { remoteAddress } } })
  return answer.text()
}

test.each([
  ['127.0.0.1', '192.0.2.7', '192.0.2.7'],
  ['::1', '192.0.2.7', '192.0.2.7'],
  ['::ffff:127.0.0.1', '192.0.2.7', '192.0.2.7'],
  // What stands before the last was there when the proxy got it.
  ['127.0.0.1', '198.51.100.1, 192.0.2.7', '192.0.2.7'],
  ['127.0.0.1', undefined, '127.0.0.1'],
  ['127.0.0.1', ' , ', '127.0.0.1'],
  // From anywhere else it is what anybody may write.
  ['192.0.2.9', '198.51.100.1', '192.0.2.9'],
  ['::ffff:192.0.2.9', '127.0.0.1', '::ffff:192.0.2.9'],
])('who comes from %s on behalf of %s is counted as %s', async (peer, forwardedFor, counted) => {
  expect(await seenAs(peer, forwardedFor)).toBe(counted)
})
