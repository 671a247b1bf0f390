import { isRecord, type Json, textOf } from './fields.ts'
import { refuse } from './errors.ts'
import type { HttpOut } from './http-out.ts'
import { cardSignature } from './push-crypto.ts'
import type { App, CardForgery } from './types.ts'

type Route = { callbackUrl: string; apiSecret: string }

/** Addresses for the presses of HTTP cards, by the key that a card names (D:register-card-callback-address). */
export class CardRoutes {
  #routes = new Map<string, Route>()

  find(clientId: string, routeKey: string): Route | undefined {
    return this.#routes.get(`${clientId} ${routeKey}`)
  }

  /** A key that is taken keeps its address unless forced, and what is kept comes back. */
  register(app: App, body: Json): Json {
    const routeKey = textOf(body['callbackRouteKey'])
    const callbackUrl = textOf(body['callbackUrl'])
    if (routeKey === '') refuse('param.callbackRouteKeyEmpty')
    if (callbackUrl === '') refuse('param.callbackUrlEmpty')
    if (!URL.canParse(callbackUrl)) refuse('param.invalid', 'callbackUrl is no address')
    const key = `${app.clientId} ${routeKey}`
    const kept = this.#routes.get(key)
    const route = kept && body['forceUpdate'] !== true ? kept : { callbackUrl, apiSecret: textOf(body['apiSecret']) }
    this.#routes.set(key, route)
    return { success: true, result: { ...route } }
  }
}

type Sent = { headers: Record<string, string>; body: string }

/** Presses of HTTP cards. */
export class CardCallback {
  #out: HttpOut
  #last: Sent | undefined

  constructor(out: HttpOut) {
    this.#out = out
  }

  /** @returns the answer's body when it is an object that came in time, else why the client shows a failed request */
  async call(
    route: Route,
    callback: Json,
    deadlineMs: number,
    forgery?: CardForgery,
  ): Promise<({ response: Json } | { reason: string; status: number }) & { tookMs: number }> {
    const sent = this.#compose(route, callback, forgery)
    this.#last = sent
    const posted = await this.#out.post(route.callbackUrl, { ...sent, deadlineMs })
    const { tookMs } = posted
    if ('failed' in posted) return { reason: posted.failed, status: 0, tookMs }
    if (posted.status !== 200) return { reason: `HTTP ${posted.status}`, status: posted.status, tookMs }
    try {
      const response: unknown = JSON.parse(posted.text)
      if (isRecord(response)) return { response, tookMs }
    } catch {
      // Told below.
    }
    return { reason: 'the answer is no JSON object', status: 200, tookMs }
  }

  #compose(route: Route, callback: Json, forgery: CardForgery | undefined): Sent {
    const body = JSON.stringify(callback)
    if (forgery === 'replay' || forgery === 'replay-with-another-body') {
      if (!this.#last) throw new Error('nothing was pressed yet')
      return forgery === 'replay' ? this.#last : { ...this.#last, body }
    }
    const timestamp = String(Date.now() - (forgery === 'late' ? 6 * 60_000 : 0))
    const signature = cardSignature(forgery === 'bad-signature' ? 'guessed' : route.apiSecret, timestamp)
    const isSigned = route.apiSecret !== '' && forgery !== 'unsigned'
    return {
      body: forgery === 'huge' ? JSON.stringify({ ...callback, padding: 'A'.repeat(2 * 1024 * 1024) }) : body,
      headers: isSigned ? { 'x-ddpaas-signature-timestamp': timestamp, 'x-ddpaas-signature': signature } : {},
    }
  }
}
