import { FlashdutyError, invalid, notFound } from './errors.ts'
import { bigId, hex, objectId } from './ids.ts'
import { type Act, type Assignment, type FullIncident, type Person } from './incidents.ts'
import { AppKeys } from './app-keys.ts'
import { WebhookHistory } from './webhook-history.ts'
import { EVENT_OF, apply, assign, backToTriggered, check, isSnoozed, newIncident } from './incidents.ts'
import type { Channel, CustomAction, FlashdutyControl, IncidentEvent, Member } from './types.ts'

const ACCOUNT = { accountId: bigId(), accountName: '演示企业' }
const SNOOZE_PRESETS_MINUTES = [120, 240, 720]

type Kept = { incident: FullIncident; feed: FeedItem[]; delivery?: Record<string, unknown>; snooze?: NodeJS.Timeout }
/** One entry of the timeline (F 3.4); `creator_id` 0 = the system, `created_at` in milliseconds. */
export type FeedItem = {
  ref_id: string
  type: string
  detail: Record<string, unknown>
  creator_id: number
  created_at: number
}
type Rule = { channelId: number; layers: Parameters<FlashdutyControl['setRule']>[1] }
type Fired = Parameters<FlashdutyControl['fireIncident']>[0]
type Told = Parameters<FlashdutyControl['tell']>[1]

/** Members, channels and incidents of one account. Each change of an incident publishes its event. */
export class Store {
  readonly members = new Map<number, Member>()
  readonly channels = new Map<number, Channel & { ruleId: string; memberIds: number[] | undefined }>()
  readonly keys = new AppKeys(this.members)
  readonly webhooks = new WebhookHistory()
  readonly customActions = new Map<number, CustomAction>()
  readonly customRuns: { integrationId: number; incidentId: string; memberId: number }[] = []
  forms: { ack?: string; close?: string } = {}
  /** What `/incident/info` makes of an incident. */
  alterInfo: (incident: FullIncident) => unknown = (incident) => incident
  readonly account = ACCOUNT
  readonly #rules = new Map<string, Rule>()
  readonly #incidents = new Map<string, Kept>()
  readonly #publish: (event: IncidentEvent) => Promise<void>
  readonly #consoleUrl: () => string
  readonly #integrationId: number | undefined

  constructor(
    publish: (event: IncidentEvent) => Promise<void>,
    consoleUrl: () => string,
    integrationId: number | undefined,
  ) {
    this.#publish = publish
    this.#consoleUrl = consoleUrl
    this.#integrationId = integrationId
  }

  createMember(fields: Partial<Member> & { member_name: string }): Member {
    const id = fields.member_id ?? bigId()
    const member: Member = {
      member_id: id,
      email: `member-${id}@example.com`,
      phone: '',
      status: 'enabled',
      app_key: hex(20),
      licensed: true,
      may_handle: true,
      may_see_integrations: true,
      is_owner: false,
      ...fields,
    }
    this.members.set(id, member)
    return member
  }

  createChannel(name: string, memberIds?: number[]): Channel {
    const channel = { channel_id: bigId(), channel_name: name }
    this.channels.set(channel.channel_id, { ...channel, ruleId: objectId(Date.now()), memberIds })
    return channel
  }

  setRule(channelId: number, layers: Rule['layers']): string {
    const channel = this.channels.get(channelId)
    if (channel === undefined) throw new Error(`no channel ${channelId}`)
    this.#rules.set(channel.ruleId, { channelId, layers })
    return channel.ruleId
  }

  getRule(channelId: number, ruleId: string): Rule {
    const rule = this.#rules.get(ruleId)
    if (rule?.channelId !== channelId)
      throw new FlashdutyError('ResourceNotFound', `Rule ${ruleId} not found`, `分派策略 ${ruleId} 不存在`)
    return rule
  }

  getMember(memberId: number): Member {
    const member = this.members.get(memberId)
    if (member === undefined) throw new Error(`no member ${memberId}`)
    return member
  }

  /** The enabled member whose APP Key this is; an invited one may ask who they are. */
  memberByKey(appKey: string | null, path: string): Member | undefined {
    if (appKey === null || appKey === '') return undefined
    const isUsable = (status: Member['status']): boolean =>
      status === 'enabled' || (status === 'pending' && path === '/member/info')
    const madeFor = this.keys.memberIdOf(appKey)
    return [...this.members.values()].find(
      (one) => (one.app_key === appKey || one.member_id === madeFor) && isUsable(one.status),
    )
  }

  /** A copy, as it is now; throws `ResourceNotFound`. */
  get(incidentId: string): FullIncident {
    return structuredClone(this.#kept(incidentId).incident)
  }

  find(incidentId: string): FullIncident | undefined {
    return structuredClone(this.#incidents.get(incidentId)?.incident)
  }

  /** The timeline, oldest first. */
  feed(incidentId: string): FeedItem[] {
    return structuredClone(this.#kept(incidentId).feed)
  }

  all(): FullIncident[] {
    return [...this.#incidents.values()].map((kept) => structuredClone(kept.incident))
  }

  delete(incidentId: string): void {
    clearTimeout(this.#kept(incidentId).snooze)
    this.#incidents.delete(incidentId)
  }

  async fire(fields: Fired): Promise<FullIncident> {
    const channel = this.channels.get(fields.channelId)
    if (channel === undefined) throw new Error(`no channel ${fields.channelId}`)
    const people = (fields.responderIds ?? fields.personIds ?? []).map((id) => toPerson(this.getMember(id)))
    const incident = newIncident(
      {
        title: fields.title,
        severity: fields.severity ?? 'Critical',
        description: fields.description ?? '',
        labels: { ...fields.labels },
      },
      {
        ...ACCOUNT,
        channelId: channel.channel_id,
        channelName: channel.channel_name,
        consoleUrl: this.#consoleUrl(),
      },
      Date.now(),
    )
    const kept: Kept = { incident, feed: [] }
    this.#incidents.set(incident.incident_id, kept)
    await this.#emit('i_new', incident)

    const assignment = this.#assignment(incident, 'assign')
    if (fields.chats !== undefined || fields.personIds !== undefined || fields.delivery !== undefined) {
      kept.delivery = {
        schema: 1,
        ...(this.#integrationId === undefined ? {} : { integration_id: this.#integrationId }),
        fire_type: 'fire',
        fire_times: 1,
        escalate_rule_id: assignment.escalate_rule_id,
        escalate_rule_name: assignment.escalate_rule_name,
        layer_idx: assignment.layer_idx,
        chats: fields.chats ?? [],
        person_ids: fields.personIds ?? [],
        snooze_minutes: SNOOZE_PRESETS_MINUTES,
        ...fields.delivery,
      }
    }
    await this.#assign(kept, people, assignment)
    return structuredClone(incident)
  }

  /** Private channels are for their members alone: the same call works for one and not for the other. */
  checkChannel(member: Member, incidentId: string): void {
    const channel = this.channels.get(this.#kept(incidentId).incident.channel_id)
    if (channel?.memberIds === undefined || channel.memberIds.includes(member.member_id)) return
    throw new FlashdutyError('AccessDenied', 'You have no access to this channel', '无该协作空间的数据权限')
  }

  /** Runs a custom action. @returns what it says of its failure */
  runCustom(incidentId: string, integrationId: number, member: Member): { message?: string } {
    this.#kept(incidentId)
    const action = this.customActions.get(integrationId)
    if (action === undefined) throw notFound(String(integrationId))
    this.customRuns.push({ integrationId, incidentId, memberId: member.member_id })
    if (action.outcome !== 'ok') return { message: action.outcome.message }
    this.#note(incidentId, 'i_custom', member.member_id, { integration_id: integrationId, name: action.name })
    return {}
  }

  #note(incidentId: string, type: string, creatorId: number, detail: Record<string, unknown>): void {
    const item = { ref_id: hex(12), type, detail, creator_id: creatorId, created_at: Date.now() }
    this.#incidents.get(incidentId)?.feed.push(item)
  }

  /**
   * Does the act to each of these incidents, or to none of them. Resolves once the events were handed over; the change
   * itself has happened when this returns. `by` undefined is the system.
   */
  perform(incidentIds: string[], act: Act, by: Person | undefined): Promise<void> {
    const nowMs = Date.now()
    const targets = [...new Set(incidentIds)].map((id) => this.#kept(id))
    for (const { incident } of targets) check(incident, act, by, nowMs)
    const sent: Promise<void>[] = []
    for (const kept of targets) {
      const { incident } = kept
      if (!apply(incident, act, by, nowMs)) continue
      sent.push(this.#emit(EVENT_OF[act.kind], incident, by))
      this.#watchSnooze(kept)
      if (act.kind === 'reopen') sent.push(this.#assignAgain(kept, 'reopen'))
    }
    return Promise.all(sent).then(() => {})
  }

  /** Back to `Triggered`, assigned and notified again. */
  endSnooze(incidentId: string): Promise<void> {
    const kept = this.#kept(incidentId)
    if (!isSnoozed(kept.incident, Date.now()) && kept.snooze === undefined) {
      throw invalid('The incident is not snoozed', '故障未被暂缓')
    }
    backToTriggered(kept.incident)
    this.#watchSnooze(kept)
    return this.#assignAgain(kept, 'assign')
  }

  /** Changes these fields of the incident and publishes what Flashduty tells of it. */
  tell(incidentId: string, told: Told, by: Person | undefined): Promise<void> {
    const { incident, delivery } = this.#kept(incidentId)
    Object.assign(incident, told.incident)
    incident.updated_at = Math.max(incident.updated_at, Math.floor(Date.now() / 1000))
    return this.#emit(told.event_type, incident, by, told.delivery && { ...delivery, ...told.delivery })
  }

  close(): void {
    for (const { snooze } of this.#incidents.values()) clearTimeout(snooze)
  }

  #kept(incidentId: string): Kept {
    const kept = this.#incidents.get(incidentId)
    if (kept === undefined) throw notFound(incidentId)
    return kept
  }

  #watchSnooze(kept: Kept): void {
    const { incident_id: id, snoozed_before: until } = kept.incident
    clearTimeout(kept.snooze)
    delete kept.snooze
    if (until === 0) return
    kept.snooze = setTimeout(() => void this.endSnooze(id).catch(() => {}), until * 1000 - Date.now()).unref()
  }

  #assignment(incident: FullIncident, type: Assignment['type']): Assignment {
    return {
      id: hex(12),
      type,
      escalate_rule_id: this.channels.get(incident.channel_id)?.ruleId ?? '0'.repeat(24),
      escalate_rule_name: '默认分派',
      layer_idx: 0,
      person_ids: [],
      assigned_at: Math.floor(Date.now() / 1000),
    }
  }

  #assignAgain(kept: Kept, type: Assignment['type']): Promise<void> {
    return this.#assign(kept, kept.incident.responders.map(barePerson), this.#assignment(kept.incident, type))
  }

  /** Each notification is a new one: it gets a record id (`rid`) of its own. */
  #assign(kept: Kept, people: Person[], assignment: Assignment): Promise<void> {
    const { incident, delivery } = kept
    assign(incident, people, { ...assignment, person_ids: people.map((one) => one.person_id) })
    incident.updated_at = Math.max(incident.updated_at, assignment.assigned_at)
    return this.#emit('i_assign', incident, undefined, delivery && { rid: objectId(Date.now()), ...delivery })
  }

  #emit(type: string, incident: FullIncident, by?: Person, delivery?: Record<string, unknown>): Promise<void> {
    const detail = type === 'i_assign' ? { to: incident.responders.map((one) => one.person_name).join('、') } : {}
    this.#note(incident.incident_id, type, by?.person_id ?? 0, detail)
    return this.#publish(
      structuredClone({
        event_id: hex(16),
        event_time: Date.now(),
        event_type: type,
        ...(by === undefined ? {} : { person: by }),
        incident,
        ...(delivery === undefined ? {} : { delivery }),
      }),
    )
  }
}

export function toPerson(member: Member): Person {
  return { person_id: member.member_id, person_name: member.member_name, email: member.email }
}

function barePerson({ person_id, person_name, email }: Person): Person {
  return { person_id, person_name, email }
}

/** Viewing and acting need a licence, acting needs the role as well. */
export function checkPermission(member: Member, need: 'view' | 'handle'): void {
  if (!member.licensed) {
    throw new FlashdutyError('NoLicense', 'No available license', '无可用 License')
  }
  if (need === 'handle' && !member.may_handle) {
    throw new FlashdutyError('AccessDenied', 'You have no permission to handle incidents', '无故障管理权限')
  }
}
