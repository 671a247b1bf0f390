import { standingOf } from '../domain/group.ts'
import { settleStanding } from './group-row.ts'
import type { Group } from './groups.ts'
import type { Handle } from './schema.ts'

/** What DingTalk says when asked about a group. */
export type GroupAnswer =
  /** `proven`: only with the code of our cool app, since others are told of their own. */
  | { kind: 'scene'; title: string; disbanded: boolean; proven: { coolAppCode: string } | undefined }
  | { kind: 'uninstalled' }
  | { kind: 'robot'; present: boolean }

/**
 * What DingTalk answered overrules what we believed when we asked; whatever has come in since is newer.
 * Our clock and DingTalk's are never compared for it.
 * @returns what the group is now; undefined when something newer had come in
 */
export async function recordAnswer(
  trx: Handle,
  asked: Group,
  answer: GroupAnswer,
  askedAt: number,
  nowMs: number,
): Promise<Group | undefined> {
  if (answer.kind === 'scene') {
    await trx
      .updateTable('groups')
      .set({ title: answer.title })
      .where('integration_id', '=', asked.integration_id)
      .where('open_conversation_id', '=', asked.open_conversation_id)
      .where('titled_at', '=', asked.titled_at)
      .execute()
  }
  const row = await trx
    .updateTable('groups')
    .set({ ...factsOf(asked, answer), asked_at: askedAt, verified_at: askedAt, note: null, updated_at: nowMs })
    .where('integration_id', '=', asked.integration_id)
    .where('open_conversation_id', '=', asked.open_conversation_id)
    .where('operated_at', '=', asked.operated_at)
    .where('robot_at', '=', asked.robot_at)
    .where('disbanded_at', asked.disbanded_at === null ? 'is' : '=', asked.disbanded_at)
    .returningAll()
    .executeTakeFirst()
  if (row) await settleStanding(trx, row)
  return row && { ...row, ...standingOf(row) }
}

function factsOf(asked: Group, answer: GroupAnswer) {
  if (answer.kind === 'robot') return { robot_status: answer.present ? ('present' as const) : ('absent' as const) }
  if (answer.kind === 'uninstalled') {
    // The robot that spoke there while the cool app was installed was the cool app's.
    return { app_status: 'uninstalled' as const, ...(asked.status === 'robot' ? {} : { robot_status: null }) }
  }
  return {
    disbanded_at: answer.disbanded ? Math.max(asked.operated_at, asked.robot_at, asked.disbanded_at ?? 0) : null,
    ...(answer.proven ? { app_status: 'installed' as const, app_cool_app_code: answer.proven.coolAppCode } : {}),
  }
}
