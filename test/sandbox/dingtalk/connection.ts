import type { RawData, WebSocket } from 'ws'
import { isRecord, parseRecord, textOf } from './fields.ts'
import type { MemoryJournal } from './journal.ts'
import type { Frame, Reply } from './stream-frames.ts'
import { disconnectFrame, pingFrame } from './stream-frames.ts'
import type { Subscription } from './tickets.ts'
import type { Timers } from './timers.ts'
import type { DingTalkSettings } from './types.ts'

export type PushOutcome =
  | { kind: 'reply'; reply: Reply; tookMs: number }
  | { kind: 'miss'; reason: string; tookMs: number }

/** What was sent and how the reply to it stands. */
type Expectation = {
  sentAtMs: number
  state: 'open' | 'answered' | 'expired'
  settle: (outcome: PushOutcome) => void
  cancelDeadline: () => void
}

type Deps = { settings: DingTalkSettings; journal: MemoryJournal; timers: Timers; onClose: (id: string) => void }
type Push = { attempt: number; businessId?: string; deadlineMs?: number }

/** One Stream connection, from accepted upgrade to close. Its id is the ticket that opened it. */
export class Connection {
  readonly id: string
  readonly clientId: string
  readonly subscriptions: Subscription[]
  #socket: WebSocket
  #deps: Deps
  #expected = new Map<string, Expectation>()
  #phase: 'live' | 'leaving' | 'closed' = 'live'
  #endedBy: 'client' | 'server' = 'client'
  #frozen = false

  constructor(id: string, clientId: string, subscriptions: Subscription[], socket: WebSocket, deps: Deps) {
    this.id = id
    this.clientId = clientId
    this.subscriptions = subscriptions
    this.#socket = socket
    this.#deps = deps
    socket.on('message', (data) => this.#receive(data))
    socket.on('close', (code) => this.#closed(code))
    socket.on('error', () => socket.terminate())
    deps.journal.add({ type: 'stream-open', connectionId: id, clientId, subscriptions })
    this.#schedulePing()
  }

  /** Whether pushes may still be routed here. */
  get isLive(): boolean {
    return this.#phase === 'live' && this.#socket.readyState === this.#socket.OPEN
  }

  subscribedTo(type: string, topic: string): boolean {
    return this.subscriptions.some((entry) => entry.type === type && entry.topic === topic)
  }

  /** Resolves with the reply, or with the reason why there will be none. Without a deadline it waits for the close. */
  push(frame: Frame, { attempt, businessId, deadlineMs }: Push): Promise<PushOutcome> {
    const { messageId } = frame.headers
    return new Promise((settle) => {
      const cancelDeadline =
        deadlineMs === undefined ? () => {} : this.#deps.timers.after(deadlineMs, () => this.#expire(messageId))
      this.#expected.set(messageId, { sentAtMs: performance.now(), state: 'open', settle, cancelDeadline })
      this.#send(frame, JSON.stringify(frame), messageId, {
        attempt,
        ...(businessId === undefined ? {} : { businessId }),
      })
    })
  }

  /** Text or bytes as they are. When they happen to carry a messageId, one reply to it is in order, at any time. */
  sendRaw(raw: string | Buffer): void {
    const text = raw.toString()
    const parsed = parseRecord(text)
    const messageId = isRecord(parsed?.['headers']) ? textOf(parsed['headers']['messageId']) : ''
    if (messageId !== '' && !this.#expected.has(messageId)) {
      const sentAtMs = performance.now()
      this.#expected.set(messageId, { sentAtMs, state: 'open', settle: () => {}, cancelDeadline: () => {} })
    }
    this.#send(parsed ?? text, raw, messageId, { attempt: 1 })
  }

  /** SYSTEM disconnect, then nothing more, then the TCP connection goes (the stream protocol page). */
  leave(): void {
    if (this.#phase !== 'live') return
    void this.push(disconnectFrame(), { attempt: 1 })
    this.#phase = 'leaving'
    this.#deps.timers.after(this.#deps.settings.disconnectSilenceMs, () => this.cut())
  }

  /** Ends the TCP connection without a close frame. */
  cut(): void {
    this.#endedBy = 'server'
    this.#socket.terminate()
  }

  /** Half-open: nothing goes out any more, not even pongs, and nothing that comes in is read. */
  freeze(): void {
    this.#frozen = true
    this.#socket.pause()
  }

  #send(frame: unknown, raw: string | Buffer, messageId: string, push: { attempt: number; businessId?: string }): void {
    this.#deps.journal.add({ type: 'frame-sent', connectionId: this.id, messageId, frame, ...push })
    if (!this.#frozen) this.#socket.send(raw, () => {})
  }

  #schedulePing(): void {
    const { systemPingMs } = this.#deps.settings
    if (systemPingMs > 0) this.#deps.timers.after(systemPingMs, () => void this.#ping())
  }

  /** A client that does not echo is taken for dead. */
  async #ping(): Promise<void> {
    if (!this.isLive) return
    const frame = pingFrame()
    const outcome = await this.push(frame, { attempt: 1, deadlineMs: this.#deps.settings.systemPingReplyMs })
    if (!this.isLive) return
    if (outcome.kind === 'miss') {
      this.#violate(frame.headers.messageId, 'ping was not echoed in time', frame)
      return this.cut()
    }
    const echo = parseRecord(outcome.reply.data)
    if (echo?.['opaque'] !== parseRecord(frame.data)?.['opaque']) {
      this.#violate(frame.headers.messageId, 'ping was echoed with other data', outcome.reply)
    }
    this.#schedulePing()
  }

  #receive(raw: RawData): void {
    // What had come in before the pause is handed out when the socket closes.
    if (this.#frozen) return
    const text = rawText(raw)
    const frame = parseRecord(text)
    const messageId = isRecord(frame?.['headers']) ? textOf(frame['headers']['messageId']) : ''
    if (!frame) return this.#violate('', 'not a JSON object', text)
    if (messageId === '') return this.#violate('', 'no headers.messageId', frame)
    const expected = this.#expected.get(messageId)
    if (!expected) return this.#violate(messageId, 'reply to a messageId never sent on this connection', frame)
    const tookMs = performance.now() - expected.sentAtMs
    if (expected.state === 'answered') return this.#violate(messageId, 'second reply', frame)
    if (expected.state === 'expired')
      return this.#violate(messageId, `late reply, after ${Math.round(tookMs)} ms`, frame)
    expected.state = 'answered'
    expected.cancelDeadline()
    this.#deps.journal.add({ type: 'frame-received', connectionId: this.id, messageId, frame, tookMs })
    const reply: Reply = { code: frame['code'], message: frame['message'], data: frame['data'] }
    expected.settle({ kind: 'reply', reply, tookMs })
  }

  #expire(messageId: string): void {
    const expected = this.#expected.get(messageId)
    if (expected?.state !== 'open') return
    expected.state = 'expired'
    expected.settle({ kind: 'miss', reason: 'no reply in time', tookMs: performance.now() - expected.sentAtMs })
  }

  #closed(code: number): void {
    this.#phase = 'closed'
    this.#deps.journal.add({ type: 'stream-close', connectionId: this.id, code, by: this.#endedBy })
    for (const expected of this.#expected.values()) {
      if (expected.state !== 'open') continue
      expected.state = 'expired'
      expected.cancelDeadline()
      expected.settle({ kind: 'miss', reason: 'connection closed', tookMs: performance.now() - expected.sentAtMs })
    }
    this.#deps.onClose(this.id)
  }

  #violate(messageId: string, reason: string, frame: unknown): void {
    this.#deps.journal.add({ type: 'violation', connectionId: this.id, messageId, reason, frame })
  }
}

function rawText(raw: RawData): string {
  if (Array.isArray(raw)) return Buffer.concat(raw).toString('utf8')
  return Buffer.isBuffer(raw) ? raw.toString('utf8') : Buffer.from(raw).toString('utf8')
}
