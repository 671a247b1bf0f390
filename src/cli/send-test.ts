import type { Command } from 'commander'

import { createDingTalkClient } from '../dingtalk/client.ts'
import { sendToGroup, sendToPerson } from '../dingtalk/messages.ts'
import { isReachable } from '../domain/group.ts'
import { reasonText, asReason } from '../domain/reasons.ts'
import { AppError } from '../errors.ts'
import { createOutbound } from '../outbound.ts'
import { findGroup } from '../storage/groups.ts'
import { chooseIntegration, type CliContext, CommandError, UsageError, withStore } from './context.ts'

type Options = { integration?: string; group?: string; user?: string; text: string }

export function addSendTestCommand(program: Command, context: CliContext): void {
  program
    .command('send-test')
    .description('have the robot say one sentence in a group or to a person; proves credentials and permissions')
    .option('--integration <id>', 'id or name')
    .option('--group <openConversationId>', 'the group')
    .option('--user <userId>', 'the DingTalk user')
    .option('--text <text>', 'what to say', 'Flashduty 钉钉集成测试消息')
    .action(async (options: Options) => {
      if ((options.group === undefined) === (options.user === undefined)) {
        throw new UsageError('Say either --group or --user.')
      }
      await withStore(context, async (store) => {
        const integration = await chooseIntegration(store, options.integration)
        const outbound = createOutbound(store.config.proxy)
        const client = createDingTalkClient(integration, {
          apiUrl: store.config.dingtalk.apiUrl,
          send: outbound.send,
          clock: store.clock,
        })
        const message = { msgKey: 'sampleText' as const, msgParam: { content: options.text } }
        try {
          if (options.group !== undefined) {
            const id = { integrationId: integration.id, openConversationId: options.group }
            const group = await findGroup(store.db.read, id)
            if (!group || !isReachable(group.status)) {
              throw new CommandError('The cool app is not known to be installed in that group; see `groups --all`.')
            }
            const to = {
              openConversationId: options.group,
              robotCode: group.robot_code ?? integration.clientId,
              coolAppCode: group.cool_app_code ?? undefined,
            }
            await sendToGroup(client, to, message)
          } else if (options.user !== undefined) {
            await sendToPerson(client, { userId: options.user, robotCode: integration.clientId }, message)
          }
          context.print('Sent.')
        } catch (error) {
          if (!(error instanceof AppError)) throw error
          throw new CommandError(
            `DingTalk did not take it: ${reasonText(asReason(error.failure.code))} (${error.detail ?? error.message}).`,
          )
        } finally {
          await outbound.close()
        }
      })
    })
}
