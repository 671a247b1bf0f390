import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FaultBook } from './faults.ts'
import { parseJson } from './fields.ts'
import type { MemoryJournal } from './journal.ts'
import type { Timers } from './timers.ts'
import type { ApiName } from './types.ts'

export type Call = {
  method: string
  path: string
  query: URLSearchParams
  headers: Record<string, string>
  raw: string
}

export type Answer = { status: number; body: unknown; contentType?: string; headers?: Record<string, string> }

export type Base = {
  base: 'api' | 'oapi' | 'login'
  nameOf: (call: Call) => ApiName | 'unknown'
  answer: (call: Call) => Answer
  /** Takes calls that are no part of DingTalk; returns undefined to leave them alone. */
  aside?: (call: Call) => Promise<Answer> | undefined
}

type Deps = { faults: FaultBook; journal: MemoryJournal; timers: Timers }

/** One HTTP base: reads a call, plays a fault if one is due, answers, journals. */
export async function startBase(
  deps: Deps,
  base: Base,
): Promise<{ server: ReturnType<typeof createServer>; url: string }> {
  const server = createServer((request, response) => {
    void serve(deps, base, request, response)
  })
  server.keepAliveTimeout = 30_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return { server, url: `http://127.0.0.1:${port}` }
}

async function serve(deps: Deps, base: Base, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const startedAt = performance.now()
  const call = await readCall(request).catch(() => undefined)
  if (!call) return void response.destroy()
  const asideAnswer = base.aside?.(call)
  if (asideAnswer) return write(response, await asideAnswer)

  const api = base.nameOf(call)
  const note = (status: number, answer: unknown): void => {
    const { method, headers } = call
    const path = request.url ?? call.path
    const tookMs = performance.now() - startedAt
    const body = bodyOf(call.raw)
    deps.journal.add({ type: 'request', base: base.base, api, method, path, headers, body, status, answer, tookMs })
  }
  const effect = deps.faults.take(api, call.raw)
  if (effect?.kind === 'hang' || effect?.kind === 'reset') {
    note(0, null)
    if (effect.kind === 'reset') request.socket.resetAndDestroy()
    return
  }
  if (effect?.kind === 'delay') await deps.timers.sleep(effect.ms)
  if (effect?.kind === 'hold') await effect.until()
  const done = effect?.kind === 'answer' ? effect : base.answer(call)
  const answer = effect?.kind === 'apply-then-answer' ? effect : done
  if (effect?.kind === 'apply-then-hang' || effect?.kind === 'apply-then-reset') {
    note(0, answer.body)
    if (effect.kind === 'apply-then-reset') request.socket.resetAndDestroy()
    return
  }
  note(effect?.kind === 'apply-then-cut' ? 0 : answer.status, answer.body)
  if (effect?.kind === 'apply-then-cut') writeHalf(response, answer)
  else write(response, answer)
}

async function readCall(request: IncomingMessage): Promise<Call> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const url = new URL(request.url ?? '/', 'http://sandbox')
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  )
  const raw = Buffer.concat(chunks).toString('utf8')
  return { method: request.method ?? 'GET', path: url.pathname, query: url.searchParams, headers, raw }
}

function bodyOf(raw: string): unknown {
  if (raw === '') return null
  const parsed = parseJson(raw)
  return parsed.ok ? parsed.value : raw
}

function write(response: ServerResponse, { status, body, contentType, headers }: Answer): void {
  response.writeHead(status, { 'content-type': contentType ?? 'application/json;charset=utf-8', ...headers })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

/** The length of the whole, half of it, and no more. */
function writeHalf(response: ServerResponse, { status, body, contentType }: Answer): void {
  const whole = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  response.writeHead(status, {
    'content-type': contentType ?? 'application/json;charset=utf-8',
    'content-length': whole.length,
  })
  response.write(whole.subarray(0, Math.floor(whole.length / 2)), () => response.socket?.destroy())
}
