import { parseJson } from './fields.ts'
import type { Answer, Call } from './http-server.ts'
import type { DingTalkControl, Journal } from './types.ts'

const PREFIX = '/_control/'

/**
 * The control for other processes: `POST /_control/<verb>` with a JSON array of arguments answers `{"result": …}` or
 * 400 `{"error": "…"}`; `GET /_control/journal?since=<seq>` answers the entries after that one, `GET
 * /_control/settings` the settings.
 */
export function serveControl(control: DingTalkControl, journal: Journal, call: Call): Promise<Answer> | undefined {
  if (!call.path.startsWith(PREFIX)) return undefined
  return answerControl(control, journal, call).catch((error: unknown) => ({
    status: 400,
    body: { error: error instanceof Error ? error.message : String(error) },
  }))
}

async function answerControl(control: DingTalkControl, journal: Journal, call: Call): Promise<Answer> {
  const verb = call.path.slice(PREFIX.length)
  if (call.method === 'GET' && verb === 'settings') return { status: 200, body: { result: control.settings } }
  if (call.method === 'GET' && verb === 'journal') {
    const since = Number(call.query.get('since') ?? 0)
    return { status: 200, body: { result: journal.all().filter((entry) => entry.seq > since) } }
  }
  const run: unknown = Object.hasOwn(control, verb) ? Reflect.get(control, verb) : undefined
  if (call.method !== 'POST' || typeof run !== 'function') throw new Error(`no control verb ${call.method} ${verb}`)
  const args = call.raw === '' ? { ok: true as const, value: [] } : parseJson(call.raw)
  if (!args.ok || !Array.isArray(args.value)) throw new Error('the body must be a JSON array of arguments')
  const result: unknown = await Reflect.apply(run, control, args.value)
  return { status: 200, body: { result: result ?? null } }
}
