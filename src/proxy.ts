import { BlockList, isIP } from 'node:net'

export type ProxySettings = {
  /** `http://` or `https://`, perhaps with credentials. */
  url?: string | undefined
  /** Hosts that are reached without it, as NO_PROXY names them. */
  except?: string | undefined
}

export type Proxy = {
  /** With its credentials: never to be logged. */
  url: string
  /** Host and port, for people. */
  name: string
}

/** The proxy on the way to an address, or undefined when it is reached directly. */
export type ProxyFor = (target: URL) => Proxy | undefined

const DEFAULT_PORTS: Record<string, string> = { 'http:': '80', 'ws:': '80', 'https:': '443', 'wss:': '443' }

/** One reading of NO_PROXY for REST and WebSocket alike, so that both take the same way. */
export function createProxyChoice({ url, except = '' }: ProxySettings): ProxyFor {
  if (url === undefined) return () => undefined
  const proxy: Proxy = { url, name: new URL(url).host }
  const exceptions = except
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .map(readException)
  return (target) => {
    const host = bare(target.hostname)
    const port = target.port || (DEFAULT_PORTS[target.protocol] ?? '')
    return exceptions.some((matches) => matches(host, port)) ? undefined : proxy
  }
}

/** `*`, `example.com` and `.example.com` (with what is below), each perhaps with `:port`, addresses and `10.0.0.0/8`. */
function readException(entry: string): (host: string, port: string) => boolean {
  if (entry === '*') return () => true
  const [, network = '', bits = ''] = /^(.+)\/(\d{1,3})$/.exec(entry) ?? []
  const version = isIP(bare(network))
  if (version !== 0 && Number(bits) <= (version === 4 ? 32 : 128)) {
    const family = (ip: number): 'ipv4' | 'ipv6' => (ip === 4 ? 'ipv4' : 'ipv6')
    const block = new BlockList()
    block.addSubnet(bare(network), Number(bits), family(version))
    return (host) => isIP(host) !== 0 && block.check(host, family(isIP(host)))
  }
  const [, name = '', only] = isIP(entry) === 6 ? [entry, entry] : (/^(.+?)(?::(\d+))?$/.exec(entry) ?? [])
  const wanted = bare(name.replace(/^\*?\./, '').toLowerCase())
  return (host, port) => (only === undefined || only === port) && (host === wanted || host.endsWith(`.${wanted}`))
}

/** Without the brackets of an IPv6 address in a URL. */
function bare(host: string): string {
  return host.toLowerCase().replace(/^\[(.*)\]$/, '$1')
}
