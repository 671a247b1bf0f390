import { DWClient } from 'dingtalk-stream'
import { WebSocket } from 'ws'
import { z } from 'zod'

import { AppError } from '../errors.ts'
import { type HttpAnswer, type SendHttp, withoutSecrets } from '../outbound.ts'
import { TOPIC_CARD, TOPIC_ROBOT } from './frames.ts'
import type { Reply } from './router.ts'

export type ConnectionSettings = {
  openTimeoutMs: number
  handshakeTimeoutMs: number
  /** A ping goes out this often; a connection silent for `deadAfterMs` is cut. */
  pingMs: number
  deadAfterMs: number
}

export const CONNECTION_SETTINGS: ConnectionSettings = {
  openTimeoutMs: 10_000,
  handshakeTimeoutMs: 10_000,
  pingMs: 10_000,
  deadAfterMs: 25_000,
}

export type ConnectionDeps = {
  app: { clientId: string; clientSecret: string }
  apiUrl: string
  send: SendHttp
  settings: ConnectionSettings
  /** Gives up while the connection is being opened; an open one is closed by its own methods. */
  signal?: AbortSignal
}

export type ConnectionEvents = {
  onFrame: (raw: string, reply: (reply: Reply) => boolean) => void
  /** Exactly once, after the connection had been open. */
  onClose: (code: number) => void
}

/** A live connection of one app to DingTalk's gateway. */
export type Connection = {
  /** Says goodbye; frames that arrive until the far side agrees still get their replies. */
  close(): void
  /** Cuts the line at once. */
  terminate(): void
}

/** Room for the largest frames seen, and then some (DingTalk's Java client takes 256 KiB). */
const MAX_FRAME_BYTES = 4 * 1024 * 1024

const Opened = z.looseObject({ endpoint: z.string().min(1), ticket: z.string().min(1) })
/** Of the messages of `ws`, those that hold no URL. */
const HANDSHAKE_FAILURE = /^(Unexpected server response: \d+|Opening handshake has timed out|Invalid [\w-]+ header)/

const Refused = z.looseObject({ code: z.string(), message: z.string().default('') })

/**
 * Opens one connection and resolves when its socket is open.
 * @throws AppError `blocked APP_CREDENTIAL_INVALID` (HTTP 401), `blocked STREAM_REFUSED` (HTTP 400: not published, Stream
 *   not chosen …), `retryable NETWORK` or `retryable STREAM_REFUSED` otherwise
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
        throw new AppError({ kind: 'retryable', code: 'NETWORK' }, error.message, {
          cause: error,
          detail: error.message,
        })
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
      ? withoutSecrets(`${refused.data.code}: ${refused.data.message}`, [clientSecret])
      : describeAnswer(answer, body)
    const message = `the gateway refused to open a connection (HTTP ${answer.status})`
    if (answer.status === 401) {
      throw new AppError({ kind: 'blocked', code: 'APP_CREDENTIAL_INVALID' }, message, { detail })
    }
    if (answer.status === 400 && refused.success) {
      throw new AppError({ kind: 'blocked', code: 'STREAM_REFUSED' }, message, { detail })
    }
    throw new AppError({ kind: 'retryable', code: 'STREAM_REFUSED' }, message, { detail })
  }

  override _connect(): Promise<void> {
    const { signal, settings } = this.#deps
    const { handshakeTimeoutMs, pingMs, deadAfterMs } = settings
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(this.#url, {
        handshakeTimeout: handshakeTimeoutMs,
        maxPayload: MAX_FRAME_BYTES,
        perMessageDeflate: false,
      })
      this.#socket = socket
      let open = false
      // Counted in pings, not in time: after a busy spell of this process the answers are there, only not read yet.
      const patience = Math.max(1, Math.floor(deadAfterMs / pingMs))
      let unanswered = 0
      const heard = (): void => {
        unanswered = 0
      }
      const pinging = setInterval(() => {
        if (socket.readyState !== WebSocket.OPEN) return
        if (unanswered >= patience) return socket.terminate()
        unanswered += 1
        socket.ping()
      }, pingMs)
      const giveUp = (): void => socket.terminate()
      signal?.addEventListener('abort', giveUp)
      if (signal?.aborted) giveUp()
      socket.on('open', () => {
        open = true
        signal?.removeEventListener('abort', giveUp)
        this.connected = true
        heard()
        resolve()
      })
      socket.on('pong', heard)
      socket.on('ping', heard)
      socket.on('message', (data, isBinary) => {
        heard()
        this.onDownStream(isBinary ? '' : (data as Buffer).toString('utf8'))
      })
      // `close` follows every error; the error's text may name the URL and so the ticket, hence only its code.
      socket.on('error', (error: Error & { code?: string }) => {
        if (open) return
        const detail = error.code ?? (HANDSHAKE_FAILURE.exec(error.message)?.[0] || error.name)
        reject(new AppError({ kind: 'retryable', code: 'STREAM_REFUSED' }, 'the WebSocket was refused', { detail }))
      })
      socket.on('close', (code) => {
        clearInterval(pinging)
        signal?.removeEventListener('abort', giveUp)
        this.connected = false
        if (open) this.#events.onClose(code)
        else reject(new AppError({ kind: 'retryable', code: 'STREAM_REFUSED' }, 'the WebSocket was closed'))
      })
    })
  }

  /** Frames are read by the router, which cannot throw. */
  override onDownStream(raw: string): void {
    this.#events.onFrame(raw, (reply) => this.#reply(reply))
  }

  close(): void {
    this.#socket?.close(1000)
  }

  terminate(): void {
    this.#socket?.terminate()
  }

  /** On the socket the frame came from, or not at all. */
  #reply({ code, messageId, data }: Reply): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false
    const message = code === 200 ? 'OK' : code === 404 ? 'topic not known here' : 'internal error'
    this.#socket.send(JSON.stringify({ code, headers: { contentType: 'application/json', messageId }, message, data }))
    return true
  }
}

/** What an operator needs to see that it was no gateway that answered, or not one of this protocol. */
function describeAnswer({ status, contentType }: HttpAnswer, body: unknown): string {
  if (body === undefined) return `HTTP ${status}, ${contentType || 'no content type'} instead of JSON`
  return status === 200 ? 'HTTP 200 without endpoint and ticket' : `HTTP ${status} without a code`
}
