import type { Command } from 'commander'

import type { Integration } from '../domain/integration.ts'
import {
  addIntegration,
  isOfCorporation,
  listIntegrations,
  removeIntegration,
  saveIntegration,
} from '../storage/integrations.ts'
import { type Forgotten, forgetCorporation } from '../storage/forget-corporation.ts'
import { sumUsage, type UsageKind } from '../storage/usage.ts'
import { settleActing } from './acting.ts'
import { chooseIntegration, type CliContext, UsageError, withStore } from './context.ts'
import { readCardTests } from './describe-card-tests.ts'
import { readDoors } from './describe-doors.ts'
import { describeIntegration } from './describe-integration.ts'
import {
  changedBy,
  type Changes,
  type Fields,
  FIELDS,
  fieldsOf,
  OPTIONAL_FIELDS,
  OPTIONAL_SECRET_FIELDS,
  OWNER_KEY,
  SECRET_FIELDS,
} from './integration-fields.ts'
import { formatRows } from './output.ts'
import { addSecretOptions, askFor, readSecrets } from './secret-option.ts'

const ALL_SECRETS = [...SECRET_FIELDS, ...OPTIONAL_SECRET_FIELDS]

export function addIntegrationCommands(program: Command, context: CliContext): void {
  const integration = program.command('integration').description('DingTalk integrations (集成)')
  addAdd(integration, context)
  addList(integration, context)
  addShow(integration, context)
  addSet(integration, context)
  addRemove(integration, context)
}

function addAdd(integration: Command, context: CliContext): void {
  const add = integration.command('add').description('make an integration from the fields of the guide’s form')
  for (const [flags, text, parse] of FIELDS) add.requiredOption(flags, text, parse)
  for (const [flags, text, parse] of OPTIONAL_FIELDS) add.option(flags, text, parse)
  addSecretOptions(add, ALL_SECRETS)
  add
    .option('--default', 'deliveries that name no integration go to this one')
    .option('--json', 'print JSON')
    .action(async ({ json, ...options }: Fields & { json?: boolean }) => {
      const needed = options.acting === 'owner-key' ? [...SECRET_FIELDS, OWNER_KEY] : SECRET_FIELDS
      const given = await readSecrets(context, options, ALL_SECRETS, needed)
      const fields = fieldsOf(given)
      refuseDeaf(fields)
      await withStore(context, async (store) => {
        const { notes, ...acting } = await settleActing(store, given, { acting: 'member-key', ownerKey: undefined })
        const made = await store.db.write((trx) =>
          addIntegration(trx, store.box, { ...fields, ...acting }, store.clock.nowMs()),
        )
        for (const note of notes) context.complain(note)
        const usage = { calls: 0, pushes: 0 }
        context.printLines(describeIntegration(made, store.config, json, usage, await readDoors(store, made), []))
      })
    })
}

function addList(integration: Command, context: CliContext): void {
  integration
    .command('list')
    .description('all integrations')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      await withStore(context, async ({ db, box }) => {
        const rows = (await listIntegrations(db.read, box)).map((row) => ({
          id: row.id,
          name: row.name,
          corpId: row.corpId,
          clientId: row.clientId,
          dataSourceId: row.dataSourceId ?? null,
          qps: row.qps,
          default: row.isDefault,
          enabled: row.enabled,
        }))
        context.printLines(
          formatRows(rows, { json, empty: 'There is no integration yet: make one with `integration add`.' }),
        )
      })
    })
}

function addShow(integration: Command, context: CliContext): void {
  integration
    .command('show [integration]')
    .description('one integration, with the addresses to paste into DingTalk’s developer console')
    .option('--json', 'print JSON')
    .action(async (wanted: string | undefined, { json }: { json?: boolean }) => {
      await withStore(context, async (store) => {
        const found = await chooseIntegration(store, wanted)
        const used = (kind: UsageKind) => sumUsage(store.db.read, found.corpId, kind, store.clock.nowMs())
        const usage = { calls: await used('call'), pushes: await used('push') }
        const doors = await readDoors(store, found)
        const tests = await readCardTests(store, found.id)
        context.printLines(describeIntegration(found, store.config, json, usage, doors, tests))
      })
    })
}

function addSet(integration: Command, context: CliContext): void {
  const set = integration.command('set <integration>').description('change fields of an integration')
  for (const [flags, text, parse] of [...FIELDS, ...OPTIONAL_FIELDS]) set.option(flags, text, parse)
  addSecretOptions(set, ALL_SECRETS)
  set
    .option('--default', 'deliveries that name no integration go to this one')
    .option('--enable', 'switch it on')
    .option('--disable', 'switch it off: nothing is received or sent for it')
    .action(async (wanted: string, { enable, disable, ...options }: Changes & { enable?: true; disable?: true }) => {
      const changes = await readSecrets(context, options, ALL_SECRETS)
      await withStore(context, async (store) => {
        if (Object.keys(changes).length === 0 && !enable && !disable) {
          throw new UsageError('Nothing to change: name at least one field.')
        }
        if (enable && disable) throw new UsageError('--enable and --disable exclude each other.')
        const before = await chooseIntegration(store, wanted)
        if (changes.acting === 'owner-key' && changes.ownerKey === undefined && before.ownerKey === undefined) {
          changes.ownerKey = await askFor(context, OWNER_KEY)
        }
        const { notes, ...acting } = await settleActing(store, changes, before)
        const enabled = enable ?? (disable ? false : before.enabled)
        const after: Integration = { ...changedBy(before, changes), ...acting, enabled }
        refuseDeaf(after)
        const otherApp = after.clientId !== before.clientId
        const forgotten = await store.db.write(async (trx) => {
          const nowMs = store.clock.nowMs()
          // By what it is now: another command may have changed it meanwhile.
          const isSame = await isOfCorporation(trx, before.id, after.corpId)
          await saveIntegration(trx, store.box, after, nowMs)
          return isSame ? undefined : forgetCorporation(trx, after.id, { otherApp }, nowMs)
        })
        for (const note of notes) context.complain(note)
        context.print(`Changed ${before.id} (${after.name}). A running daemon takes it up within 2 s.`)
        if (forgotten) {
          for (const { dingtalk_user_id: userId, member_id: id, member_name: name } of forgotten.links) {
            context.print(
              `Unlinked ${userId} from ${name} (${id}): a person of ${before.corpId}, not of ${after.corpId}.`,
            )
          }
          context.print(`Ended ${forgotten.sessions} logins at ${before.corpId}. People log in and link anew.`)
          for (const line of whatElse(forgotten, before.corpId)) context.print(line)
        }
        if (!after.streamOn && store.config.http.publicUrl === undefined) {
          context.print('Set PUBLIC_URL: without a Stream, DingTalk has to reach this daemon for presses and events.')
        }
      })
    })
}

function addRemove(integration: Command, context: CliContext): void {
  integration
    .command('remove <integration>')
    .description('remove an integration with its groups, links and keys; records stay')
    .requiredOption('--yes', 'yes, remove it')
    .action(async (wanted: string) => {
      await withStore(context, async (store) => {
        const { id, name } = await chooseIntegration(store, wanted)
        await store.db.write((trx) => removeIntegration(trx, id))
        context.print(`Removed ${id} (${name}).`)
      })
    })
}

function whatElse({ cards, groups, routes }: Forgotten, corpId: string): string[] {
  return [
    ...(cards > 0 ? [`${cards} cards at ${corpId} are updated no more. Records stay: see \`records\`.`] : []),
    ...(groups > 0 ? [`Forgot ${groups} groups that the former app knew: install the cool app in the new ones.`] : []),
    ...routes.map(({ channelId, openConversationId }) => `Removed the route ${channelId} → ${openConversationId}.`),
  ]
}

/** Without a Stream nothing but HTTP pushes can bring events. */
function refuseDeaf({ eventMode, streamOn }: Pick<Integration, 'eventMode' | 'streamOn'>): void {
  if (streamOn || eventMode === 'http') return
  throw new UsageError('Without a Stream, events can only come over HTTP: name --events http beside --stream off.')
}
