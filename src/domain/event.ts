import { z } from 'zod'

import type { CustomAction } from './card.ts'
import { type Incident, IncidentSchema, Person, type Rendered, tolerant } from './incident.ts'

/** Every group or person a delivery names; absent = not said, empty = none. */
const list = <T extends z.ZodType>(item: T) => z.array(item).optional()

/** Lists of texts as rules carry them: an array, JSON text of one, or words joined by commas. */
const texts = z.preprocess((value) => {
  if (typeof value !== 'string') return value
  const text = value.trim()
  if (text === '') return []
  if (!text.startsWith('[')) {
    return text
      .split(',')
      .map((word) => word.trim())
      .filter(Boolean)
  }
  try {
    return JSON.parse(text) as unknown
  } catch {
    return value
  }
}, z.array(z.string()).optional())

const Chat = tolerant({
  chat_id: z.string().min(1),
  chat_name: z.string().optional(),
  disable_at: z.boolean().default(false),
  reply_event_types: texts,
  severities: texts,
  serverities: texts,
})

const MAX_CUSTOM_ACTIONS = 5

/** What decorates the card may be odd without costing the alert. */
const RenderedSchema = tolerant({
  dingtalk_app: z.string().optional().catch(undefined),
  title: z.string().optional().catch(undefined),
})
const CustomActionSchema = tolerant({ integration_id: z.number().int(), name: z.string().trim().min(1) })

const Delivery = tolerant({
  integration_id: z.number().int().optional(),
  data_source_id: z.number().int().optional(),
  rid: z.string().optional(),
  fire_type: z.enum(['fire', 'refire']).optional(),
  fire_times: z.number().int().optional(),
  mode: z.enum(['auto', 'create', 'update']).default('auto'),
  chats: list(Chat),
  chat_ids: texts,
  person_ids: list(z.number().int()),
  at_person_ids: list(z.number().int()),
  rendered: RenderedSchema.optional().catch(undefined),
  custom_actions: list(CustomActionSchema).catch(undefined),
  is_flapping: z.boolean().optional().catch(undefined),
  is_in_storm: z.boolean().optional().catch(undefined),
  snooze_minutes: z.array(z.number().int().min(1).max(1440)).max(3).optional(),
  expire_at: z.number().optional(),
  locale: z.enum(['zh-CN', 'en-US']).optional(),
})

const Body = tolerant({
  event_id: z.string().min(1),
  event_time: z.number().int().min(0).max(253_402_300_799_999),
  event_type: z.string().min(1),
  person: Person.optional(),
  incident: IncidentSchema,
  delivery: Delivery.optional(),
})

const AppSettings = tolerant({
  data_source_id: z.coerce.number().optional(),
  chat_ids: texts,
  reply_event_types: texts,
  disable_at: z.boolean().default(false),
  severities: texts,
  serverities: texts,
})

const Rule = z.looseObject({
  layers: z.array(
    z.looseObject({
      target: z
        .looseObject({ webhooks: z.array(z.looseObject({ type: z.string(), settings: z.unknown() })).nullish() })
        .nullish(),
    }),
  ),
})

/**
 * The groups of one DingTalk integration in an escalation rule, layer by layer.
 * @param rule answer of `/channel/escalate/rule/info`
 * @param dataSourceId the integration in Flashduty's numbers; undefined takes any
 * @returns undefined when this is no rule
 */
export function readRuleLayers(rule: unknown, dataSourceId: number | undefined): ChatTarget[][] | undefined {
  const parsed = Rule.safeParse(rule)
  if (!parsed.success) return undefined
  return parsed.data.layers.map(({ target }) =>
    (target?.webhooks ?? []).flatMap(({ type, settings }) => {
      if (type !== 'dingtalk_app') return []
      const read = AppSettings.safeParse(settings)
      if (!read.success) return []
      const { data } = read
      if (dataSourceId !== undefined && data.data_source_id !== dataSourceId) return []
      return [...new Set(data.chat_ids)].map((chatId) => ({
        chatId,
        chatName: undefined,
        disableAt: data.disable_at,
        replyEventTypes: data.reply_event_types ?? [],
        severities: data.severities ?? data.serverities ?? [],
      }))
    }),
  )
}

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

/** What Flashduty wants told, as the deliver queue carries it: an incident webhook's body, optionally with `delivery`. */
export type IncidentEvent = {
  eventId: string
  /** Epoch ms. */
  eventTime: number
  eventType: string
  person: { id: number; name: string } | undefined
  incident: Incident
  delivery: {
    dataSourceId: number | undefined
    rid: string | undefined
    fireType: 'fire' | 'refire'
    mode: 'auto' | 'create' | 'update'
    /** The targets named outright; undefined = none were named, look elsewhere. */
    targets: { chats: ChatTarget[]; personIds: number[] } | undefined
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
}

export type ParsedEvent =
  | { kind: 'event'; event: IncidentEvent }
  /** A well-formed body whose type means nothing to us; never a failure. */
  | { kind: 'unsupported'; eventId: string; eventType: string; incidentId: string | undefined }
  | { kind: 'invalid'; eventId: string | undefined; incidentId: string | undefined; path: string; problem: string }

const SUPPORTED = new Set(
  (
    'i_new i_assign i_a_rspd i_snooze i_wake i_ack i_unack i_storm i_custom i_rslv i_reopen i_merge i_comm ' +
    'i_r_title i_r_desc i_r_impact i_r_rc i_r_rsltn i_r_severity i_r_field i_notify'
  ).split(' '),
)

export const DEFAULT_SNOOZE_MINUTES = [120, 240, 720]

/** What can be known of a body before it is read in earnest; whatever is odd about these fields, `Body` says so. */
const odd = z.string().optional().catch(undefined)
const Envelope = z.object({
  event_id: odd,
  event_type: odd,
  incident: z.object({ event_id: odd, incident_id: odd }).optional().catch(undefined),
})

/** Unknown in, typed out; never throws. Unknown keys are kept. */
export function parseIncidentEvent(raw: unknown): ParsedEvent {
  const seen = Envelope.safeParse(raw).data
  // Custom actions put the event id inside the incident.
  const eventId = seen?.event_id || seen?.incident?.event_id
  const incidentId = seen?.incident?.incident_id

  if (eventId && seen?.event_type && !SUPPORTED.has(seen.event_type) && /^[ai]_/.test(seen.event_type)) {
    return { kind: 'unsupported', eventId, eventType: seen.event_type, incidentId }
  }

  const parsed = Body.safeParse(eventId ? { ...(raw as object), event_id: eventId } : raw)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    return {
      kind: 'invalid',
      eventId,
      incidentId,
      path: issue ? issue.path.join('.') || '(body)' : '(body)',
      problem: issue?.message ?? 'is not an incident event',
    }
  }
  const body = parsed.data
  if (!SUPPORTED.has(body.event_type)) {
    return { kind: 'unsupported', eventId: body.event_id, eventType: body.event_type, incidentId }
  }
  return {
    kind: 'event',
    event: {
      eventId: body.event_id,
      eventTime: body.event_time,
      eventType: body.event_type,
      person: body.person ? { id: body.person.person_id, name: body.person.person_name } : undefined,
      incident: body.incident,
      delivery: readDelivery(body.delivery, body.event_type),
    },
  }
}

function readDelivery(delivery: z.infer<typeof Delivery> | undefined, eventType: string): IncidentEvent['delivery'] {
  const chats = new Map<string, ChatTarget>()
  for (const chat of delivery?.chats ?? []) {
    chats.set(chat.chat_id, {
      chatId: chat.chat_id,
      chatName: chat.chat_name,
      disableAt: chat.disable_at,
      replyEventTypes: chat.reply_event_types ?? [],
      severities: chat.severities ?? chat.serverities ?? [],
    })
  }
  for (const chatId of delivery?.chat_ids ?? []) {
    if (chats.has(chatId)) continue
    chats.set(chatId, { chatId, chatName: undefined, disableAt: false, replyEventTypes: [], severities: [] })
  }
  const named = delivery && (delivery.chats ?? delivery.chat_ids ?? delivery.person_ids) !== undefined
  const presets = delivery?.snooze_minutes ?? DEFAULT_SNOOZE_MINUTES
  return {
    dataSourceId: delivery?.integration_id ?? delivery?.data_source_id,
    rid: delivery?.rid,
    fireType: delivery?.fire_type ?? 'fire',
    mode: delivery?.mode ?? 'auto',
    targets: named ? { chats: [...chats.values()], personIds: [...new Set(delivery.person_ids ?? [])] } : undefined,
    atPersonIds: delivery?.at_person_ids && [...new Set(delivery.at_person_ids)],
    rendered: readRendered(delivery?.rendered),
    customActions: (delivery?.custom_actions ?? []).slice(0, MAX_CUSTOM_ACTIONS).map((action) => ({
      integrationId: action.integration_id,
      name: action.name,
    })),
    fireTimes: Math.max(0, delivery?.fire_times ?? 0),
    flapping: delivery?.is_flapping,
    inStorm: delivery?.is_in_storm ?? (eventType === 'i_storm' ? true : undefined),
    snoozeMinutes: [...new Set(presets)],
    expiresAtMs: delivery?.expire_at ? delivery.expire_at * 1000 : undefined,
    locale: delivery?.locale,
  }
}

function readRendered(rendered: z.infer<typeof RenderedSchema> | undefined): Rendered | undefined {
  const body = rendered?.dingtalk_app?.trim() || undefined
  const title = rendered?.title?.trim() || undefined
  return body === undefined && title === undefined ? undefined : { title, body }
}
