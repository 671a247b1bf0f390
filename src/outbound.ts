import { Agent, DecoratorHandler, type Dispatcher, Pool, ProxyAgent } from 'undici'

import { AppError } from './errors.ts'
import { deadline } from './lifecycle.ts'
import { createProxyChoice, type ProxyFor, type ProxySettings } from './proxy.ts'

export type HttpRequest = {
  method: 'GET' | 'POST' | 'PUT'
  /** May carry a key in its query: never put it in a message. */
  url: string
  headers?: Record<string, string>
  /** Sent as JSON when given. */
  body?: unknown
  timeoutMs: number
  /** Gives up earlier. */
  signal?: AbortSignal | undefined
}

export type HttpAnswer = {
  status: number
  contentType: string
  text: string
  /** What `Retry-After` says. */
  retryAfterMs?: number | undefined
}

/**
 * One HTTP exchange. Resolves with any answer, whatever its status.
 * @throws AppError `retryable NETWORK` when the request never left, `unknown-outcome NETWORK` when it may have been done
 */
export type SendHttp = (request: HttpRequest) => Promise<HttpAnswer>

const ANSWER_LIMIT_BYTES = 4 * 1024 * 1024

export type Outbound = { send: SendHttp; proxyFor: ProxyFor; close: () => Promise<void> }

/** For name, line, proxy and TLS together; shorter than any call, so that what could not be sent is told from the rest. */
export const CONNECT_MS = 4_000
/** For one address of several, on a line that is slow: Node's own 250 ms is less than some need for a way there and back. */
export const ADDRESS_MS = 1_000

type Handler = Dispatcher.DispatchHandler & Required<Pick<Dispatcher.DispatchHandler, 'onRequestStart'>>

/** @param tell called right before the request is written: whatever goes wrong earlier, nothing was sent */
function beforeWriting(tell: () => void): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) => {
    const noting = new DecoratorHandler(handler) as Handler
    const start = noting.onRequestStart.bind(noting)
    noting.onRequestStart = (controller, context) => {
      tell()
      start(controller, context)
    }
    return dispatch(options, noting)
  }
}

/** Bounds one exchange in time: `signal` aborts at its end, `done` forgets it. */
export type BoundExchange = (request: HttpRequest) => { signal: AbortSignal; done: () => void }

const boundByTime: BoundExchange = ({ timeoutMs, signal }) => deadline(timeoutMs, signal)

/** The process's only HTTP client: keep-alive connections per origin, every exchange bounded in time and size. */
export function createOutbound(proxy: ProxySettings = {}, bound = boundByTime): Outbound {
  const settings = {
    connectTimeout: CONNECT_MS,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: ADDRESS_MS,
    connections: 64,
    keepAliveTimeout: 10_000,
    pipelining: 1,
  }
  const direct = new Agent(settings)
  const proxyFor = createProxyChoice(proxy)
  const proxied: Dispatcher =
    proxy.url === undefined
      ? direct
      : new ProxyAgent({
          ...settings,
          uri: proxy.url,
          // One that takes the line and says nothing is given up as soon as one that cannot be reached.
          clientFactory: (origin, options) =>
            new Pool(origin, { ...(options as Pool.Options), headersTimeout: CONNECT_MS }),
        })

  const send: SendHttp = async (request) => {
    const { method, url, headers, body } = request
    const target = new URL(url)
    const via = proxyFor(target)
    const limit = bound(request)
    let written = false
    const noting = beforeWriting(() => (written = true))
    const exchange = async (): Promise<HttpAnswer> => {
      const answer = await (via ? proxied : direct).compose(noting).request({
        origin: target.origin,
        path: `${target.pathname}${target.search}`,
        method,
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal: limit.signal,
      })
      return {
        status: answer.statusCode,
        contentType: String(answer.headers['content-type'] ?? ''),
        text: await readBounded(answer.body),
        retryAfterMs: readRetryAfter(answer.headers['retry-after']),
      }
    }
    try {
      return await Promise.race([exchange(), rejectedBy(limit.signal)])
    } catch (cause) {
      const where = `${method} ${target.host}${target.pathname}`
      const refused = via && refusalOfProxy(cause)
      const code = errorCode(cause)
      const why = `${refused ?? code}${via ? ` through the proxy ${via.name}` : ''}`
      if (!written) {
        throw new AppError({ kind: 'retryable', code: 'NETWORK' }, `${where} could not be reached (${why})`, {
          detail: why,
        })
      }
      throw new AppError({ kind: 'unknown-outcome', code: 'NETWORK' }, `${where} did not answer (${why})`, {
        detail: why,
      })
    } finally {
      limit.done()
    }
  }

  return {
    send,
    proxyFor,
    async close() {
      await direct.destroy()
      if (proxied !== direct) await proxied.destroy()
    },
  }
}

/** A request that still waits for its connection does not hear of its signal. */
function rejectedBy(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const fail = (): void => reject(signal.reason as Error)
    if (signal.aborted) fail()
    else signal.addEventListener('abort', fail, { once: true })
  })
}

/** What the proxy itself had against the way; undefined when it is not to blame. The text names no address. */
function refusalOfProxy(error: unknown): string | undefined {
  const status = error instanceof Error && /^Proxy response \((\d+)\)/.exec(error.message)?.[1]
  if (status) return `HTTP ${status}`
  return errorCode(error) === 'UND_ERR_HEADERS_TIMEOUT' ? 'no answer' : undefined
}

/** For what a platform says of a refusal: it may repeat what it was sent. */
export function withoutSecrets(text: string, secrets: string[]): string {
  return secrets.reduce((rest, secret) => (secret === '' ? rest : rest.replaceAll(secret, '[secret]')), text)
}

const RETRY_AFTER_MAX_MS = 60_000

/** Seconds; the other form, a date, would need a clock and is used by nobody here. */
function readRetryAfter(header: string | string[] | undefined): number | undefined {
  const seconds = typeof header === 'string' && /^\d+$/.test(header.trim()) ? Number(header) : undefined
  return seconds === undefined ? undefined : Math.min(seconds * 1_000, RETRY_AFTER_MAX_MS)
}

async function readBounded(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > ANSWER_LIMIT_BYTES) throw Object.assign(new Error('answer too large'), { code: 'ANSWER_TOO_LARGE' })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return 'UNKNOWN'
  if (error.name === 'TimeoutError') return 'TIMEOUT'
  const code: unknown = (error as { code?: unknown }).code
  return typeof code === 'string' ? code : error.name
}
