import { type Command, InvalidArgumentError } from 'commander'

import { isReachable } from '../domain/group.ts'
import { findGroup } from '../storage/groups.ts'
import { addRoute, listRoutes, removeRoute } from '../storage/routes.ts'
import { chooseIntegration, type CliContext, CommandError, withStore } from './context.ts'
import { formatRows } from './output.ts'

type Options = { integration?: string; channel: number; group: string }

export function addRoutesCommands(program: Command, context: CliContext): void {
  const routes = program
    .command('routes')
    .description('which groups are told about a channel’s incidents when neither Flashduty nor its rules name any')

  routes
    .command('list')
    .description('all routes')
    .option('--integration <id>', 'id or name')
    .option('--json', 'print JSON')
    .action(async ({ integration, json }: { integration?: string; json?: boolean }) => {
      await withStore(context, async (store) => {
        const id = integration === undefined ? undefined : (await chooseIntegration(store, integration)).id
        const rows = (await listRoutes(store.db.read, id)).map((row) => ({
          integration: row.integration_id,
          channel: row.channel_id,
          group: row.open_conversation_id,
          title: row.title,
        }))
        context.printLines(formatRows(rows, { json, empty: 'There is no route yet.' }))
      })
    })

  routes
    .command('add')
    .description('tell a group about a channel’s incidents')
    .option('--integration <id>', 'id or name')
    .requiredOption('--channel <id>', 'Flashduty’s channel_id', channel)
    .requiredOption('--group <openConversationId>', 'the group')
    .action(async ({ integration, ...route }: Options) => {
      await withStore(context, async (store) => {
        const { id } = await chooseIntegration(store, integration)
        const group = await findGroup(store.db.read, { integrationId: id, openConversationId: route.group })
        if (!group || !isReachable(group.status)) {
          throw new CommandError('The cool app is not known to be installed in that group; see `groups --all`.')
        }
        const row = { integration_id: id, channel_id: route.channel, open_conversation_id: route.group }
        const isNew = await store.db.write((trx) => addRoute(trx, { ...row, created_at: store.clock.nowMs() }))
        context.print(
          isNew ? `Channel ${route.channel} → ${group.title ?? route.group}.` : 'That route is there already.',
        )
      })
    })

  routes
    .command('remove')
    .description('no longer tell a group about a channel’s incidents')
    .option('--integration <id>', 'id or name')
    .requiredOption('--channel <id>', 'Flashduty’s channel_id', channel)
    .requiredOption('--group <openConversationId>', 'the group')
    .action(async ({ integration, ...route }: Options) => {
      await withStore(context, async (store) => {
        const { id } = await chooseIntegration(store, integration)
        const row = { integration_id: id, channel_id: route.channel, open_conversation_id: route.group }
        if (!(await store.db.write((trx) => removeRoute(trx, row)))) {
          throw new CommandError('There is no such route; see `routes list`.')
        }
        context.print('Removed.')
      })
    })
}

function channel(value: string): number {
  const id = Number(value)
  if (!Number.isSafeInteger(id) || id < 0) throw new InvalidArgumentError('It must be a whole number, 0 = no channel.')
  return id
}
