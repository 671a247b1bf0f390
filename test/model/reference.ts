import type { Incident, IncidentEvent } from '../sandbox/flashduty/types.ts'

/** Whom an alert is for, by the name the run has for them. */
export type TargetName = string

/** An event that was handed over, as often as it was. */
export type Taken = {
  event: IncidentEvent
  /** Events of one batch may have been taken in in any order. */
  batch: number
  handovers: number
  /** What had to become of it for each target it names. */
  named: Map<TargetName, Prospect>
  ask: Ask
}

export type Prospect =
  /** Can be reached, and nothing speaks against it. */
  | 'reachable'
  /** Not linked, or no cool app. */
  | 'absent'
  /** The severity is none of theirs; nor is there a cool app, in the second case. */
  | 'filtered'
  | 'filtered and absent'

export type Ask = { kind: 'first' } | { kind: 'again'; key: string } | { kind: 'update-only' }

export type ModelIncident = {
  id: string
  taken: Map<string, Taken>
  /** Presses of its buttons, and those that DingTalk got an answer to. After a press its state may be read, not told. */
  pressed: number
  answered: number
}

type Chat = { chat_id: string; reply_event_types?: string[]; severities?: string[] }
type Delivery = { chats?: Chat[]; person_ids?: number[]; rid?: string; fire_type?: string; mode?: string }

/**
 * What is known of a run without asking the daemon: what was handed over, who is linked, where the cool app is. It follows
 * the contract (event to behaviour) and knows nothing of how the daemon keeps it.
 */
export class Reference {
  readonly incidents = new Map<string, ModelIncident>()
  readonly linked = new Set<TargetName>()
  readonly installed = new Set<TargetName>()
  /** Groups that lost their cool app during the run: a delivery under way may fail. */
  readonly uninstalledOnce = new Set<TargetName>()
  readonly titles = new Map<TargetName, string>()
  #batch = 0
  readonly #nameOf: (target: { chatId: string } | { memberId: number }) => TargetName

  constructor(nameOf: (target: { chatId: string } | { memberId: number }) => TargetName) {
    this.#nameOf = nameOf
  }

  addIncident(id: string): void {
    this.incidents.set(id, { id, taken: new Map(), pressed: 0, answered: 0 })
  }

  /** Handed over together: nobody knows in which order they are taken in. */
  hand(events: IncidentEvent[]): void {
    this.#batch += 1
    for (const event of events) {
      const incident = this.incidents.get(event.incident.incident_id)
      if (!incident) throw new Error(`an event of an incident nobody fired: ${event.incident.incident_id}`)
      const known = incident.taken.get(event.event_id)
      if (known) {
        known.handovers += 1
        continue
      }
      const ask = readAsk(event)
      const named = ask.kind === 'update-only' ? new Map<TargetName, Prospect>() : this.#prospects(event)
      incident.taken.set(event.event_id, { event, batch: this.#batch, handovers: 1, named, ask })
    }
  }

  #prospects(event: IncidentEvent): Map<TargetName, Prospect> {
    const { chats, personIds } = targetsOf(event)
    const prospects = new Map<TargetName, Prospect>()
    for (const chat of chats) {
      const name = this.#nameOf({ chatId: chat.chat_id })
      const passes = !chat.severities?.length || chat.severities.includes(event.incident.incident_severity)
      const there = this.installed.has(name)
      prospects.set(name, passes ? (there ? 'reachable' : 'absent') : there ? 'filtered' : 'filtered and absent')
    }
    for (const memberId of personIds) {
      const name = this.#nameOf({ memberId })
      prospects.set(name, this.linked.has(name) ? 'reachable' : 'absent')
    }
    return prospects
  }
}

export function takenOf(incident: ModelIncident): Taken[] {
  return [...incident.taken.values()]
}

function targetsOf(event: IncidentEvent): { chats: Chat[]; personIds: number[] } {
  const delivery = event.delivery as Delivery | undefined
  if (delivery?.chats || delivery?.person_ids) {
    return { chats: delivery.chats ?? [], personIds: delivery.person_ids ?? [] }
  }
  const responders = (event.incident['responders'] ?? []) as { person_id: number }[]
  return { chats: [], personIds: responders.map((one) => one.person_id) }
}

/** Contract A.3. */
function readAsk(event: IncidentEvent): Ask {
  const delivery = (event.delivery ?? {}) as Delivery
  const assigned = (event.incident['assigned_to'] as { type?: string } | undefined)?.type ?? 'assign'
  const type = event.event_type
  if (delivery.mode === 'update') return { kind: 'update-only' }
  if (type === 'i_assign' && assigned !== 'assign') return { kind: 'again', key: event.event_id }
  if (delivery.fire_type === 'refire' && (type === 'i_notify' || type === 'i_assign')) {
    return { kind: 'again', key: delivery.rid ?? event.event_id }
  }
  return ['i_new', 'i_assign', 'i_notify', 'i_a_rspd'].includes(type) ? { kind: 'first' } : { kind: 'update-only' }
}

/** Which of two events of an incident is newer: negative when `a` is the older one. */
export function byVersion(a: IncidentEvent, b: IncidentEvent): number {
  const [x, y] = [a, b].map(({ incident, event_time: at, event_id: id }) => [incident.updated_at, at, id] as const)
  if (!x || !y) return 0
  return x[0] - y[0] || x[1] - y[1] || (x[2] < y[2] ? -1 : x[2] > y[2] ? 1 : 0)
}

/** What a card says about an incident, as far as it does not depend on the way there. */
export function faceOf(incident: Incident): string {
  const one = incident as Incident & {
    num: string
    snoozed_before: number
    incident_status?: string
    closer_id?: number
    responders?: { person_name: string; acknowledged_at: number }[]
  }
  const snoozed = one.progress === 'Processing' && one.snoozed_before > one.updated_at
  const recovered = one.progress === 'Closed' && one.incident_status === 'Ok' && !one.closer_id
  const words = { Triggered: '待处理', Processing: '处理中', Closed: '已关闭' }
  const word = snoozed ? '已暂缓' : recovered ? '已恢复' : words[one.progress]
  const people = (one.responders ?? []).map((person) => person.person_name + (person.acknowledged_at ? ' ✓' : ''))
  const buttons = snoozed
    ? '取消暂缓 关闭 刷新'
    : { Triggered: '认领 关闭 刷新', Processing: '暂缓 2 小时 暂缓 4 小时 暂缓 12 小时 关闭 取消认领', Closed: '刷新' }[
        one.progress
      ]
  const severity = { Critical: '严重', Warning: '警告', Info: '提醒' }[one.incident_severity]
  return `${word} · #${one.num} ${one.title} | ${severity} | ${people.join('、') || '暂无'} | ${buttons}`
}
