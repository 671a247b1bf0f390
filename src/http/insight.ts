import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'

import { isSameSecret } from '../storage/secret-box.ts'
import { comesFromThisHost } from './client-address.ts'

/**
 * What clients send of themselves: curl, Prometheus and its like, programs, browsers. Proxies, load balancers and tunnels
 * have hundreds of names for what they add (X-Forwarded-For, X-Real-IP, Forwarded, Via, CF-Connecting-IP, X-Request-Id …),
 * so the few are listed that give nobody away.
 */
const OF_CLIENTS =
  /^(host|connection|keep-alive|user-agent|accept(-encoding|-language|-charset)?|cache-control|pragma|cookie|dnt|priority|referer|te|upgrade-insecure-requests|if-[a-z-]+|range|save-data|sec-[a-z-]+|x-prometheus-[a-z-]+)$/

/** `Host` of whoever asks this host by itself; proxies that add nothing mostly pass on what the browser asked for. */
const THIS_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i

/**
 * Whether somebody may look inside: at the numbers of `/metrics`, and at what `/readyz` says beside whether it is. Whoever
 * presents METRICS_TOKEN as `Authorization: Bearer` may, and without any token a direct connection from this host. A wrong
 * token is refused from here too.
 * @param token undefined = none is set, so none is right
 */
export function maySeeInside(c: Context, token: string | undefined): boolean {
  const presented = c.req.header('authorization')
  if (presented === undefined) return comesFromThisHost(c) && isDirect(c)
  const bearer = /^Bearer +(\S+) *$/i.exec(presented)?.[1]
  return token !== undefined && bearer !== undefined && isSameSecret(bearer, token)
}

function isDirect(c: Context): boolean {
  const { incoming } = c.env as HttpBindings
  // What nginx passes on when nobody has told it how; hardly anybody else speaks it any more.
  if (incoming.httpVersion === '1.0') return false
  if (!THIS_HOST.test(c.req.header('host') ?? '')) return false
  return Object.keys(c.req.header()).every((name) => OF_CLIENTS.test(name.toLowerCase()))
}
