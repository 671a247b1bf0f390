import { digest } from './ids.ts'

/** What the event said about itself, echoed to Flashduty. */
export type ResultContext = {
  rid: string | null
  fire_type: 'fire' | 'refire'
  escalate_rule_id: string | null
  escalate_rule_name: string | null
  layer_idx: number
  data_source_id: number | null
}

/** One target's record, as far as a result needs it. */
export type ResultRecord = {
  kind: string
  target_id: string
  target_name: string | null
  member_id: number | null
  status: string
  reason_code: string | null
  failed_reason: string | null
  msg_id: string | null
}

type Outcome = { status: string; msg_id?: string; reason_code?: string; failed_reason?: string }

/** Shape of a job in `flashduty-dingtalk-result`; `finished_at` in epoch ms. */
export type DeliverResult = {
  event_id: string
  incident_id: string
  finished_at: number
  /** How often this event was reported; a later report replaces the earlier ones. */
  seq: number
  rid?: string
  msg_id?: string
  fire_type: 'fire' | 'refire'
  escalate_rule_id?: string
  escalate_rule_name?: string
  layer_idx: number
  by: 'dingtalk_app'
  persons: ({ person_id: number } & Outcome)[]
  chats: ({ data_source_id: number; chat_id: string; chat_name?: string } & Outcome)[]
}

const FINAL = new Set(['success', 'updated', 'failed', 'skipped'])

/**
 * Pure: the report on one event's notification.
 * @returns undefined while there is nothing to tell: something is under way, and no personal message has failed for good
 *   (that one Flashduty has to know at once, to reach the person another way)
 */
export function composeResult(
  result: { eventId: string; incidentId: string; context: ResultContext },
  records: ResultRecord[],
): Omit<DeliverResult, 'finished_at' | 'seq'> | undefined {
  const told = records.filter(({ status, kind }) => status !== 'skipped' && (kind === 'group' || kind === 'person'))
  if (told.length === 0) return undefined
  const personFailed = told.some(({ kind, status }) => kind === 'person' && status === 'failed')
  if (!personFailed && !told.every(({ status }) => FINAL.has(status))) return undefined
  const { context } = result
  const first = told.find(({ msg_id: id }) => id !== null)?.msg_id
  return {
    event_id: result.eventId,
    incident_id: result.incidentId,
    ...(context.rid === null ? {} : { rid: context.rid }),
    ...(first ? { msg_id: first } : {}),
    fire_type: context.fire_type,
    ...(context.escalate_rule_id === null ? {} : { escalate_rule_id: context.escalate_rule_id }),
    ...(context.escalate_rule_name === null ? {} : { escalate_rule_name: context.escalate_rule_name }),
    layer_idx: context.layer_idx,
    by: 'dingtalk_app',
    persons: told.flatMap((record) =>
      record.kind === 'person' && record.member_id !== null
        ? [{ person_id: record.member_id, ...outcomeOf(record) }]
        : [],
    ),
    chats: told.flatMap((record) =>
      record.kind === 'group'
        ? [
            {
              data_source_id: context.data_source_id ?? 0,
              chat_id: record.target_id,
              ...(record.target_name === null ? {} : { chat_name: record.target_name }),
              ...outcomeOf(record),
            },
          ]
        : [],
    ),
  }
}

type Report = Omit<DeliverResult, 'finished_at' | 'seq'>

/** What to keep of a report that was told, so that the next one is only told when it is news. */
export function noteOf(report: Report): string {
  const failed = report.persons.filter(({ status }) => status === 'failed').map(({ person_id: id }) => id)
  const digests = [digest(24, JSON.stringify(failed)), isSettled(report) ? digest(24, JSON.stringify(report)) : '']
  return digests.join(' ')
}

/**
 * Whether Flashduty should hear of it: who cannot be reached in person at once, everything else when it has settled.
 * @param told `noteOf` the last report; null = there was none
 */
export function isNews(report: Report, told: string | null): boolean {
  const [toldFailed, toldAll] = (told ?? '').split(' ')
  const [failed, all] = noteOf(report).split(' ')
  return isSettled(report) ? all !== toldAll : failed !== toldFailed
}

function isSettled({ persons, chats }: Report): boolean {
  return [...persons, ...chats].every(({ status }) => FINAL.has(status))
}

function outcomeOf(record: ResultRecord): Outcome {
  return {
    status: record.status,
    ...(record.msg_id === null ? {} : { msg_id: record.msg_id }),
    ...(record.reason_code === null ? {} : { reason_code: record.reason_code }),
    ...(record.status === 'failed' && record.failed_reason !== null ? { failed_reason: record.failed_reason } : {}),
  }
}
