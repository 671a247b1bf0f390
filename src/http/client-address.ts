import { BlockList, isIP, SocketAddress } from 'node:net'

import { getConnInfo } from '@hono/node-server/conninfo'
import type { Context } from 'hono'

/** Whom a request is counted and told for: an IP address, or `unknown`. */
export type AddressOf = (c: Context) => string

/** A chain of proxies is short; whoever writes more into the header gets no further. */
const MAX_HOPS = 20
/** The longest is an IPv6 address with its brackets and port. */
const MAX_ENTRY = 64

/**
 * The one reading of `X-Forwarded-For`, from its right end: every proxy adds whom it was asked by. As long as that is a
 * proxy that is trusted, what it says is believed; the first that is none is the client. What anybody else sends is no
 * more than a text.
 * @param trustedProxies addresses and CIDR blocks, besides this host itself, which always counts
 */
export function createAddressOf(trustedProxies: readonly string[]): AddressOf {
  const trusted = createBlockList(['127.0.0.0/8', '::1', ...trustedProxies])
  return (c) => {
    const { address } = getConnInfo(c).remote
    const peer = address === undefined ? undefined : readAddress(address)
    if (peer === undefined) return 'unknown'
    const header = c.req.header('x-forwarded-for') ?? ''
    let known = peer
    let end = header.length
    for (let hop = 0; hop < MAX_HOPS && end > 0 && isIn(trusted, known); hop++) {
      const comma = header.lastIndexOf(',', end - 1)
      // What is no address ends the walk: nobody can tell who wrote it, or what stands before it.
      const told = end - comma > MAX_ENTRY ? undefined : readAddress(header.slice(comma + 1, end).trim())
      if (told === undefined) break
      known = told
      end = comma
    }
    return known
  }
}

/**
 * What tries are counted by: an IPv4 address, or the /64 block of an IPv6 one. That is the least that is given to
 * anybody, who could come from another of its addresses each time.
 */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address
  const [before, after] = address.split('::').map((half) => half.split(':').filter((group) => group !== ''))
  const missing = 8 - (before?.length ?? 0) - (after?.length ?? 0)
  const zeros = Array.from({ length: after ? missing : 0 }, () => '0')
  const groups = [...(before ?? []), ...zeros, ...(after ?? [])]
  return `${groups.slice(0, 4).join(':')}::/64`
}

/** Whether the connection itself comes from this host, whatever its headers say. */
export function comesFromThisHost(c: Context): boolean {
  const { address } = getConnInfo(c).remote
  const peer = address === undefined ? undefined : readAddress(address)
  return peer !== undefined && isIn(THIS_HOST, peer)
}

const THIS_HOST = createBlockList(['127.0.0.0/8', '::1'])

function createBlockList(blocks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const block of blocks) {
    const [network = '', bits] = block.split('/')
    if (bits === undefined) list.addAddress(network, familyOf(network))
    else list.addSubnet(network, Number(bits), familyOf(network))
  }
  return list
}

function isIn(list: BlockList, address: string): boolean {
  return list.check(address, familyOf(address))
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4'
}

/**
 * Also with a port, as `192.0.2.7:567` and `[::1]:1234`. One address has one spelling: IPv6 in lower case and short, an
 * IPv4 address in IPv6 clothes (`::ffff:10.0.0.1`) without them.
 */
function readAddress(text: string): string | undefined {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\](?::\d{1,5})?|([\d.]+)(?::\d{1,5})?)$/.exec(text) ?? []
  const address = bracketed ?? plain ?? text
  const version = isIP(address)
  if (version === 0 || (bracketed !== undefined && version !== 6)) return undefined
  if (version === 4) return address
  const short = new SocketAddress({ address, family: 'ipv6' }).address
  return /^::ffff:([\d.]+)$/.exec(short)?.[1] ?? short
}
