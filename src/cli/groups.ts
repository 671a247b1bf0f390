import type { Command } from 'commander'

import { isReachable } from '../domain/group.ts'
import { listGroups } from '../storage/groups.ts'
import { chooseIntegration, type CliContext, withStore } from './context.ts'
import { formatRows, formatTime } from './output.ts'

export function addGroupsCommand(program: Command, context: CliContext): void {
  program
    .command('groups')
    .description('DingTalk groups heard of, and whether the cool app is installed there')
    .option('--integration <id>', 'id or name; without it, all')
    .option('--all', 'also groups without the cool app')
    .option('--json', 'print JSON')
    .action(async (options: { integration?: string; all?: boolean; json?: boolean }) => {
      await withStore(context, async (store) => {
        const id =
          options.integration === undefined ? undefined : (await chooseIntegration(store, options.integration)).id
        const groups = await listGroups(store.db.read, id)
        const rows = groups
          .filter((group) => options.all || isReachable(group.status))
          .map((group) => ({
            title: group.title,
            openConversationId: group.open_conversation_id,
            status: group.status,
            robotCode: group.robot_code,
            coolAppCode: group.cool_app_code,
            integration: group.integration_id,
            changed: formatTime(group.updated_at),
            verified: formatTime(group.verified_at || null),
            note: group.note,
          }))
        context.printLines(
          formatRows(rows, {
            json: options.json,
            empty:
              'No group has the cool app (酷应用) installed. Install it in a group while the daemon runs; if it was ' +
              'installed before, remove it there and install it again.',
          }),
        )
      })
    })
}
