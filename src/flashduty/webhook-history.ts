import { z } from 'zod'

import { fields, maybeFlag, maybeText } from '../domain/lenient.ts'

/** One try of Flashduty's to push a webhook. `endpoint` may carry secrets: it is compared and never shown. */
export type PushedWebhook = { endpoint: string; eventId: string; body: string | undefined; eventTimeMs: number }

/** `after`: what the page before told as `next`; `limit`: 1 to 100 rows. */
export type AskedHistory = { fromMs: number; untilMs: number; limit: number; after: string | undefined }

export function historyBody({ fromMs, untilMs, limit, after }: AskedHistory): Record<string, unknown> {
  const body = { start_time: fromMs, end_time: untilMs, limit, asc: true }
  return after === undefined ? body : { ...body, search_after_ctx: after }
}

export type HistoryPage = { pushes: PushedWebhook[]; next: string | undefined }

const History = fields({ items: z.array(z.unknown()).nullish(), has_next_page: maybeFlag, search_after_ctx: maybeText })
const Push = fields({
  endpoint: maybeText,
  event_id: maybeText,
  request_body: z.unknown(),
  event_time: z.coerce.number().catch(0),
})

/** Row by row: what is odd about one of them costs that one only. undefined = it is no such page. */
export function readHistoryPage(data: unknown): HistoryPage | undefined {
  const parsed = History.safeParse(data)
  if (!parsed.success) return undefined
  const { items, has_next_page: hasNext, search_after_ctx: context } = parsed.data
  const pushes = (items ?? []).flatMap((item): PushedWebhook[] => {
    const push = Push.safeParse(item).data
    if (!push) return []
    const { request_body: body } = push
    return [
      {
        endpoint: push.endpoint ?? '',
        eventId: push.event_id ?? '',
        body: typeof body === 'string' ? body : body && typeof body === 'object' ? JSON.stringify(body) : undefined,
        eventTimeMs: push.event_time,
      },
    ]
  })
  const goesOn = hasNext !== false && pushes.length > 0 && context !== undefined && context !== ''
  return { pushes, next: goesOn ? context : undefined }
}
