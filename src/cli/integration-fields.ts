import { InvalidArgumentError } from 'commander'

import { AI_TEMPLATE_NAME, templateIdOf } from '../domain/card-template.ts'
import { ACTING_WAYS, type ActingWay, type EventMode, type Integration } from '../domain/integration.ts'
import type { IntegrationFields } from '../storage/integration-row.ts'
import { UsageError } from './context.ts'
import type { SecretOption } from './secret-option.ts'

type Required = 'name' | 'corpId' | 'agentId' | 'clientId' | 'clientSecret' | 'aesKey' | 'token'

/** What the options say, by commander's names; '' empties what may be empty. */
export type Fields = Pick<Integration, Required> & {
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
export type Changes = Partial<Fields>

/** A new integration's fields, apart from how presses are carried out. */
export function fieldsOf(given: Fields): Omit<IntegrationFields, 'acting' | 'ownerKey'> {
  const { events, stream, default: isDefault, acting: _acting, ownerKey: _ownerKey, ...fields } = given
  return {
    ...fields,
    dataSourceId: given.dataSourceId,
    coolAppCode: given.coolAppCode,
    qps: given.qps ?? 20,
    connections: given.connections ?? 2,
    monthlyCalls: given.monthlyCalls ?? 5_000,
    monthlyPushes: given.monthlyPushes ?? 3_000,
    groupPerMinute: given.groupPerMinute ?? 0,
    flashdutyKey: given.flashdutyKey || undefined,
    templateId: given.templateId || undefined,
    templateRefusedAt: undefined,
    dmFromWebhook: given.dmFromWebhook ?? true,
    eventMode: events ?? 'stream',
    streamOn: stream ?? true,
    isDefault: isDefault ?? false,
    enabled: true,
  }
}

/** The integration with these changes, apart from how presses are carried out. */
export function changedBy(before: Integration, given: Changes): Integration {
  const { events, stream, default: isDefault, acting: _acting, ownerKey: _ownerKey, ...changes } = given
  return {
    ...before,
    ...changes,
    // Set anew, it is tried anew.
    ...(changes.templateId === undefined
      ? {}
      : { templateId: changes.templateId || undefined, templateRefusedAt: undefined }),
    ...(changes.flashdutyKey === '' ? { flashdutyKey: undefined } : {}),
    eventMode: events ?? before.eventMode,
    streamOn: stream ?? before.streamOn,
    isDefault: isDefault ?? before.isDefault,
  }
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

export const FIELDS: Option[] = [
  ['--name <name>', '集成名称', filled],
  ['--corp-id <id>', 'CorpId', filled],
  ['--agent-id <id>', 'AgentId', filled],
  ['--client-id <id>', 'Client ID (AppKey)', filled],
]

export const SECRET_FIELDS: SecretOption[] = [
  { flags: '--client-secret <secret>', text: 'Client Secret (AppSecret)', read: (value) => value.trim() },
  {
    flags: '--aes-key <key>',
    text: '加密 aes_key',
    read: secretly(
      '--aes-key',
      /^[A-Za-z0-9]{43}$/,
      'must be the 43 letters and digits that DingTalk shows as 加密 aes_key.',
    ),
  },
  {
    flags: '--token <token>',
    text: '签名 Token',
    read: secretly(
      '--token',
      /^[A-Za-z0-9]{3,32}$/,
      'must be the 3 to 32 letters and digits that DingTalk shows as 签名 Token.',
    ),
  },
]

export const OWNER_KEY: SecretOption = {
  flags: '--owner-key <key>',
  text: 'APP Key of the account owner, for --acting owner-key; empty = none',
  read: (value) => value.trim(),
  mayBeEmpty: true,
}

export const OPTIONAL_SECRET_FIELDS: SecretOption[] = [
  {
    flags: '--flashduty-key <key>',
    text: 'APP Key for looking up escalation rules; empty = none',
    read: (value) => value.trim(),
    mayBeEmpty: true,
  },
  OWNER_KEY,
]

export const OPTIONAL_FIELDS: Option[] = [
  ['--data-source-id <number>', 'Flashduty’s integration_id, as deliveries name it', whole(1, Number.MAX_SAFE_INTEGER)],
  ['--cool-app-code <code>', 'code of the cool app (酷应用), COOLAPP-…', filled],
  [
    '--template-id <id>',
    `your own card template (docs/card-template.md), or ${AI_TEMPLATE_NAME} for DingTalk’s other public one; public or empty = its first`,
    (value) => templateIdOf(value.trim()),
  ],
  [
    `--acting <${ACTING_WAYS.join('|')}>`,
    'how presses are carried out: with keys the owner’s key makes, with members’ own, or by Flashduty from a queue (default: member-key)',
    oneOf(...ACTING_WAYS),
  ],
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
