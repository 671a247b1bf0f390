import { request } from 'node:http'

export type Posted = { status: number; text: string; tookMs: number } | { failed: string; tookMs: number }

/**
 * What DingTalk calls from its own network. A connection each time, no redirects followed. Public names lead to local
 * servers as `setProxy` said, which stands for DNS and for the proxy in front of the daemon.
 */
export class HttpOut {
  #proxies = new Map<string, string>()

  setProxy(publicPrefix: string, localPrefix: string): void {
    this.#proxies.set(publicPrefix, localPrefix)
  }

  post(
    url: string,
    call: { query?: Record<string, string>; headers?: Record<string, string>; body: string; deadlineMs: number },
  ): Promise<Posted> {
    const startedAt = performance.now()
    const took = (): number => performance.now() - startedAt
    const target = this.#resolve(url)
    for (const [key, value] of Object.entries(call.query ?? {})) target.searchParams.set(key, value)
    return new Promise((resolve) => {
      const fail = (failed: string): void => resolve({ failed, tookMs: took() })
      const headers = { 'content-type': 'application/json; charset=utf-8', ...call.headers }
      const sent = request(target, { method: 'POST', agent: false, headers }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', () => fail('the answer broke off'))
        response.on('end', () => {
          clearTimeout(timer)
          const text = Buffer.concat(chunks).toString('utf8')
          resolve({ status: response.statusCode ?? 0, text, tookMs: took() })
        })
      })
      // A process that was held up reads what has come in meanwhile before it judges.
      const timer = setTimeout(() => {
        setImmediate(() => {
          fail('timedout')
          sent.destroy()
        })
      }, call.deadlineMs)
      sent.on('error', (error) => {
        clearTimeout(timer)
        fail(`url地址访问异常: ${error.message}`)
      })
      sent.end(call.body)
    })
  }

  #resolve(url: string): URL {
    for (const [from, to] of this.#proxies) if (url.startsWith(from)) return new URL(to + url.slice(from.length))
    return new URL(url)
  }
}
