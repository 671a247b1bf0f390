import { type Command, InvalidArgumentError } from 'commander'

import { systemClock } from '../clock.ts'
import { listRecords, type RecordFilter } from '../storage/list-records.ts'
import { type CliContext, withStore } from './context.ts'
import { formatRows, formatTime } from './output.ts'

export function addRecordsCommand(program: Command, context: CliContext): void {
  program
    .command('records')
    .description('operation records (操作记录): what became of each event and press, newest first')
    .option('--incident <id>', 'of one incident, by id or number')
    .option('--person <id>', 'of one person: DingTalk user, Flashduty member or name')
    .option('--group <id>', 'of one group: openConversationId or title')
    .option('--target <id>', 'of one group, DingTalk user or job')
    .option('--status <status>', 'pending, retrying, success, updated, failed or skipped', status)
    .option('--since <time>', 'from then on: 30m, 2h or 7d ago, or 2026-01-31, 2026-01-31T09:05', time)
    .option('--until <time>', 'before then', time)
    .option('--limit <number>', 'at most so many', limit, 50)
    .option('--json', 'print JSON, with every field')
    .action(async ({ json, ...filter }: RecordFilter & { json?: boolean }) => {
      await withStore(context, async ({ db }) => {
        const records = await listRecords(db.read, filter)
        if (json) {
          context.printLines(JSON.stringify(records, undefined, 2))
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
        context.printLines(formatRows(rows, { empty: 'No records.' }))
      })
    })
}

const STATUSES = ['pending', 'retrying', 'success', 'updated', 'failed', 'skipped']

function status(value: string): string {
  if (!STATUSES.includes(value)) throw new InvalidArgumentError(`It must be one of: ${STATUSES.join(', ')}.`)
  return value
}

const UNITS_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 }

export function time(value: string): number {
  const ago = /^(\d{1,6})([mhd])$/.exec(value)
  if (ago) return systemClock.nowMs() - Number(ago[1]) * UNITS_MS[ago[2] as keyof typeof UNITS_MS]
  // A bare date is midnight here, not in Greenwich.
  const at = Date.parse(/^\d{4}-\d{2}-\d{2}$/.test(value) ? `${value}T00:00` : value)
  if (Number.isNaN(at)) throw new InvalidArgumentError('It must be like 30m, 2h, 7d, 2026-01-31 or 2026-01-31T09:05.')
  return at
}

export function limit(value: string): number {
  const number = Number(value)
  if (!Number.isInteger(number) || number < 1 || number > 10_000) {
    throw new InvalidArgumentError('It must be a whole number from 1 to 10000.')
  }
  return number
}
