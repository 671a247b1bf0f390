import type { Incident, IncidentEvent } from '../sandbox/flashduty/types.ts'
import { comparePoints, laterPoint, placeByArrival, placeByItsTimes, type Point, type Span } from './versions.ts'

/** Whom an alert is for, by the name the run has for them. */
export type TargetName = string

/** An event that was handed over, as often as it was. */
export type Taken = {
  event: IncidentEvent
  /** Events of one batch may have been taken in in any order. */
  batch: number
  /** The last batch it was in: a repeated event counts again where what is stored gives way to any. */
  lastBatch: number
  handovers: number
  /** When it was handed over first. */
  fromMs: number
  /** Where it stands among the events of its incident. */
  span: Span
  /** The last batch before it that stands no more, see `ModelIncident`. */
  forgotten: number
  /** What had to become of it for each target it names. */
  named: Map<TargetName, Prospect>
  /** Responders that it shows without asking to tell anybody: whoever has no record by then is told all the same. */
  shown: Map<TargetName, Prospect>
  /** Of the groups it names: the severities that each is told of; none = all. */
  severities: Map<TargetName, string[]>
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
  /** What was stored by the end of this batch was made to rest on a time of the future: it gives way to whatever comes next. */
  forgotten: number
  /** The oldest and the newest that can be stored now. */
  stored: { lo: Point | undefined; hi: Point | undefined }
}

type Chat = { chat_id: string; reply_event_types?: string[]; severities?: string[] }
type Delivery = { chats?: Chat[]; person_ids?: number[]; rid?: string; fire_type?: string; mode?: string }

/** Of this type nothing is taken in but its record. */
export const UNHEARD_OF = 'i_unheard_of'

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
  /** Events whose times are not those of Flashduty's one true clock: their order need not be that of what happened. */
  readonly tampered = new Set<string>()
  #batch = 0
  readonly #nameOf: (target: { chatId: string } | { memberId: number }) => TargetName

  constructor(nameOf: (target: { chatId: string } | { memberId: number }) => TargetName) {
    this.#nameOf = nameOf
  }

  addIncident(id: string): void {
    const stored = { lo: undefined, hi: undefined }
    this.incidents.set(id, { id, taken: new Map(), pressed: 0, answered: 0, forgotten: 0, stored })
  }

  /** Handed over together: nobody knows in which order they are taken in. To be followed by `takenIn`. */
  hand(events: IncidentEvent[]): void {
    this.#batch += 1
    const fromMs = Date.now()
    for (const event of events) {
      const incident = this.#incidentOf(event)
      const known = incident.taken.get(event.event_id)
      if (known) {
        known.handovers += 1
        known.lastBatch = this.#batch
        continue
      }
      const ask = readAsk(event)
      const targets = ask.kind === 'update-only' ? NOBODY : this.#prospects(event)
      const shows = ask.kind === 'update-only' && event.delivery === undefined && event.event_type !== UNHEARD_OF
      incident.taken.set(event.event_id, {
        event,
        batch: this.#batch,
        lastBatch: this.#batch,
        handovers: 1,
        fromMs,
        span: UNKNOWN_SPAN,
        forgotten: incident.forgotten,
        ...targets,
        shown: shows ? this.#prospects(event).named : new Map(),
        ask,
      })
    }
  }

  /** All of them have arrived. */
  takenIn(events: IncidentEvent[]): void {
    const toMs = Date.now()
    const byIncident = new Map<ModelIncident, Set<Taken>>()
    for (const event of events) {
      const incident = this.#incidentOf(event)
      const taken = incident.taken.get(event.event_id)
      if (!taken || !isTold(taken)) continue
      byIncident.set(incident, (byIncident.get(incident) ?? new Set()).add(taken))
    }
    for (const [incident, batch] of byIncident) placeBatch(incident, [...batch], toMs)
  }

  /** What is stored of it rests on a time of the future from now on. */
  forget(incident: ModelIncident): void {
    incident.forgotten = this.#batch
    incident.stored = { lo: undefined, hi: undefined }
  }

  #incidentOf(event: IncidentEvent): ModelIncident {
    const incident = this.incidents.get(event.incident.incident_id)
    if (!incident) throw new Error(`an event of an incident nobody fired: ${event.incident.incident_id}`)
    return incident
  }

  #prospects(event: IncidentEvent): Pick<Taken, 'named' | 'severities'> {
    const { chats, personIds } = targetsOf(event)
    const prospects = new Map<TargetName, Prospect>()
    const severities = new Map<TargetName, string[]>()
    for (const chat of chats) {
      const name = this.#nameOf({ chatId: chat.chat_id })
      const asked = chat.severities ?? []
      severities.set(name, asked)
      const passes = passesSeverity(asked, event.incident)
      const there = this.installed.has(name)
      prospects.set(name, passes ? (there ? 'reachable' : 'absent') : there ? 'filtered' : 'filtered and absent')
    }
    for (const memberId of personIds) {
      const name = this.#nameOf({ memberId })
      prospects.set(name, this.linked.has(name) ? 'reachable' : 'absent')
    }
    return { named: prospects, severities }
  }
}

const NOBODY: Pick<Taken, 'named' | 'severities'> = { named: new Map(), severities: new Map() }
const UNKNOWN_SPAN: Span = { lo: [0, 0, 0], hi: [Infinity, Infinity, Infinity], timeless: false }

/** Those that came before keep their places; of what was repeated nothing changes but that it counts again. */
function placeBatch(incident: ModelIncident, batch: Taken[], toMs: number): void {
  const fresh = batch.filter(({ span }) => span === UNKNOWN_SPAN)
  const timeless: Taken[] = []
  for (const taken of fresh) {
    const place = placeByItsTimes(taken.event, { fromMs: taken.fromMs, toMs })
    if (place) taken.span = place
    else timeless.push(taken)
  }
  const placed = batch.filter((taken) => !timeless.includes(taken))
  const { lo } = incident.stored
  const hi = placed.reduce<Point | undefined>((latest, { span }) => laterPoint(span.hi, latest), incident.stored.hi)
  for (const taken of timeless) {
    taken.span = placeByArrival({ fromMs: taken.fromMs, toMs }, { lo, hi }, timeless.length)
  }
  incident.stored = batch.reduce<ModelIncident['stored']>(
    (stored, { span }) => ({ lo: laterPoint(span.lo, stored.lo), hi: laterPoint(span.hi, stored.hi) }),
    incident.stored,
  )
}

export function takenOf(incident: ModelIncident): Taken[] {
  return [...incident.taken.values()]
}

/** Those that say what the incident is. */
export function toldOf(incident: ModelIncident): Taken[] {
  return takenOf(incident).filter(isTold)
}

function isTold({ event }: Taken): boolean {
  return event.event_type !== UNHEARD_OF
}

/** Those that count: handed over, or again, since what was stored gives way to any. */
export function standingOf(incident: ModelIncident): Taken[] {
  return toldOf(incident).filter(({ lastBatch }) => lastBatch > incident.forgotten)
}

/** Whether it has to count as the newer one, whatever the order within a batch was and however close they came. */
export function isNewer(a: Taken, b: Taken): boolean {
  if (comparePoints(a.span.lo, b.span.hi) > 0) return true
  return a.span.timeless && a.batch > b.batch && a.forgotten === b.forgotten
}

/** Those of them that may be the newest one. */
export function newestOf(list: Taken[]): Taken[] {
  return list.filter((one) => !list.some((other) => isNewer(other, one)))
}

/** Whether it may have been the newest when it was taken in. */
export function mayHaveLed(incident: ModelIncident, taken: Taken): boolean {
  if (incident.forgotten > 0) return true
  return !toldOf(incident).some((other) => other.batch < taken.batch && isNewer(other, taken))
}

/** Whether it may have been what the incident was while this one was taken in, or later. */
export function mayHaveLedSince(incident: ModelIncident, taken: Taken, since: Taken): boolean {
  if (!mayHaveLed(incident, taken)) return false
  if (taken.lastBatch >= since.batch) return true
  return !toldOf(incident).some((other) => other.batch < since.batch && isNewer(other, taken))
}

export function passesSeverity(severities: string[], incident: Incident): boolean {
  return severities.length === 0 || severities.includes(incident.incident_severity)
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

/**
 * What a card says about an incident, as far as it does not depend on the way there.
 * @param updatedAt where the snapshot's own is not believed
 */
export function faceOf(incident: Incident, updatedAt = incident.updated_at): string {
  const one = incident as Incident & {
    num: string
    snoozed_before: number
    incident_status?: string
    closer_id?: number
    responders?: { person_name: string; acknowledged_at: number }[]
  }
  const snoozed = one.progress === 'Processing' && one.snoozed_before > updatedAt
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
