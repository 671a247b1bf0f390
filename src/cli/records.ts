import { type Command, InvalidArgumentError } from 'commander'

import { listRecords, type RecordFilter } from '../storage/records.ts'
import { type CliContext, withStore } from './context.ts'
import { formatRows, formatTime } from './output.ts'

export function addRecordsCommand(program: Command, context: CliContext): void {
  program
    .command('records')
    .description('operation records (操作记录): what became of each event and press, newest first')
    .option('--incident <id>', 'of one incident')
    .option('--target <id>', 'of one group, DingTalk user or job')
    .option('--status <status>', 'pending, retrying, success, updated, failed or skipped', status)
    .option('--limit <number>', 'at most so many', limit, 50)
    .option('--json', 'print JSON, with every field')
    .action(async ({ json, ...filter }: RecordFilter & { json?: boolean }) => {
      await withStore(context, async ({ db }) => {
        const records = await listRecords(db.read, filter)
        if (json) {
          context.print(JSON.stringify(records, undefined, 2))
          return
        }
        const rows = records.map((record) => ({
          time: formatTime(record.created_at),
          incident: record.incident_num || record.incident_id,
          event: record.event_type,
          kind: record.kind,
          target: record.target_name ?? record.target_id,
          status: record.status,
          reason: [record.reason_code, record.failed_reason, record.detail, record.note].filter(Boolean).join(' · '),
          again: record.duplicates || '',
        }))
        context.print(formatRows(rows, { empty: 'No records.' }))
      })
    })
}

const STATUSES = ['pending', 'retrying', 'success', 'updated', 'failed', 'skipped']

function status(value: string): string {
  if (!STATUSES.includes(value)) throw new InvalidArgumentError(`It must be one of: ${STATUSES.join(', ')}.`)
  return value
}

function limit(value: string): number {
  const number = Number(value)
  if (!Number.isInteger(number) || number < 1 || number > 10_000) {
    throw new InvalidArgumentError('It must be a whole number from 1 to 10000.')
  }
  return number
}
