import type { Command } from 'commander'

import { hashOfJson } from '../domain/canonical.ts'
import { createFlashdutyClient } from '../flashduty/client.ts'
import { createLog } from '../log.ts'
import { createOutbound } from '../outbound.ts'
import { createProducer } from '../queue/producer.ts'
import { connectImpatiently } from '../queue/redis.ts'
import { replayInbound } from '../replay.ts'
import { findIntegration } from '../storage/integrations.ts'
import { findJournalRow, type JournalRow, listJournal } from '../storage/journal.ts'
import { chooseIntegration, type CliContext, CommandError, type Store, withStore } from './context.ts'
import { formatRows, formatTime } from './output.ts'
import { limit, time } from './records.ts'

type ListOptions = {
  integration?: string
  type?: string
  group?: string
  user?: string
  since?: number
  limit: number
  json?: boolean
}

export function addJournalCommands(program: Command, context: CliContext): void {
  const journal = program.command('journal').description('what DingTalk sent, kept for JOURNAL_DAYS without secrets')

  journal
    .command('list')
    .description('what came in, newest first')
    .option('--integration <id>', 'id or name; without it, all')
    .option('--type <type>', 'event, press or message; an event type such as chat_disband; or a button')
    .option('--group <openConversationId>', 'about one group')
    .option('--user <userId>', 'by or about one person')
    .option('--since <time>', 'from then on: 30m, 2h or 7d ago, or 2026-01-31, 2026-01-31T09:05', time)
    .option('--limit <number>', 'at most so many', limit, 50)
    .option('--json', 'print JSON, with the values')
    .action(async (options: ListOptions) => {
      await withStore(context, async (store) => {
        const { integration, type, group, user, since: sinceMs, json } = options
        const integrationId = integration && (await chooseIntegration(store, integration)).id
        const wanted = { integrationId, type, group, user, sinceMs, limit: options.limit }
        const found = await listJournal(store.db.read, wanted)
        const rows = json ? found.map(shown) : found.map(summary)
        const empty = 'Nothing of that kind is in the journal; JOURNAL_DAYS says how long it is kept.'
        context.printLines(formatRows(rows, { json, empty }))
      })
    })

  journal
    .command('show <id>')
    .description('one value as it came, as JSON')
    .action(async (id: string) => {
      await withStore(context, async (store) => {
        context.printLines(JSON.stringify(shown(await getRow(store, id)), undefined, 2))
      })
    })

  journal
    .command('replay <id>')
    .description('put one value through the daemon’s handlers once more and tell what came of it')
    .option('--force', 'also when its id was taken in before; older news still never undoes newer')
    .option('--json', 'print JSON')
    .action(async (id: string, options: { force?: boolean; json?: boolean }) => {
      await withStore(context, async (store) => {
        const row = await getRow(store, id)
        const { answered, lines } = await replay(store, row, options.force ? 'again' : undefined)
        if (options.json) {
          context.printLines(JSON.stringify({ id, answered, log: lines }, undefined, 2))
          return
        }
        context.print(`${row.kind} ${row.type} of ${formatTime(row.received_at)}: ${answered}`)
        for (const line of lines) context.print(`  ${JSON.stringify(line)}`)
        if (answered === 'duplicate') context.print('It was taken in when it came; --force takes it in once more.')
      })
    })
}

type Line = Record<string, unknown>

async function replay(
  { config, db, box, clock }: Store,
  row: JournalRow,
  how: 'again' | undefined,
): Promise<{ answered: string; lines: Line[] }> {
  const integration = await findIntegration(db.read, box, row.integration_id)
  if (!integration) throw new CommandError('Its integration is there no more.')
  const lines: Line[] = []
  const log = createLog('info', { write: (text) => void lines.push(readLine(text)) })
  const silent = createLog('silent')
  const producer = createProducer(connectImpatiently(config.redis, silent), config.redis.prefix, silent, hashOfJson)
  const outbound = createOutbound(config.proxy)
  try {
    const flashduty = createFlashdutyClient({ apiUrl: config.flashduty.apiUrl, send: outbound.send })
    const replayed = await replayInbound({ db, box, clock, log, producer, flashduty }, integration, row, how)
    if (!replayed) throw new CommandError('It cannot be read any more: it was too long to be kept whole.')
    return { answered: replayed.answered, lines }
  } finally {
    await producer.close()
    await outbound.close()
  }
}

function readLine(text: string): Line {
  const { time: _time, component: _component, ...line } = JSON.parse(text) as Line
  return line
}

async function getRow({ db }: Store, id: string): Promise<JournalRow> {
  const row = await findJournalRow(db.read, id)
  if (!row) throw new CommandError(`There is no ${id} in the journal: see \`journal list\`.`)
  return row
}

function summary(row: JournalRow): Line {
  return {
    id: row.id,
    time: formatTime(row.received_at),
    kind: row.kind,
    type: row.type,
    group: row.group_id,
    user: row.user_id,
    of: row.business_id,
  }
}

function shown(row: JournalRow): Line {
  const { value, ...rest } = row
  return { ...rest, value: JSON.parse(value) as unknown }
}
