import type { CustomAction } from './card.ts'
import { type Rendered, SEVERITIES } from './incident.ts'
import {
  MAX_CUSTOM_ACTIONS,
  MAX_FILTER_WORDS,
  MAX_ID,
  MAX_NAME,
  MAX_PEOPLE,
  MAX_SNOOZES,
  MAX_TEXT,
  MAX_TITLE,
} from './limits.ts'
import { Fields, type Place, type Read, Reading } from './reading/reading.ts'
import { flag, integer, isObject, list, object, oneOf, text, time, word } from './reading/values.ts'

/** One group as a delivery names it. */
export type ChatTarget = {
  chatId: string
  chatName: string | undefined
  disableAt: boolean
  /** Event types that may change the card in this group; empty = all. */
  replyEventTypes: string[]
  /** Severities that may reach this group; empty = all. */
  severities: string[]
}

/** Somebody a delivery names in a way that nobody can read; `problem` says where and why. */
export type UnreadableTarget = { kind: 'group' | 'person'; path: string; problem: string }

/** What a body says about whom to tell, and how. */
export type Delivery = {
  /** In Flashduty's numbers; `unreadable` = one was named, and nobody knows which. */
  dataSourceId: number | 'unreadable' | undefined
  rid: string | undefined
  fireType: 'fire' | 'refire'
  mode: 'auto' | 'create' | 'update'
  /** The groups named outright; undefined = none were named, look elsewhere. */
  chats: ChatTarget[] | undefined
  /** The people named outright; undefined = none were named, look elsewhere. */
  personIds: number[] | undefined
  unreadableTargets: UnreadableTarget[]
  /** Members that groups mention; undefined = the responders. */
  atPersonIds: number[] | undefined
  /** Flashduty's own rendering of the card; undefined = none came along. */
  rendered: Rendered | undefined
  /** At most five. */
  customActions: CustomAction[]
  /** How often it was told, this time included; 0 = not said. */
  fireTimes: number
  flapping: boolean | undefined
  inStorm: boolean | undefined
  snoozeMinutes: number[]
  /** Epoch ms. */
  expiresAtMs: number | undefined
  locale: 'zh-CN' | 'en-US' | undefined
}

export const DEFAULT_SNOOZE_MINUTES = [120, 240, 720]

/** Flashduty's event types, and those to come. */
const EVENT_TYPE = /^[ai]_[a-z_]{1,60}$/

const eventType: Read<string> = (value, at) => {
  const read = word(MAX_ID)(value, at)?.toLowerCase()
  return read === undefined || EVENT_TYPE.test(read) ? read : at.leaveOut('is not a type of event')
}

/** The words of a filter. What cannot be read filters nothing: rather told than hidden. */
const eventTypes = list(eventType, MAX_FILTER_WORDS)
const severities = list(oneOf(SEVERITIES), MAX_FILTER_WORDS)

function readFilters(fields: Fields) {
  return {
    disableAt: fields.take('disable_at', flag) ?? false,
    replyEventTypes: fields.take('reply_event_types', eventTypes) ?? [],
    // Flashduty itself spells it both ways.
    severities: fields.take('severities', severities) ?? fields.take('serverities', severities) ?? [],
  }
}

const chatId = word(MAX_ID)

const chat: Read<ChatTarget> = (value, at) => {
  if (typeof value === 'string' && !value.trimStart().startsWith('{')) {
    const id = chatId(value, at)
    return id === undefined ? at.leaveOut('is empty') : { chatId: id, ...EVERYTHING }
  }
  return object((raw) => {
    const fields = new Fields(raw, at)
    const id = fields.take('chat_id', chatId)
    if (id === undefined) {
      return fields.unreadable.has('chat_id') ? undefined : at.of('chat_id').leaveOut('is missing')
    }
    return { chatId: id, chatName: fields.take('chat_name', text(MAX_NAME)), ...readFilters(fields) }
  })(value, at)
}

/** What is said of a group that is named by its id alone. */
export const EVERYTHING = {
  chatName: undefined,
  disableAt: false,
  replyEventTypes: [] as string[],
  severities: [] as string[],
}

const memberId = integer(1)

/** Blank is no number here: nobody knows whom it would mean. 0 = unset. */
const sourceId: Read<number> = (value, at) =>
  integer()(value, at) ?? (value === '' ? at.leaveOut('is empty') : undefined)

const customAction: Read<CustomAction> = object((raw, at) => {
  const fields = new Fields(raw, at)
  const integrationId = fields.take('integration_id', integer(1))
  const name = fields.take('name', word(MAX_NAME))
  if (integrationId !== undefined && name !== undefined) return { integrationId, name }
  return fields.unreadable.size > 0 ? undefined : at.leaveOut('lacks its integration_id or its name')
})

const rendered: Read<Rendered> = object((raw, at) => {
  const fields = new Fields(raw, at)
  const body = fields.take('dingtalk_app', text(MAX_TEXT))?.trim() || undefined
  const title = fields.take('title', text(MAX_TITLE))?.trim() || undefined
  return body === undefined && title === undefined ? undefined : { title, body }
})

const locale: Read<'zh-CN' | 'en-US'> = (value, at) => {
  const language = typeof value === 'string' ? value.trim().slice(0, 3).toLowerCase() : '?'
  if (language === '') return undefined
  if (/^zh([-_]|$)/.test(language)) return 'zh-CN'
  return /^en([-_]|$)/.test(language) ? 'en-US' : at.leaveOut('is neither zh-CN nor en-US')
}

/**
 * Reads what a body says about whom to tell and how; `raw` undefined = it says nothing. Of what cannot be read, everything
 * widens: a filter lets all through, and for a list of targets the rule or the routes stand in.
 */
export function readDelivery(raw: Record<string, unknown> | undefined, at: Place, ofEvent: string): Delivery {
  const fields = new Fields(raw ?? {}, at)
  const targets = readTargets(fields)
  const dataSourceId = fields.take('integration_id', sourceId) || fields.take('data_source_id', sourceId) || undefined
  const nobodyKnows = fields.unreadable.has('integration_id') || fields.unreadable.has('data_source_id')
  const inStorm = fields.take('is_in_storm', flag)
  const expiresAtMs = fields.take('expire_at', time)
  return {
    ...targets,
    // Another corporation could be told.
    dataSourceId: nobodyKnows ? 'unreadable' : dataSourceId,
    rid: fields.take('rid', word(MAX_ID)),
    fireType: fields.take('fire_type', oneOf(['fire', 'refire'])) ?? 'fire',
    mode: fields.take('mode', oneOf(['auto', 'create', 'update'])) ?? 'auto',
    atPersonIds: unique(fields.take('at_person_ids', list(memberId, MAX_PEOPLE))),
    rendered: fields.take('rendered', rendered),
    customActions: fields.take('custom_actions', list(customAction, MAX_CUSTOM_ACTIONS)) ?? [],
    fireTimes: fields.take('fire_times', integer()) ?? 0,
    flapping: fields.take('is_flapping', flag),
    inStorm: inStorm ?? (ofEvent === 'i_storm' ? true : undefined),
    snoozeMinutes:
      unique(fields.take('snooze_minutes', list(integer(1, 1_440), MAX_SNOOZES))) ?? DEFAULT_SNOOZE_MINUTES,
    expiresAtMs: expiresAtMs || undefined,
    locale: fields.take('locale', locale),
  }
}

type Targets = Pick<Delivery, 'chats' | 'personIds' | 'unreadableTargets'>

/** Lists of targets are as long as their body lets them be; how many are told is decided by the plan. */
const ANY_NUMBER = Infinity

/**
 * An empty list names nobody, and then nobody is to be told; a list that is absent says nothing, unless another one names
 * somebody; a list that makes no sense at all must not hide the alert from those who would get it without `delivery`.
 */
function readTargets(fields: Fields): Targets {
  const unreadableTargets: UnreadableTarget[] = []
  const take = <T>(key: string, kind: UnreadableTarget['kind'], read: Read<T>): T[] | undefined =>
    fields.take(
      key,
      list(read, ANY_NUMBER, ({ path, lastLeftOut: why }) => {
        unreadableTargets.push({ kind, path, problem: `${why.path} ${why.problem}` })
      }),
    )
  const named = take('chats', 'group', chat)
  const byId = take('chat_ids', 'group', chatId)
  const people = take('person_ids', 'person', memberId)
  const chats = named || byId ? mergeChats(named ?? [], byId ?? []) : undefined
  const isUnreadable = (...keys: string[]) => keys.some((key) => fields.unreadable.has(key))
  return {
    chats: chats ?? (people && !isUnreadable('chats', 'chat_ids') ? [] : undefined),
    personIds: unique(people) ?? (chats && !isUnreadable('person_ids') ? [] : undefined),
    unreadableTargets,
  }
}

function mergeChats(named: ChatTarget[], byId: string[]): ChatTarget[] {
  const chats = new Map<string, ChatTarget>()
  for (const each of named) chats.set(each.chatId, each)
  for (const id of byId) if (!chats.has(id)) chats.set(id, { chatId: id, ...EVERYTHING })
  return [...chats.values()]
}

function unique<T>(items: T[] | undefined): T[] | undefined {
  return items && [...new Set(items)]
}

/** Settings of a DingTalk integration in an escalation rule. */
const appSettings = object((raw, at) => {
  const fields = new Fields(raw, at)
  return {
    dataSourceId: fields.take('data_source_id', integer()),
    chatIds: fields.take('chat_ids', list(chatId, ANY_NUMBER)) ?? [],
    ...readFilters(fields),
  }
})

/**
 * The groups of one DingTalk integration in an escalation rule, layer by layer.
 * @param rule answer of `/channel/escalate/rule/info`
 * @param dataSourceId the integration in Flashduty's numbers; undefined takes any
 * @returns undefined when this is no rule
 */
export function readRuleLayers(rule: unknown, dataSourceId: number | undefined): ChatTarget[][] | undefined {
  const layers = isObject(rule) ? rule['layers'] : undefined
  if (!Array.isArray(layers)) return undefined
  return layers.map((layer: unknown) => {
    const target = isObject(layer) ? layer['target'] : undefined
    const webhooks = isObject(target) ? target['webhooks'] : undefined
    const chats = (Array.isArray(webhooks) ? webhooks : []).flatMap((webhook: unknown) => {
      if (!isObject(webhook) || webhook['type'] !== 'dingtalk_app') return []
      const settings = appSettings(webhook['settings'], new Reading().at('settings'))
      if (!settings || (dataSourceId !== undefined && settings.dataSourceId !== dataSourceId)) return []
      const { chatIds, dataSourceId: _, ...filters } = settings
      return [...new Set(chatIds)].map((id) => ({ chatId: id, chatName: undefined, ...filters }))
    })
    return chats
  })
}
