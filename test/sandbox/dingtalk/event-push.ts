import { parseRecord } from './fields.ts'
import type { HttpOut, Posted } from './http-out.ts'
import { newNonce } from './ids.ts'
import type { MemoryJournal } from './journal.ts'
import { encrypt, type EventKeys, faultOfAnswer, signatureOf } from './push-crypto.ts'
import type { StreamEvent } from './stream-frames.ts'
import type { App, DingTalkSettings, EventForgery, Saved } from './types.ts'

type Deps = { settings: DingTalkSettings; journal: MemoryJournal; out: HttpOut }
type Push = { query: Record<string, string>; body: string; headers?: Record<string, string> }

/** Events to the address that the console of an app names (D:develop-stream-mode-push-server, HTTP mode). */
export class EventPush {
  #deps: Deps
  #last = new Map<string, Push>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** What the console does before it keeps an address: it has to answer `check_url`. */
  async check(app: App, url: string, keys: EventKeys): Promise<Saved> {
    const posted = await this.#post(url, sealed(app, keys, { EventType: 'check_url' }))
    const reason = faultOf(app, keys, posted)
    this.#note(app, 'check_url', posted, reason)
    return reason === undefined ? { saved: true } : { saved: false, reason }
  }

  /** One attempt. @returns whether it was answered as it must be */
  async push(app: App, event: StreamEvent, attempt: number): Promise<boolean> {
    const { url, keys } = addressOf(app)
    const push = sealed(app, keys, plainOf(app, event))
    this.#last.set(app.clientId, push)
    const posted = await this.#post(url, push)
    const reason = faultOf(app, keys, posted)
    this.#note(app, 'event', posted, reason, { businessId: event.eventId, attempt })
    return reason === undefined
  }

  /** A push as DingTalk itself would never send it, or the last one once more. */
  async forge(app: App, event: StreamEvent, forgery: EventForgery): Promise<{ status: number; text: string }> {
    const { url, keys } = addressOf(app)
    const plain = plainOf(app, event)
    const posted = await this.#post(url, this.#forged(app, keys, plain, forgery))
    return 'failed' in posted ? { status: 0, text: posted.failed } : posted
  }

  #forged(app: App, keys: EventKeys, plain: object, forgery: EventForgery): Push {
    const good = sealed(app, keys, plain)
    switch (forgery) {
      case 'replay': {
        const last = this.#last.get(app.clientId)
        if (!last) throw new Error('nothing was pushed yet')
        return last
      }
      case 'bad-signature': {
        const wrong = '0'.repeat(40)
        return { ...good, query: { ...good.query, signature: wrong, msg_signature: wrong } }
      }
      case 'wrong-owner':
        return sealed({ ...app, clientId: 'dingsomebodyelse' }, keys, plain)
      case 'wrong-padding':
        return sealed(app, keys, fillUp(app, plain), 16)
      case 'wrong-key':
        return sealed(app, { ...keys, aesKey: keys.aesKey.slice(1) + keys.aesKey.slice(0, 1) }, plain)
      case 'plain':
        return { query: {}, body: JSON.stringify(plain) }
      case 'not-json':
        return { ...good, headers: { 'content-type': 'text/plain' } }
      case 'huge':
        return { ...good, body: JSON.stringify({ encrypt: 'A'.repeat(2 * 1024 * 1024) }) }
      case 'old-names': {
        const { msg_signature: _, timestamp = '', ...rest } = good.query
        return { ...good, query: { ...rest, timeStamp: timestamp } }
      }
      case 'late':
        return sealed(app, keys, plain, undefined, Date.now() - 2 * 3_600_000)
      case 'by-corporation':
        return sealed({ ...app, clientId: app.corpId }, keys, plain)
    }
  }

  #post(url: string, push: Push): Promise<Posted> {
    return this.#deps.out.post(url, { ...push, deadlineMs: this.#deps.settings.httpEventDeadlineMs })
  }

  #note(
    app: App,
    kind: 'check_url' | 'event',
    posted: Posted,
    reason: string | undefined,
    about: { businessId?: string; attempt?: number } = {},
  ): void {
    const { tookMs } = posted
    const status = 'failed' in posted ? 0 : posted.status
    this.#deps.journal.add({ type: 'http-push', clientId: app.clientId, kind, status, reason, tookMs, ...about })
  }
}

/** Until padding to blocks of 16 and of 32 bytes differ. */
function fillUp(app: App, plain: object): object {
  for (let filler = ''; ; filler += 'x') {
    const filled = { ...plain, filler }
    const size = 20 + Buffer.byteLength(JSON.stringify(filled)) + Buffer.byteLength(app.clientId)
    if (size % 32 < 16) return filled
  }
}

function addressOf(app: App): { url: string; keys: EventKeys } {
  if (!app.eventAddress) throw new Error(`the console of ${app.clientId} names no address for events`)
  return { url: app.eventAddress.url, keys: app.eventAddress }
}

/** Both spellings of the signature, as pages of different ages have it. */
function sealed(app: App, keys: EventKeys, plain: object, blockSize?: number, nowMs: number = Date.now()): Push {
  const encrypted = encrypt(keys, JSON.stringify(plain), app.clientId, blockSize)
  const timestamp = String(nowMs)
  const nonce = newNonce()
  const signature = signatureOf(keys, timestamp, nonce, encrypted)
  return {
    query: { signature, msg_signature: signature, timestamp, nonce },
    body: JSON.stringify({ encrypt: encrypted }),
  }
}

function faultOf(app: App, keys: EventKeys, posted: Posted): string | undefined {
  if ('failed' in posted) return posted.failed
  if (posted.status >= 300 && posted.status < 400) return 'URL地址在安全黑名单中不允许使用'
  if (posted.status !== 200) return `url地址访问异常,错误原因为:http statusCode is:${posted.status}`
  return faultOfAnswer(keys, app.clientId, posted.text, 'success')
}

/** Envelope and business fields in one object; apps of the register-callback era get UpperCamel keys and no ids. */
function plainOf(app: App, { eventType, eventId, bornTime, data }: StreamEvent): object {
  const fields = parseRecord(data) ?? {}
  if (app.eventForm === 'legacy') {
    const upper = Object.entries(fields).map(([key, value]) => [key.charAt(0).toUpperCase() + key.slice(1), value])
    return { EventType: eventType, TimeStamp: bornTime, CorpId: app.corpId, ...Object.fromEntries(upper) }
  }
  return {
    EventType: eventType,
    EventTime: bornTime,
    CorpId: app.corpId,
    BizId: String(bornTime),
    eventId,
    ...fields,
  }
}
