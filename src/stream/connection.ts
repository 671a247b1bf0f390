import { DWClient } from 'dingtalk-stream'
import { HttpsProxyAgent } from 'https-proxy-agent'
import { type RawData, WebSocket } from 'ws'
import { z } from 'zod'

import { fields, maybeNumber, maybeText, someText } from '../domain/lenient.ts'
import { AppError } from '../errors.ts'
import type { EventLoopWatch } from '../event-loop.ts'
import { ADDRESS_MS, type HttpAnswer, type SendHttp, withoutSecrets } from '../outbound.ts'
import type { Proxy, ProxyFor } from '../proxy.ts'
import { TOPIC_CARD, TOPIC_ROBOT } from './frames.ts'
import { Liveness, type LivenessSettings } from './liveness.ts'
import type { Reply } from './router.ts'

export type ConnectionSettings = LivenessSettings & {
  openTimeoutMs: number
  handshakeTimeoutMs: number
}

export const CONNECTION_SETTINGS: ConnectionSettings = {
  openTimeoutMs: 10_000,
  handshakeTimeoutMs: 10_000,
  pingMs: 3_000,
  suspectAfterMs: 7_000,
  deadAfterMs: 20_000,
}

export type ConnectionDeps = {
  app: { clientId: string; clientSecret: string }
  apiUrl: string
  send: SendHttp
  /** The way to the gateway's WebSocket; that of REST is `send`'s own. */
  proxyFor: ProxyFor
  settings: ConnectionSettings
  eventLoop: EventLoopWatch
  /** Gives up while the connection is being opened; an open one is closed by its own methods. */
  signal?: AbortSignal
}

export type ConnectionEvents = {
  /** @param waitedMs how long it may have lain unread, because this process was busy or stood still */
  onFrame: (raw: string, reply: (reply: Reply) => boolean, waitedMs: number) => void
  /** It has been silent for so long that something should stand in; `heardAt` as below. It may come to life again. */
  onSuspect: (heardAt: number) => void
  /** One that was suspected is well. */
  onRecovered: () => void
  /** Exactly once, after the connection had been open. */
  onClose: (end: ConnectionEnd) => void
}

export type ConnectionEnd = {
  code: number
  /** It was cut by us, because nothing was heard on it any more. */
  silent: boolean
  /** Of the last sign of life, on the monotonic clock. */
  heardAt: number
}

/** A live connection of one app to DingTalk's gateway. */
export type Connection = {
  /**
   * Asks the far side for a sign: when it comes, everything that was sent before it has been read.
   * @returns false when none came within `ms`
   */
  askForSign(ms: number): Promise<boolean>
  /** Says goodbye. Frames that arrive until the far side agrees are still handed on, but cannot be replied to. */
  close(): void
  /** Cuts the line at once. */
  terminate(): void
  /** Reads nothing more for a while, or goes on reading. */
  hold(held: boolean): void
}

/** Room for the largest frames seen, and then some (DingTalk's Java client takes 256 KiB). */
const MAX_FRAME_BYTES = 4 * 1024 * 1024

const Opened = fields({ endpoint: z.url({ protocol: /^wss?$/ }), ticket: someText })
/** Handed on to the socket, which the types of `ws` do not know of. */
const PATIENT: object = { autoSelectFamilyAttemptTimeout: ADDRESS_MS }
/** Of the messages of `ws`, those that hold no URL. */
const HANDSHAKE_FAILURE = /^(Unexpected server response: \d+|Opening handshake has timed out|Invalid [\w-]+ header)/

const Refused = fields({ code: someText, message: maybeText })
/** The firewall's answer to an address that called too often; every call makes it last (page "how-to-process-api-throttling …"). */
const Banned = fields({ status: maybeNumber.pipe(z.literal(1111)), punish: maybeText })

/**
 * Opens one connection and resolves at the first sign of life from the far side: an open socket alone proves nothing.
 * @throws AppError `blocked APP_CREDENTIAL_INVALID` (HTTP 401 in JSON), `blocked STREAM_REFUSED` (HTTP 400 in JSON: not
 *   published, Stream not chosen …), `blocked IM_RATE_LIMITED` while this address is banned, `retryable NETWORK` or `retryable
 *   STREAM_REFUSED` otherwise: a page is an answer of something on the way, whatever its status
 */
export async function openConnection(deps: ConnectionDeps, events: ConnectionEvents): Promise<Connection> {
  const client = new CagedClient(deps, events)
  await client.getEndpoint()
  await client._connect()
  return client
}

/**
 * The vendor's client for exactly one connection. Version 2.1.5 of it reconnects exponentially, dies of a frame that is
 * not JSON, shares its subscriptions between instances, prints to the console and has no timeouts; each method
 * overridden here takes one of these away. What stays its own: configuration, subscriptions, the socket's place.
 */
class CagedClient extends DWClient implements Connection {
  readonly #deps: ConnectionDeps
  readonly #events: ConnectionEvents
  #url = ''
  #socket: WebSocket | undefined
  #liveness: Liveness | undefined
  #signs = 0
  readonly #marks = new Map<string, () => void>()

  constructor(deps: ConnectionDeps, events: ConnectionEvents) {
    super({ clientId: deps.app.clientId, clientSecret: deps.app.clientSecret, ua: 'flashduty-dingtalk' })
    this.#deps = deps
    this.#events = events
    this.config.autoReconnect = false
    // The default list is one array shared by every instance of the process.
    this.config.subscriptions = [
      { type: 'EVENT', topic: '*' },
      { type: 'CALLBACK', topic: TOPIC_CARD },
      { type: 'CALLBACK', topic: TOPIC_ROBOT },
    ]
  }

  /** The same request as the vendor's, with a timeout, a configurable base URL and classified failures. */
  override async getEndpoint(): Promise<this> {
    const { clientId, clientSecret, ua, subscriptions } = this.config
    const answer = await this.#deps
      .send({
        method: 'POST',
        url: `${this.#deps.apiUrl}/v1.0/gateway/connections/open`,
        body: { clientId, clientSecret, ua, subscriptions },
        timeoutMs: this.#deps.settings.openTimeoutMs,
        signal: this.#deps.signal,
      })
      .catch((error: unknown) => {
        // A ticket nobody uses runs out by itself, so an unknown outcome is as good as none.
        if (!(error instanceof AppError)) throw error
        const failure = { kind: 'retryable', code: 'NETWORK' } as const
        throw new AppError(failure, error.message, { cause: error, detail: error.message })
      })
    let body: unknown
    try {
      body = JSON.parse(answer.text)
    } catch {
      body = undefined
    }
    const opened = Opened.safeParse(body)
    if (answer.status === 200 && opened.success) {
      const url = new URL(opened.data.endpoint)
      url.searchParams.set('ticket', opened.data.ticket)
      this.#url = url.href
      return this
    }
    const refused = Refused.safeParse(body)
    const detail = refused.success
      ? withoutSecrets(`${refused.data.code}: ${refused.data.message ?? ''}`, [clientSecret])
      : `${describeAnswer(answer, body)} (${this.#wayTo(this.#deps.apiUrl)})`
    const message = `the gateway refused to open a connection (HTTP ${answer.status})`
    if (Banned.safeParse(body).success) {
      throw new AppError({ kind: 'blocked', code: 'IM_RATE_LIMITED' }, message, { detail: 'this address is banned' })
    }
    if (answer.status === 401 && refused.success) {
      throw new AppError({ kind: 'blocked', code: 'APP_CREDENTIAL_INVALID' }, message, { detail })
    }
    if (answer.status === 400 && refused.success) {
      throw new AppError({ kind: 'blocked', code: 'STREAM_REFUSED' }, message, { detail })
    }
    throw new AppError({ kind: 'retryable', code: 'STREAM_REFUSED' }, message, { detail })
  }

  /** Host and proxy, for people. */
  #wayTo(url: string): string {
    const target = new URL(url)
    const proxy = this.#deps.proxyFor(target)
    return `${target.host}${proxy ? `, through the proxy ${proxy.name}` : ''}`
  }

  override _connect(): Promise<void> {
    const { signal, settings, proxyFor } = this.#deps
    const { handshakeTimeoutMs } = settings
    const proxy = proxyFor(new URL(this.#url))
    // A proxy that never answers would keep its line for ever: the agent's own request can be given up, not its socket.
    const line = new AbortController()
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(this.#url, {
        maxPayload: MAX_FRAME_BYTES,
        perMessageDeflate: false,
        ...PATIENT,
        ...(proxy && { agent: proxyAgent(proxy, line.signal) }),
      })
      this.#socket = socket
      const liveness = new Liveness(settings)
      this.#liveness = liveness
      let phase: 'opening' | 'alive' | 'silent' = 'opening'
      let looking: NodeJS.Timeout | undefined
      let why = 'closed before a sign of life'
      const refuse = (detail: string): void => {
        const text = `${detail} (${this.#wayTo(this.#url)})`
        const failure = { kind: 'retryable', code: 'STREAM_REFUSED' } as const
        reject(new AppError(failure, 'the WebSocket was refused', { detail: text }))
      }
      const giveUp = (): void => socket.terminate()
      const tooLate = setTimeout(() => {
        why = 'Opening handshake has timed out'
        giveUp()
      }, handshakeTimeoutMs)
      signal?.addEventListener('abort', giveUp)
      if (signal?.aborted) giveUp()
      const heard = (): void => {
        if (liveness.heard() && phase === 'alive') this.#events.onRecovered()
        if (phase !== 'opening') return
        phase = 'alive'
        signal?.removeEventListener('abort', giveUp)
        this.connected = true
        resolve()
      }
      const look = (): void => {
        const { ping, seen } = liveness.look()
        // What has come in meanwhile is read before a verdict is carried out, and after a stall.
        if (seen === 'silent' || seen === 'suspect') setImmediate(() => judge(seen))
        if (ping && socket.readyState === WebSocket.OPEN) socket.ping()
      }
      const judge = (seen: 'silent' | 'suspect'): void => {
        if (!(seen === 'silent' ? liveness.isSilent() : liveness.isSuspect())) return
        // One that never was heard is kept for nothing.
        if (seen === 'suspect' && phase === 'alive') return this.#events.onSuspect(liveness.heardAt)
        why = 'no sign of life'
        if (phase === 'alive') phase = 'silent'
        socket.terminate()
      }
      socket.on('open', () => {
        clearTimeout(tooLate)
        liveness.heard()
        looking = setInterval(look, liveness.lookMs)
        look()
      })
      socket.on('pong', (mark) => {
        heard()
        this.#markRead(mark.toString('utf8'))
      })
      socket.on('ping', heard)
      socket.on('message', (data) => {
        heard()
        this.onDownStream(textOf(data))
      })
      // `close` follows every error; the error's text may name the URL and so the ticket, hence only its code.
      socket.on('error', (error: Error & { code?: string }) => {
        if (phase === 'opening') refuse(error.code ?? (HANDSHAKE_FAILURE.exec(error.message)?.[0] || why))
      })
      socket.on('close', (code) => {
        clearTimeout(tooLate)
        clearInterval(looking)
        signal?.removeEventListener('abort', giveUp)
        line.abort()
        this.connected = false
        if (phase === 'opening') refuse(why)
        else this.#events.onClose({ code, silent: phase === 'silent', heardAt: liveness.heardAt })
      })
    })
  }

  /** Frames are read by the router, which cannot throw. */
  override onDownStream(raw: string): void {
    const waitedMs = Math.max(this.#liveness?.waitedMs() ?? 0, this.#deps.eventLoop.waitedMs())
    this.#events.onFrame(raw, (reply) => this.#reply(reply), waitedMs)
  }

  askForSign(ms: number): Promise<boolean> {
    const socket = this.#socket
    if (socket?.readyState !== WebSocket.OPEN) return Promise.resolve(false)
    const question = `sign ${++this.#signs}`
    return new Promise((resolve) => {
      const end = (came: boolean): void => {
        clearTimeout(impatient)
        socket.off('pong', look)
        socket.off('close', gone)
        resolve(came)
      }
      const look = (answer: Buffer): void => {
        if (answer.toString('utf8') === question) end(true)
      }
      const gone = (): void => end(false)
      // A timer that was held up comes before what has come in meanwhile.
      const impatient = setTimeout(() => setImmediate(gone), ms)
      socket.on('pong', look)
      socket.once('close', gone)
      socket.ping(question)
    })
  }

  close(): void {
    this.#socket?.close(1000)
  }

  terminate(): void {
    this.#socket?.terminate()
  }

  hold(held: boolean): void {
    this.#liveness?.hold(held)
    if (held) this.#socket?.pause()
    else this.#socket?.resume()
    this.#mark()
  }

  /** The far side answers a ping behind all that it has sent before: that tells up to when everything has been read. */
  #mark(): void {
    const socket = this.#socket
    if (!this.#liveness || socket?.readyState !== WebSocket.OPEN) return
    const mark = `read ${++this.#signs}`
    this.#marks.set(mark, this.#liveness.mark())
    socket.ping(mark)
  }

  #markRead(mark: string): void {
    const hasRead = this.#marks.get(mark)
    if (!hasRead) return
    this.#marks.delete(mark)
    hasRead()
    if (this.#liveness?.isBehind && this.#marks.size === 0) this.#mark()
  }

  /** On the socket the frame came from, or not at all. */
  #reply({ code, messageId, data }: Reply): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false
    const message = code === 200 ? 'OK' : code === 404 ? 'topic not known here' : 'internal error'
    this.#socket.send(JSON.stringify({ code, headers: { contentType: 'application/json', messageId }, message, data }))
    return true
  }
}

/** Text is what the gateway speaks; a frame that says the same in bytes is as good. */
function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString('utf8')
  return (Buffer.isBuffer(data) ? data : Buffer.from(data)).toString('utf8')
}

function proxyAgent({ url }: Proxy, signal: AbortSignal): HttpsProxyAgent<string> {
  const options = { signal, ...PATIENT } as ConstructorParameters<typeof HttpsProxyAgent>[1]
  return new HttpsProxyAgent(url, options)
}

/** What an operator needs to see that it was no gateway that answered, or not one of this protocol. */
function describeAnswer({ status, contentType }: HttpAnswer, body: unknown): string {
  if (body === undefined) return `HTTP ${status}, ${contentType || 'no content type'} instead of JSON`
  return status === 200 ? 'HTTP 200 without endpoint and ticket' : `HTTP ${status} without a code`
}
