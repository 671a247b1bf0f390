import { type Body, integer, optionalBoolean, optionalText } from './body.ts'
import { FlashdutyError, invalid } from './errors.ts'
import type { Member, WebhookRow } from './types.ts'

const KEPT_MS = 7 * 86_400_000
const TIME_MAX = Number.MAX_SAFE_INTEGER

/** Every try to push a webhook, of the last seven days (people 7.2). */
export class WebhookHistory {
  #rows: WebhookRow[] = []

  add(row: WebhookRow): void {
    this.#rows.push(row)
  }

  /** Everything kept so far happened so much earlier. */
  age(ms: number): void {
    this.#rows = this.#rows.map((row) => ({ ...row, event_time: row.event_time - ms }))
  }

  /** `/webhook/history/list`. Throws the refusal; who asks is checked before what they ask for. */
  list(caller: Member, body: Body): Record<string, unknown> {
    if (!caller.may_see_integrations) {
      throw new FlashdutyError('AccessDenied', 'You have no permission to view integrations', '无集成中心查看权限')
    }
    const wanted = readWanted(body)
    const limit = integer(body, 'limit', 1, 100)
    const skipped = readContext(body)
    const found = this.#rows
      .filter((row) => row.event_time > Date.now() - KEPT_MS && wanted(row))
      .toSorted((one, other) => one.event_time - other.event_time)
    const ordered = optionalBoolean(body, 'asc') === true ? found : found.toReversed()
    const items = ordered.slice(skipped, skipped + limit)
    const next = skipped + items.length
    return {
      items,
      total: Math.min(found.length, 1_000),
      has_next_page: next < found.length,
      ...(next < found.length ? { search_after_ctx: Buffer.from(`after ${next}`).toString('base64url') } : {}),
    }
  }
}

function readWanted(body: Body): (row: WebhookRow) => boolean {
  const from = integer(body, 'start_time', 1, TIME_MAX)
  const until = integer(body, 'end_time', 1, TIME_MAX)
  if (from >= until) throw invalid('start_time must be before end_time', 'start_time 须早于 end_time')
  const integrationId = body['integration_id'] === undefined ? undefined : integer(body, 'integration_id', 1, TIME_MAX)
  const refId = optionalText(body, 'ref_id', 128)
  const status = optionalText(body, 'status', 16)
  if (status !== undefined && status !== 'success' && status !== 'failed') {
    throw invalid('status must be success or failed', 'status 须为 success 或 failed')
  }
  const types = body['event_types']
  if (types !== undefined && !(Array.isArray(types) && types.every((one) => typeof one === 'string'))) {
    throw invalid('event_types must be a list of texts', 'event_types 须为字符串列表')
  }
  return (row) =>
    row.event_time >= from &&
    row.event_time <= until &&
    (integrationId === undefined || row.integration_id === integrationId) &&
    (refId === undefined || row.ref_id === refId) &&
    (status === undefined || row.status === status) &&
    (types === undefined || types.length === 0 || types.includes(row.event_type))
}

/** How many rows were told before. What is in it is nobody else's business. */
function readContext(body: Body): number {
  const context = optionalText(body, 'search_after_ctx', 512) ?? ''
  if (context === '') return 0
  const [, skipped] = /^after (\d{1,9})$/.exec(Buffer.from(context, 'base64url').toString()) ?? []
  if (skipped === undefined) throw invalid('search_after_ctx is none of ours', 'search_after_ctx 无效')
  return Number(skipped)
}
