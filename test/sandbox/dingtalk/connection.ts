import { randomInt } from 'node:crypto'
import type { RawData, WebSocket } from 'ws'
import type { VirtualClock } from './clock.ts'
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

type Deps = {
  settings: DingTalkSettings
  clock: VirtualClock
  journal: MemoryJournal
  timers: Timers
  onClose: (id: string) => void
}
type Push = { attempt: number; businessId?: string; deadlineMs?: number }

/** One Stream connection, from accepted upgrade to close. Its id is the ticket that opened it. */
export class Connection {
  readonly id: string
  readonly clientId: string
  readonly subscriptions: Subscription[]
  #socket: WebSocket
  #deps: Deps
  #expected = new Map<string, Expectation>()
  #phase: 'live' | 'leaving' | 'closed' | 'haunting' = 'live'
  #endedBy: 'client' | 'server' = 'client'
  #wasCut = false
  /** What does not work on it any more. */
  #broken = { sending: false, reading: false, pongs: false }
  #losesPushes = 0
  #expiresAtMs = Infinity
  /** Until when what goes out is held up, on the monotonic clock. */
  #sendsAfter = 0
  #delayed: (() => void)[] = []
  /** Until when pings are left unanswered, on the monotonic clock. */
  #pongsAfter = 0

  constructor(id: string, clientId: string, subscriptions: Subscription[], socket: WebSocket, deps: Deps) {
    this.id = id
    this.clientId = clientId
    this.subscriptions = subscriptions
    this.#socket = socket
    this.#deps = deps
    socket.on('message', (data) => this.#receive(data))
    socket.on('ping', (data) => {
      const lateMs = this.#pongsAfter - performance.now()
      const pong = (): void => {
        if (!this.#broken.pongs) this.#later(() => socket.pong(data, undefined, () => {}))
      }
      if (lateMs <= 0) pong()
      else deps.timers.after(lateMs, pong)
    })
    socket.on('close', (code) => this.#closed(code))
    socket.on('error', () => socket.terminate())
    deps.journal.add({ type: 'stream-open', connectionId: id, clientId, subscriptions })
    this.#schedulePing()
    this.#scheduleEnd()
  }

  get isLive(): boolean {
    return this.#phase === 'live' && this.#socket.readyState === this.#socket.OPEN
  }

  /** Whether pushes are routed here: that of some is not known yet to be gone. */
  get isRoutable(): boolean {
    return this.isLive || this.#phase === 'haunting'
  }

  get wasCut(): boolean {
    return this.#wasCut
  }

  subscribedTo(type: string, topic: string): boolean {
    return this.subscriptions.some((entry) => entry.type === type && entry.topic === topic)
  }

  /** Resolves with the reply, or with the reason why there will be none. Without a deadline it waits for the close. */
  push(frame: Frame, { attempt, businessId, deadlineMs }: Push): Promise<PushOutcome> {
    const { messageId } = frame.headers
    const isPush = frame.type !== 'SYSTEM'
    return new Promise((settle) => {
      const cancelDeadline =
        deadlineMs === undefined ? () => {} : this.#deps.timers.deadline(deadlineMs, () => this.#expire(messageId))
      this.#expected.set(messageId, { sentAtMs: performance.now(), state: 'open', settle, cancelDeadline })
      this.#send(frame, JSON.stringify(frame), messageId, {
        attempt,
        ...(businessId === undefined ? {} : { businessId }),
        ...(this.#isLost(isPush) ? { lost: true } : {}),
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
    this.#send(parsed ?? text, raw, messageId, { attempt: 1, ...(this.#isLost(false) ? { lost: true } : {}) })
  }

  /**
   * SYSTEM disconnect, then nothing more, then the TCP connection goes (the stream protocol page).
   * @param silenceMs how long it stays before it goes; Infinity = for ever
   */
  leave(silenceMs: number = this.#deps.settings.disconnectSilenceMs): void {
    if (this.#phase !== 'live') return
    void this.push(disconnectFrame(), { attempt: 1 })
    this.#phase = 'leaving'
    if (Number.isFinite(silenceMs)) this.#deps.timers.after(silenceMs, () => this.cut())
  }

  leaveIfExpired(): void {
    if (this.#deps.clock.nowMs() >= this.#expiresAtMs) this.leave()
  }

  /** Ends the TCP connection without a close frame. */
  cut(): void {
    this.#endedBy = 'server'
    this.#wasCut = true
    this.#socket.terminate()
  }

  close(code: number): void {
    this.#endedBy = 'server'
    this.#socket.close(code)
  }

  /** Half-open: nothing goes out any more, not even pongs, and nothing that comes in is read. */
  freeze(): void {
    this.break({ sending: true, reading: true, pongs: true })
  }

  /** A line so slow that pings of the next while are answered at its end; everything else goes on. */
  delayPongs(ms: number): void {
    this.#pongsAfter = performance.now() + ms
  }

  break(parts: Partial<{ sending: boolean; reading: boolean; pongs: boolean }>): void {
    Object.assign(this.#broken, parts)
    if (parts.reading) this.#socket.pause()
  }

  loseNextPush(): void {
    this.#losesPushes += 1
  }

  /** Gone, and still pushed to. */
  haunt(): void {
    this.#phase = 'haunting'
  }

  #isLost(isPush: boolean): boolean {
    if (this.#broken.sending || this.#phase === 'haunting') return true
    if (!isPush || this.#losesPushes === 0) return false
    this.#losesPushes -= 1
    return true
  }

  #send(
    frame: unknown,
    raw: string | Buffer,
    messageId: string,
    push: { attempt: number; businessId?: string; lost?: true },
  ): void {
    this.#deps.journal.add({ type: 'frame-sent', connectionId: this.id, messageId, frame, ...push })
    if (!push.lost) this.#later(() => this.#socket.send(raw, () => {}))
  }

  /** At once, or a little later but in order when the line jitters. */
  #later(act: () => void): void {
    const { jitterMs } = this.#deps.settings
    if (jitterMs <= 0 && this.#delayed.length === 0) return act()
    this.#delayed.push(act)
    const now = performance.now()
    this.#sendsAfter = Math.max(this.#sendsAfter, now + randomInt(jitterMs + 1))
    // Timers of one moment may come in any order.
    this.#deps.timers.after(this.#sendsAfter - now, () => {
      const next = this.#delayed.shift()
      if (this.#socket.readyState === this.#socket.OPEN) next?.()
    })
  }

  #scheduleEnd(): void {
    const { lifetimeMs, lifetimeJitter } = this.#deps.settings
    if (lifetimeMs <= 0) return
    const ageMs = Math.round(lifetimeMs * (1 - (lifetimeJitter * randomInt(1_000)) / 1_000))
    this.#expiresAtMs = this.#deps.clock.nowMs() + ageMs
    this.#deps.timers.after(ageMs, () => this.leaveIfExpired())
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
    if (this.#broken.reading) return
    const text = rawText(raw)
    const frame = parseRecord(text)
    const messageId = isRecord(frame?.['headers']) ? textOf(frame['headers']['messageId']) : ''
    if (!frame) return this.#violate('', 'not a JSON object', text)
    if (messageId === '') return this.#violate('', 'no headers.messageId', frame)
    const expected = this.#expected.get(messageId)
    if (!expected) return this.#violate(messageId, 'reply to a messageId never sent on this connection', frame)
    const tookMs = performance.now() - expected.sentAtMs
    if (expected.state !== 'open') {
      const late = `late reply, after ${Math.round(tookMs)} ms`
      if (this.#deps.settings.wedgeOnLateReply) this.break({ reading: true, pongs: true })
      return this.#violate(messageId, expected.state === 'answered' ? 'second reply' : late, frame)
    }
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
