import { type Command, InvalidArgumentError } from 'commander'

import type { Integration } from '../domain/integration.ts'
import { AppError } from '../errors.ts'
import { createFlashdutyClient, type KeyOwner } from '../flashduty/client.ts'
import { proveKey } from '../flashduty/prove-key.ts'
import { createOutbound } from '../outbound.ts'
import { listLinks, removeLink } from '../storage/links.ts'
import { putMemberKey } from '../storage/member-keys.ts'
import { takeOver } from '../storage/take-over.ts'
import { chooseIntegration, type CliContext, CommandError, type Store, withStore } from './context.ts'
import { addBulkLinkCommands } from './links-bulk.ts'
import { formatRows, formatTime } from './output.ts'
import { addSecretOptions, readSecrets, type SecretOption } from './secret-option.ts'

type AddOptions = { integration?: string; dingtalkUser: string; member: number; name?: string; memberKey?: string }

const MEMBER_KEY: SecretOption = {
  flags: '--member-key <key>',
  text: 'the member’s own APP Key: presses are carried out with it; kept encrypted',
  read: (value) => value.trim(),
}

export function addLinksCommands(program: Command, context: CliContext): void {
  const links = program.command('links').description('who in DingTalk is which Flashduty member')
  addBulkLinkCommands(links, context)

  links
    .command('list')
    .description('all account links')
    .option('--integration <id>', 'id or name; without it, all')
    .option('--json', 'print JSON')
    .action(async (options: { integration?: string; json?: boolean }) => {
      await withStore(context, async (store) => {
        const id =
          options.integration === undefined ? undefined : (await chooseIntegration(store, options.integration)).id
        const rows = (await listLinks(store.db.read, id)).map((link) => ({
          dingtalkUser: link.dingtalk_user_id,
          member: link.member_id,
          name: link.member_name,
          key: link.key === null ? 'missing' : link.key,
          integration: link.integration_id,
          linked: formatTime(link.linked_at),
          left: formatTime(link.suspended_at),
        }))
        context.printLines(formatRows(rows, { json: options.json, empty: 'Nobody is linked yet.' }))
      })
    })

  const add = links
    .command('add')
    .description('link a DingTalk user to a Flashduty member; links that stand in the way are replaced')
    .option('--integration <id>', 'id or name')
    .requiredOption('--dingtalk-user <userId>', 'DingTalk userId', nonEmpty)
    .requiredOption('--member <id>', 'Flashduty member_id', memberId)
    .option('--name <name>', 'the member’s name, when no key tells it')
    .action(async (given: AddOptions) => {
      const options = await readSecrets(context, given, [MEMBER_KEY])
      await withStore(context, async (store) => {
        const integration = await chooseIntegration(store, options.integration)
        const owner =
          options.memberKey === undefined ? undefined : await readOwner(store, integration, options.memberKey)
        if (owner && owner.memberId !== options.member) {
          throw new CommandError(
            `--member-key belongs to member ${owner.memberId} (${owner.memberName}), not to ${options.member}.`,
          )
        }
        const { replaced, told } = await store.db.write(async (trx) => {
          const nowMs = store.clock.nowMs()
          if (options.memberKey !== undefined) {
            const key = { integrationId: integration.id, memberId: options.member, appKey: options.memberKey }
            await putMemberKey(trx, store.box, key, nowMs)
          }
          const link = {
            integration_id: integration.id,
            dingtalk_user_id: options.dingtalkUser,
            member_id: options.member,
            member_name: options.name ?? owner?.memberName ?? `member ${options.member}`,
            linked_by: 'admin' as const,
            linked_at: nowMs,
          }
          return takeOver(trx, link, nowMs)
        })
        for (const old of replaced) {
          context.print(`Replaced: ${old.dingtalk_user_id} was ${old.member_name} (${old.member_id}).`)
        }
        for (const { dingtalk_user_id: userId } of told) {
          context.print(`${userId} is told by the robot, in their own chat, while a daemon runs.`)
        }
        context.print(`Linked ${options.dingtalkUser} to member ${options.member}.`)
        if (options.memberKey === undefined) {
          context.print('No --member-key was given: alerts reach this person, but their presses cannot be carried out.')
        }
      })
    })

  addSecretOptions(add, [MEMBER_KEY])

  links
    .command('remove')
    .description('undo a link')
    .option('--integration <id>', 'id or name')
    .requiredOption('--dingtalk-user <userId>', 'DingTalk userId', nonEmpty)
    .action(async (options: { integration?: string; dingtalkUser: string }) => {
      await withStore(context, async (store) => {
        const { id } = await chooseIntegration(store, options.integration)
        const removed = await store.db.write((trx) => removeLink(trx, id, options.dingtalkUser))
        if (!removed) throw new CommandError(`${options.dingtalkUser} is not linked.`)
        context.print(`${options.dingtalkUser} is no longer linked.`)
      })
    })
}

/** Why a key is not kept, after `--member-key`. */
const REFUSED: Record<string, string> = {
  KEY_INVALID: 'is not accepted by Flashduty: check that it was copied whole and is switched on.',
  MEMBER_DISABLED: 'is of a member who is not active in Flashduty: activate the member there, or use another’s key.',
  WRONG_ACCOUNT:
    'is of another Flashduty account than the integration’s own key: use a key of a member of that account.',
}

/** A key is proven before it is kept: a wrong one would only be noticed at night. */
async function readOwner(store: Store, integration: Integration, appKey: string): Promise<KeyOwner> {
  const outbound = createOutbound(store.config.proxy)
  try {
    const flashduty = createFlashdutyClient({ apiUrl: store.config.flashduty.apiUrl, send: outbound.send })
    return await proveKey(flashduty, integration, appKey)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const why = REFUSED[error.failure.code] ?? `could not be checked with Flashduty: ${error.message}.`
    throw new CommandError(`--member-key ${why} Nothing was changed.`)
  } finally {
    await outbound.close()
  }
}

function nonEmpty(value: string): string {
  if (value.trim() === '') throw new InvalidArgumentError('It must not be empty.')
  return value.trim()
}

function memberId(value: string): number {
  const id = Number(value)
  if (!Number.isSafeInteger(id) || id <= 0)
    throw new InvalidArgumentError('It must be a Flashduty member_id, a number.')
  return id
}
