import { type Command, InvalidArgumentError } from 'commander'

import { ACTING_WAYS, type ActingWay, addressesOf, type EventMode, type Integration } from '../domain/integration.ts'
import { addIntegration, listIntegrations, removeIntegration, saveIntegration } from '../storage/integrations.ts'
import { forgetCorporation } from '../storage/leavers.ts'
import { sumUsage, type UsageKind } from '../storage/usage.ts'
import { settleActing } from './acting.ts'
import { chooseIntegration, type CliContext, UsageError, withStore } from './context.ts'
import { describeDoors, type Doors, readDoors } from './describe-doors.ts'
import { formatRows } from './output.ts'

type Fields = {
  name: string
  corpId: string
  agentId: string
  clientId: string
  clientSecret: string
  aesKey: string
  token: string
  dataSourceId?: number
  coolAppCode?: string
  qps?: number
  connections?: number
  monthlyCalls?: number
  monthlyPushes?: number
  groupPerMinute?: number
  flashdutyKey?: string
  acting?: ActingWay
  ownerKey?: string
  templateId?: string
  dmFromWebhook?: boolean
  events?: EventMode
  stream?: boolean
  default?: boolean
}

export function addIntegrationCommands(program: Command, context: CliContext): void {
  const integration = program.command('integration').description('DingTalk integrations (集成)')

  const add = integration.command('add').description('make an integration from the fields of the guide’s form')
  for (const [flags, text, parse] of FIELDS) add.requiredOption(flags, text, parse)
  for (const [flags, text, parse] of OPTIONAL_FIELDS) add.option(flags, text, parse)
  add
    .option('--default', 'deliveries that name no integration go to this one')
    .option('--json', 'print JSON')
    .action(async (fields: Fields & { json?: boolean }) => {
      refuseDeaf({ eventMode: fields.events ?? 'stream', streamOn: fields.stream ?? true })
      await withStore(context, async (store) => {
        const { notes, ...acting } = await settleActing(store, fields, { acting: 'member-key', ownerKey: undefined })
        const made = await store.db.write((trx) =>
          addIntegration(
            trx,
            store.box,
            {
              ...fields,
              qps: fields.qps ?? 20,
              connections: fields.connections ?? 2,
              monthlyCalls: fields.monthlyCalls ?? 5_000,
              monthlyPushes: fields.monthlyPushes ?? 3_000,
              groupPerMinute: fields.groupPerMinute ?? 0,
              flashdutyKey: fields.flashdutyKey,
              ...acting,
              templateId: fields.templateId,
              templateRefusedAt: undefined,
              dmFromWebhook: fields.dmFromWebhook ?? true,
              eventMode: fields.events ?? 'stream',
              streamOn: fields.stream ?? true,
              dataSourceId: fields.dataSourceId,
              coolAppCode: fields.coolAppCode,
              isDefault: fields.default ?? false,
              enabled: true,
            },
            store.clock.nowMs(),
          ),
        )
        for (const note of notes) context.complain(note)
        context.print(describe(made, store.config, fields.json, { calls: 0, pushes: 0 }, await readDoors(store, made)))
      })
    })

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
        context.print(
          formatRows(rows, { json, empty: 'There is no integration yet: make one with `integration add`.' }),
        )
      })
    })

  integration
    .command('show [integration]')
    .description('one integration, with the addresses to paste into DingTalk’s developer console')
    .option('--json', 'print JSON')
    .action(async (wanted: string | undefined, { json }: { json?: boolean }) => {
      await withStore(context, async (store) => {
        const found = await chooseIntegration(store, wanted)
        const used = (kind: UsageKind) => sumUsage(store.db.read, found.corpId, kind, store.clock.nowMs())
        const usage = { calls: await used('call'), pushes: await used('push') }
        context.print(describe(found, store.config, json, usage, await readDoors(store, found)))
      })
    })

  const set = integration.command('set <integration>').description('change fields of an integration')
  for (const [flags, text, parse] of [...FIELDS, ...OPTIONAL_FIELDS]) set.option(flags, text, parse)
  set
    .option('--default', 'deliveries that name no integration go to this one')
    .option('--enable', 'switch it on')
    .option('--disable', 'switch it off: nothing is received or sent for it')
    .action(async (wanted: string, fields: Partial<Fields> & { enable?: boolean; disable?: boolean }) => {
      await withStore(context, async (store) => {
        const { default: isDefault, enable, disable, events, stream, ...changes } = fields
        if (Object.keys(fields).length === 0) throw new UsageError('Nothing to change: name at least one field.')
        if (enable && disable) throw new UsageError('--enable and --disable exclude each other.')
        const before = await chooseIntegration(store, wanted)
        const { notes, ...acting } = await settleActing(store, changes, before)
        const after: Integration = {
          ...before,
          ...changes,
          ...acting,
          // Set anew, it is tried anew.
          ...(changes.templateId === undefined
            ? {}
            : { templateId: changes.templateId || undefined, templateRefusedAt: undefined }),
          ...(changes.flashdutyKey === '' ? { flashdutyKey: undefined } : {}),
          eventMode: events ?? before.eventMode,
          streamOn: stream ?? before.streamOn,
          isDefault: isDefault ?? before.isDefault,
          enabled: enable ? true : disable ? false : before.enabled,
        }
        refuseDeaf(after)
        const forgotten = await store.db.write(async (trx) => {
          await saveIntegration(trx, store.box, after, store.clock.nowMs())
          return after.corpId === before.corpId ? undefined : forgetCorporation(trx, after.id)
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
        }
        if (!after.streamOn && store.config.http.publicUrl === undefined) {
          context.print('Set PUBLIC_URL: without a Stream, DingTalk has to reach this daemon for presses and events.')
        }
      })
    })

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

/** Without a Stream nothing but HTTP pushes can bring events. */
function refuseDeaf({ eventMode, streamOn }: { eventMode: EventMode; streamOn: boolean }): void {
  if (streamOn || eventMode === 'http') return
  throw new UsageError('Without a Stream, events can only come over HTTP: name --events http beside --stream off.')
}

type Option = [flags: string, text: string, parse: (value: string) => string | number | boolean]

const filled = (value: string): string => {
  if (value.trim() === '') throw new InvalidArgumentError('It must not be empty.')
  return value.trim()
}
/** For secrets: an `InvalidArgumentError` would have the value printed. */
const secretly = (flag: string, pattern: RegExp, rule: string) => (value: string) => {
  if (!pattern.test(value.trim())) throw new UsageError(`${flag} ${rule}`)
  return value.trim()
}
const yesNo = (value: string): boolean => {
  if (value !== 'yes' && value !== 'no') throw new InvalidArgumentError('It must be yes or no.')
  return value === 'yes'
}
const oneOf =
  <T extends string>(...allowed: readonly T[]) =>
  (value: string): T => {
    const found = allowed.find((one) => one === value)
    if (found === undefined) throw new InvalidArgumentError(`It must be one of ${allowed.join(', ')}.`)
    return found
  }
const whole = (min: number, max: number) => (value: string) => {
  const number = Number(value)
  if (!Number.isInteger(number) || number < min || number > max) {
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
  }
  return number
}

const FIELDS: Option[] = [
  ['--name <name>', '集成名称', filled],
  ['--corp-id <id>', 'CorpId', filled],
  ['--agent-id <id>', 'AgentId', filled],
  ['--client-id <id>', 'Client ID (AppKey)', filled],
  ['--client-secret <secret>', 'Client Secret (AppSecret)', filled],
  [
    '--aes-key <key>',
    '加密 aes_key',
    secretly(
      '--aes-key',
      /^[A-Za-z0-9]{43}$/,
      'must be the 43 letters and digits that DingTalk shows as 加密 aes_key.',
    ),
  ],
  [
    '--token <token>',
    '签名 Token',
    secretly(
      '--token',
      /^[A-Za-z0-9]{3,32}$/,
      'must be the 3 to 32 letters and digits that DingTalk shows as 签名 Token.',
    ),
  ],
]

const OPTIONAL_FIELDS: Option[] = [
  ['--data-source-id <number>', 'Flashduty’s integration_id, as deliveries name it', whole(1, Number.MAX_SAFE_INTEGER)],
  ['--cool-app-code <code>', 'code of the cool app (酷应用), COOLAPP-…', filled],
  [
    '--template-id <id>',
    'your own card template (docs/card-template.md); empty = DingTalk’s public one',
    (value) => value.trim(),
  ],
  ['--flashduty-key <key>', 'APP Key for looking up escalation rules; empty = none', (value) => value.trim()],
  [
    `--acting <${ACTING_WAYS.join('|')}>`,
    'how presses are carried out: with keys the owner’s key makes, with members’ own, or by Flashduty from a queue (default: member-key)',
    oneOf(...ACTING_WAYS),
  ],
  ['--owner-key <key>', 'APP Key of the account owner, for --acting owner-key; empty = none', (value) => value.trim()],
  [
    '--dm-from-webhook <yes|no>',
    'tell responders in their own chats when a webhook names nobody (default: yes)',
    yesNo,
  ],
  [
    '--events <stream|http>',
    'how the developer console delivers events (default: stream); both doors take them at any time',
    oneOf('stream', 'http'),
  ],
  [
    '--stream <on|off>',
    'keep a Stream open (default: on); off: presses return over HTTP, which needs PUBLIC_URL',
    (value) => oneOf('on', 'off')(value) === 'on',
  ],
  ['--monthly-calls <number>', 'calls a month DingTalk allows, 0 = unlimited (default: 5000)', whole(0, 1e9)],
  ['--monthly-pushes <number>', 'pushes a month DingTalk allows, 0 = unlimited (default: 3000)', whole(0, 1e9)],
  ['--group-per-minute <number>', 'new cards a minute for one group, 0 = unlimited (default: 0)', whole(0, 10_000)],
  ['--connections <number>', 'Stream connections to keep, 1 to 4 (default: 2)', whole(1, 4)],
  ['--qps <number>', 'calls a second DingTalk allows per API, 0 = unlimited (default: 20)', whole(0, 1_000)],
]

const ACTING_NAMES: Record<ActingWay, string> = {
  'owner-key': '主账号代建成员 APP Key（owner-key）',
  'member-key': '成员自己的 APP Key（member-key）',
  queue: 'Flashduty 从队列取走执行（queue）',
}

const PLACEHOLDER = 'https://PUBLIC_URL-is-not-set.example'

function ofLimit(used: number, limit: number): string {
  return limit === 0 ? `${used}（不限）` : `${used} / ${limit}`
}

function templateOf({ templateId, templateRefusedAt }: Integration): string {
  if (templateId === undefined) return '钉钉公共模板'
  return templateRefusedAt === undefined ? templateId : `${templateId}（钉钉不接受，暂用公共模板）`
}

function describe(
  integration: Integration,
  config: { http: { publicUrl: string | undefined }; egressIp: string | undefined },
  json: boolean | undefined,
  usage: { calls: number; pushes: number },
  doors: Doors,
): string {
  const addresses = addressesOf(integration, config.http.publicUrl ?? PLACEHOLDER)
  if (json) {
    return JSON.stringify(
      {
        id: integration.id,
        name: integration.name,
        enabled: integration.enabled,
        ...addresses,
        egressIp: config.egressIp ?? null,
        connections: integration.connections,
        templateId: integration.templateId ?? null,
        templateRefused: integration.templateRefusedAt !== undefined,
        acting: integration.acting,
        calls: { used: usage.calls, limit: integration.monthlyCalls },
        pushes: { used: usage.pushes, limit: integration.monthlyPushes },
        ...doors,
      },
      undefined,
      2,
    )
  }
  const hints = [
    ...(config.http.publicUrl === undefined
      ? ['Set PUBLIC_URL to how people’s browsers reach this daemon; the addresses above start with it.']
      : []),
    ...(config.egressIp === undefined ? ['Set EGRESS_IP to the address DingTalk sees this host call from.'] : []),
    '事件订阅请求网址 contains a secret key: paste it into DingTalk’s console and nowhere else.',
  ]
  return [
    `${integration.name} (${integration.id})${integration.enabled ? '' : '  已停用'}`,
    '',
    `酷应用网页地址      ${addresses.coolAppPage}`,
    `应用首页地址        ${addresses.mobileHome}`,
    `PC 端首页地址       ${addresses.pcHome}`,
    `服务器出口 IP       ${config.egressIp ?? '(EGRESS_IP is not set)'}`,
    `事件订阅请求网址    ${addresses.eventSubscription}`,
    `本月 API 调用       ${ofLimit(usage.calls, integration.monthlyCalls)}`,
    `本月推送            ${ofLimit(usage.pushes, integration.monthlyPushes)}`,
    `卡片模板            ${templateOf(integration)}`,
    ...describeDoors(doors),
    `操作方式            ${ACTING_NAMES[integration.acting]}`,
    '',
    ...hints,
  ].join('\n')
}
