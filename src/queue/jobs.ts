import { hash } from 'node:crypto'

/** The queues of this daemon. Names carry no colon: BullMQ refuses it. */

/** Written by Flashduty: the incident webhook's body, optionally with `delivery`. */
export const DELIVER_QUEUE = 'flashduty-dingtalk-deliver'

/** Ticks for clicks that Flashduty has not answered yet; the job's data is `{ clickId }`. */
export const CLICK_QUEUE = 'flashduty-dingtalk-click'

/** Written by the daemon, read by Flashduty: what people pressed, for the acting way without keys. */
export const ACTION_QUEUE = 'flashduty-dingtalk-action'

/** Written by Flashduty: what came of it. */
export const ACTION_RESULT_QUEUE = 'flashduty-dingtalk-action-result'

/** Written by the daemon, read by Flashduty: what became of each notification; see domain/result.ts. */
export const RESULT_QUEUE = 'flashduty-dingtalk-result'

/** Written by the daemon, read by Flashduty: the groups and links of each integration, newest only. */
export const DIRECTORY_QUEUE = 'flashduty-dingtalk-directory'

/** DingTalk counts calls per app and API, so each has its own pace: creates and delivers, updates, questions about groups,
 * messages of the robot. */
export type PacedApi = 'create' | 'update' | 'group' | 'message'

/** Ticks: "something is due for this integration and this API". They carry nothing. */
export function paceQueue(integrationId: string, api: PacedApi): string {
  return `flashduty-dingtalk-pace-${integrationId}-${api}`
}

/**
 * Flashduty's own id for a delivery job, so that a repeated enqueue is one job while the first still exists. Different
 * events never share one.
 */
export function deliverJobId(eventId: string): string {
  return `ev-${plain(eventId)}`
}

/** The same report has the same id, so that telling it twice is telling it once. */
export function resultJobId(eventId: string, seq: number): string {
  return `res-${plain(eventId)}-${seq}`
}

/** What was pressed once is one job, however often it is offered. */
export function actionJobId(actionId: string): string {
  return `act-${plain(actionId)}`
}

const MAX_PLAIN = 200
const FOLDED = 80

/**
 * BullMQ takes no colon in an id, and a key has no use for a very long one. What has to be changed carries a digest of
 * what it was behind a dot, which nothing plain has, so that no two ids become one.
 */
function plain(id: string): string {
  if (/^[\w-]+$/.test(id) && id.length <= MAX_PLAIN) return id
  // As JSON, since halves of letters are all the same in UTF-8.
  const digest = hash('sha256', JSON.stringify(id), 'hex').slice(0, 24)
  return `${id.slice(0, FOLDED).replaceAll(/[^\w-]/g, '_')}.${digest}`
}
