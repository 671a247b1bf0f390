import type { OperationRecord } from './records.ts'
import type { Handle } from './schema.ts'

/** All that is given has to hold. */
export type RecordFilter = {
  /** Id or short number. */
  incident?: string
  target?: string
  /** DingTalk user, Flashduty member or name. */
  person?: string
  /** openConversationId or title. */
  group?: string
  status?: string
  /** Epoch ms. */
  since?: number
  until?: number
  limit: number
}

/** Newest first; a group goes by its current title. */
export async function listRecords(db: Handle, filter: RecordFilter): Promise<OperationRecord[]> {
  const rows = await db
    .selectFrom('records')
    .leftJoin('groups', (join) =>
      join
        .onRef('groups.integration_id', '=', 'records.integration_id')
        .onRef('groups.open_conversation_id', '=', 'records.target_id'),
    )
    .selectAll('records')
    .select('groups.title as group_title')
    .$if(filter.incident !== undefined, (query) =>
      query.where((eb) =>
        eb.or([
          eb('records.incident_id', '=', filter.incident ?? ''),
          eb('records.incident_num', '=', filter.incident ?? ''),
        ]),
      ),
    )
    .$if(filter.person !== undefined, (query) =>
      query
        .where('records.kind', 'in', ['person', 'action'])
        .where((eb) =>
          eb.or([
            eb('records.target_id', '=', filter.person ?? ''),
            eb('records.target_name', '=', filter.person ?? ''),
            ...(/^\d{1,15}$/.test(filter.person ?? '') ? [eb('records.member_id', '=', Number(filter.person))] : []),
          ]),
        ),
    )
    .$if(filter.group !== undefined, (query) =>
      query
        .where('records.kind', '=', 'group')
        .where((eb) =>
          eb.or([
            eb('records.target_id', '=', filter.group ?? ''),
            eb('records.target_name', '=', filter.group ?? ''),
            eb('groups.title', '=', filter.group ?? ''),
          ]),
        ),
    )
    .$if(filter.since !== undefined, (query) => query.where('records.created_at', '>=', filter.since ?? 0))
    .$if(filter.until !== undefined, (query) => query.where('records.created_at', '<', filter.until ?? 0))
    .$if(filter.target !== undefined, (query) => query.where('records.target_id', '=', filter.target ?? ''))
    .$if(filter.status !== undefined, (query) =>
      query.where('records.status', '=', filter.status as OperationRecord['status']),
    )
    .orderBy('records.created_at', 'desc')
    .orderBy('records.record_key')
    .limit(filter.limit)
    .execute()
  return rows.map(({ group_title: groupTitle, ...row }) => ({ ...row, target_name: groupTitle ?? row.target_name }))
}
