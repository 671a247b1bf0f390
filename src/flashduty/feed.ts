import { z } from 'zod'

/** One entry of an incident's timeline; `creatorId` 0 = Flashduty itself. */
export type FeedItem = { type: string; detail: Record<string, unknown>; creatorId: number; createdAtMs: number }

const Item = z.looseObject({
  type: z.string(),
  detail: z.record(z.string(), z.unknown()).nullish().catch(undefined),
  creator_id: z.number().default(0),
  created_at: z.number().min(0).max(8_640_000_000_000_000),
})
const Feed = z.looseObject({ has_next_page: z.boolean().default(false), items: z.array(z.unknown()).nullish() })

/** `data` of `/incident/feed`; what is odd about one entry costs that entry only. undefined = no timeline at all. */
export function readFeedItems(data: unknown): { items: FeedItem[]; more: boolean } | undefined {
  const feed = Feed.safeParse(data)
  if (!feed.success) return undefined
  const items = (feed.data.items ?? []).flatMap((entry) => {
    const item = Item.safeParse(entry)
    if (!item.success) return []
    const { type, detail, creator_id: creatorId, created_at: createdAtMs } = item.data
    return [{ type, detail: detail ?? {}, creatorId, createdAtMs }]
  })
  return { items, more: feed.data.has_next_page }
}
