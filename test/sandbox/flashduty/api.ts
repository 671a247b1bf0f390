import { once } from 'node:events'
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Body } from './body.ts'
import { CALLS, type Call } from './calls.ts'
import { consolePage } from './console-page.ts'
import { FlashdutyError, invalid } from './errors.ts'
import { requestId } from './ids.ts'
import type { Store } from './store.ts'
import type { FlashdutyFault, FlashdutyRequest } from './types.ts'

const BODY_BYTES = 1024 * 1024

type Effect = FlashdutyFault['effect']
type Answer = { status: number; body: Record<string, unknown>; headers?: Record<string, string> | undefined }

/** The HTTP side: finds out who calls what, does it, wraps the outcome in the envelope, and journals it. */
export class OpenApi {
  readonly requests: FlashdutyRequest[] = []
  readonly #store: Store
  readonly #noted: (request: FlashdutyRequest) => void
  readonly #server = createServer((request, response) => {
    this.#serve(request, response).catch((error: unknown) => response.destroy(error as Error))
  })
  #faults: { fault: FlashdutyFault; left: number }[] = []

  constructor(store: Store, noted: (request: FlashdutyRequest) => void) {
    this.#store = store
    this.#noted = noted
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  addFault(fault: FlashdutyFault): void {
    this.#faults.push({ fault, left: fault.times ?? 1 })
  }

  clearFaults(): void {
    this.#faults = []
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://flashduty')
    if (request.method === 'GET') {
      const page = consolePage(this.#store, url.pathname)
      if (page !== undefined) {
        response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(page)
        return
      }
    }
    const raw = await readBody(request)
    const caller = this.#store.memberByKey(url.searchParams.get('app_key'), url.pathname)
    const entry: FlashdutyRequest = {
      at: Date.now(),
      path: url.pathname,
      member_id: caller?.member_id,
      body: parse(raw) ?? raw?.toString(),
      status: 0,
      answer: undefined,
    }
    this.requests.push(entry)
    this.#noted(entry)

    const run = (): Answer => {
      try {
        const call = route(request, url.pathname)
        if (caller === undefined) throw new FlashdutyError('Unauthorized', 'Invalid app_key', 'app_key 无效')
        return { status: 200, body: { data: call(this.#store, caller, bodyOf(request, raw)) } }
      } catch (error) {
        return refusal(error, request.headers['accept-language'])
      }
    }
    const answer = await this.#underFault(this.#takeFault(url.pathname), run, response)
    if (answer === undefined) return
    const id = requestId(Date.now())
    entry.status = answer.status
    entry.answer = { request_id: id, ...answer.body }
    response.writeHead(answer.status, {
      'Content-Type': 'application/json; charset=utf-8',
      'Flashcat-Request-Id': id,
      ...answer.headers,
    })
    response.end(JSON.stringify(entry.answer))
    this.#noted(entry)
  }

  /** Undefined = this call gets no answer. */
  async #underFault(
    effect: Effect | undefined,
    run: () => Answer,
    response: ServerResponse,
  ): Promise<Answer | undefined> {
    if (effect === undefined) return run()
    if (effect.kind === 'error') {
      const { status, code, message, headers } = effect
      return { status, body: { error: { code, message } }, headers }
    }
    if (effect.kind === 'delay') {
      await sleep(effect.ms, undefined, { ref: false })
      return run()
    }
    if (effect.kind === 'hold') {
      await effect.until()
      return run()
    }
    if (effect.kind !== 'hang') run()
    if (effect.kind === 'apply-then-reset') response.socket?.resetAndDestroy()
    return undefined
  }

  #takeFault(path: string): Effect | undefined {
    const hit = this.#faults.find(({ fault, left }) => fault.path === path && left > 0)
    if (hit !== undefined) hit.left -= 1
    return hit?.fault.effect
  }
}

function route(request: IncomingMessage, path: string): Call {
  const call = Object.hasOwn(CALLS, path) ? CALLS[path] : undefined
  if (call === undefined) throw new FlashdutyError('RouteNotFound', `No route for ${path}`, `路径 ${path} 不存在`)
  if (request.method !== 'POST') throw new FlashdutyError('MethodNotAllowed', 'Use POST', '请使用 POST')
  return call
}

/** An empty body counts as `{}`. */
function bodyOf(request: IncomingMessage, raw: Buffer | undefined): Body {
  if (raw === undefined) throw new FlashdutyError('EntityTooLarge', 'Body too large', '请求体过大')
  if (raw.length === 0) return {}
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    throw new FlashdutyError('InvalidContentType', 'Content-Type must be application/json', 'Content-Type 须为 JSON')
  }
  const body = parse(raw)
  if (body === undefined) throw new FlashdutyError('BadRequest', 'Body is not JSON', '请求体不是 JSON')
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalid('Body must be an object', '请求体须为对象')
  }
  return body as Body
}

function refusal(error: unknown, language: string | undefined): Answer {
  if (error instanceof FlashdutyError) {
    const message = language?.toLowerCase().startsWith('zh') ? error.zh : error.message
    return { status: error.status, body: { error: { code: error.code, message } } }
  }
  const message = error instanceof Error ? error.message : String(error)
  return { status: 500, body: { error: { code: 'InternalError', message } } }
}

function parse(raw: Buffer | undefined): unknown {
  try {
    return raw === undefined ? undefined : (JSON.parse(raw.toString()) as unknown)
  } catch {
    return undefined
  }
}

/** Undefined = larger than anything Flashduty takes. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= BODY_BYTES) chunks.push(chunk)
  }
  return size > BODY_BYTES ? undefined : Buffer.concat(chunks)
}
