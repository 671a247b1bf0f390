import { z } from 'zod'

import { fields, maybeFlag } from '../domain/lenient.ts'
import { digest } from '../domain/ids.ts'
import { type InboundEvent, readObject, readPushedEvent } from '../domain/inbound.ts'
import { AppError } from '../errors.ts'
import type { OapiClient } from './oapi-client.ts'

const Page = fields({ has_more: maybeFlag, failed_list: z.array(z.unknown()).nullish() })

/**
 * `GET /call_back/get_call_back_failed_result`, at most 200 events. Each call deletes what the one before returned, so
 * a page has to be stored before the next one is asked for.
 */
export async function fetchFailedEvents(client: OapiClient): Promise<{ events: string[]; hasMore: boolean }> {
  const parsed = Page.safeParse(await client.call('GET', '/call_back/get_call_back_failed_result'))
  if (!parsed.success) throw new AppError({ kind: 'unknown-outcome', code: 'IM_ERROR' }, 'the failed list is no list')
  const { failed_list: list, has_more: hasMore } = parsed.data
  const items = list ?? []
  return { events: items.map((item) => JSON.stringify(item)), hasMore: hasMore === true && items.length > 0 }
}

/** Approvals, roles and all others have keys of their own for the business fields; contact events have none. */
const INNER_KEYS = ['callbackData', 'bpmsCallBackData', 'roleLabelChange']

/**
 * The list's odd shape as the event that was to be pushed; undefined when it names no type.
 * @param payload JSON text of one of its items
 */
export function readFailedEvent(payload: string): InboundEvent | undefined {
  const item = readObject(payload) ?? {}
  const { call_back_tag: tag, event_time: time } = item
  if (typeof tag !== 'string' || tag === '') return undefined
  const outer = readObject(item[tag]) ?? {}
  const innerKey = INNER_KEYS.find((key) => readObject(outer[key]) !== undefined)
  const inner = innerKey === undefined ? outer : readObject(outer[innerKey])
  // The time of the event itself, where it is left out.
  const times = { EventTime: time, operateTime: time, timeStamp: time }
  const event = readPushedEvent({ ...times, CorpId: outer['corpid'], ...inner, EventType: tag })
  // Most name no id; by their own text the same item is the same event however often it is fetched.
  return event && { ...event, eventId: event.hasOwnId ? event.eventId : `failed:${digest(32, payload)}` }
}
