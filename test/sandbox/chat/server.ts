import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const GATHER_MS = 30
const BODY_BYTES = 64 * 1024

const FILES: Record<string, [file: string, type: string]> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/chat.css': ['chat.css', 'text/css; charset=utf-8'],
  '/chat.js': ['chat.js', 'text/javascript; charset=utf-8'],
}

const HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: http: https:",
  'X-Content-Type-Options': 'nosniff',
}

const FIELDS = ['viewer', 'conversation', 'card', 'button', 'group', 'title', 'kind'] as const

/** What the page sends with an act; a field it left out is ''. */
export type ActBody = Record<(typeof FIELDS)[number], string>

export type ChatBackend = {
  /** Everything the page draws for this viewer. */
  state: (viewer: string) => unknown
  acts: Record<string, (body: ActBody) => unknown>
}

/** Serves the page, its JSON (`/api/…`) and the stream that tells it to look again. */
export class ChatServer {
  readonly #backend: ChatBackend
  readonly #watching = new Set<ServerResponse>()
  readonly #server = createServer((request, response) => {
    this.#serve(request, response).catch((error: unknown) => {
      answer(response, 500, { error: error instanceof Error ? error.message : String(error) })
    })
  })
  #gathering: NodeJS.Timeout | undefined

  constructor(backend: ChatBackend) {
    this.#backend = backend
  }

  async listen(port: number): Promise<string> {
    this.#server.listen(port, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Tells every open page, a moment later, so that a burst is one message. */
  changed(): void {
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined
      for (const page of this.#watching) page.write('event: change\ndata: {}\n\n')
    }, GATHER_MS)
  }

  async close(): Promise<void> {
    clearTimeout(this.#gathering)
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://chat')
    if (request.method === 'POST') return this.#act(request, response, url.pathname.replace('/api/', ''))
    if (url.pathname === '/api/state')
      return answer(response, 200, this.#backend.state(url.searchParams.get('viewer') ?? ''))
    if (url.pathname === '/api/changes') return this.#watch(response)
    const [file, type] = FILES[url.pathname] ?? []
    if (file === undefined || type === undefined) return answer(response, 404, { error: 'not found' })
    const content = await readFile(new URL(`page/${file}`, import.meta.url))
    response.writeHead(200, { ...HEADERS, 'Content-Type': type }).end(content)
  }

  /** Only JSON is taken, which a page of another origin cannot send unasked. */
  async #act(request: IncomingMessage, response: ServerResponse, name: string): Promise<void> {
    const act = Object.hasOwn(this.#backend.acts, name) ? this.#backend.acts[name] : undefined
    if (act === undefined) return answer(response, 404, { error: 'not found' })
    if (request.headers['content-type'] !== 'application/json') return answer(response, 415, { error: 'JSON only' })
    const body = await readFields(request)
    if (body === undefined) return answer(response, 400, { error: 'not an object of texts' })
    try {
      answer(response, 200, { result: (await act(body)) ?? null })
    } catch (error) {
      answer(response, 409, { error: error instanceof Error ? error.message : String(error) })
    }
    this.changed()
  }

  #watch(response: ServerResponse): void {
    response.writeHead(200, { ...HEADERS, 'Content-Type': 'text/event-stream' })
    response.write('retry: 1000\n\n')
    this.#watching.add(response)
    response.on('close', () => this.#watching.delete(response))
  }
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { ...HEADERS, 'Content-Type': 'application/json; charset=utf-8' })
  response.end(JSON.stringify(body))
}

async function readFields(request: IncomingMessage): Promise<ActBody | undefined> {
  let text = ''
  for await (const chunk of request as AsyncIterable<Buffer>) {
    text += chunk.toString('latin1')
    if (text.length > BODY_BYTES) return undefined
  }
  let sent: unknown
  try {
    sent = JSON.parse(Buffer.from(text, 'latin1').toString())
  } catch {
    return undefined
  }
  if (typeof sent !== 'object' || sent === null) return undefined
  const field = (name: string) => (sent as Record<string, unknown>)[name] ?? ''
  if (!FIELDS.every((name) => typeof field(name) === 'string')) return undefined
  return Object.fromEntries(FIELDS.map((name) => [name, field(name)])) as ActBody
}
