import fc from 'fast-check'

import type { ApiName, Fault, PressResult } from '../sandbox/dingtalk/types.ts'
import type { FlashdutyFault, IncidentEvent, Severity } from '../sandbox/flashduty/types.ts'
import { CONDITION_MS } from '../support/patience.ts'
import { checkLaws } from './laws.ts'
import { type Reference, toldOf, UNHEARD_OF } from './reference.ts'
import { shuffled } from './shuffled.ts'
import { GROUPS, type GroupName, PEOPLE, type PersonName, run, type Stage, YEAR_2100 } from './stage.ts'

export type Real = { stage: Stage; counted: { steps: number } }
type Step = fc.AsyncCommand<Reference, Real>

const MAX_INCIDENTS = 8

/** A step by its name and what was drawn for it, which is also how a counterexample is read. */
function step<T>(
  name: string,
  drawn: T,
  act: (model: Reference, stage: Stage, drawn: T) => Promise<void>,
  check: (model: Reference) => boolean = () => true,
): Step {
  return {
    check,
    async run(model, { stage, counted }) {
      counted.steps += 1
      try {
        await act(model, stage, drawn)
      } catch (error) {
        throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
      }
      stage.collect()
    },
    toString: () => `${name}(${drawn === undefined ? '' : JSON.stringify(drawn)})`,
  }
}

const hasIncidents = (model: Reference): boolean => model.incidents.size > 0

function pick<T>(list: readonly T[], number: number): T | undefined {
  return list[number % Math.max(1, list.length)]
}

const incidentAt = (model: Reference, number: number): string => pick([...model.incidents.keys()], number) ?? ''

const FILTERS = [[], [], ['i_rslv'], ['i_ack', 'i_assign', 'i_r_title']]
const SEVERITIES: Severity[][] = [[], [], ['Critical'], ['Warning']]
const aGroup = fc.record({
  group: fc.constantFrom(...GROUPS),
  filter: fc.nat(FILTERS.length - 1),
  silent: fc.boolean(),
  severities: fc.constantFrom(...SEVERITIES),
})
const someGroups = fc.uniqueArray(aGroup, { maxLength: 3, selector: ({ group }) => group })
const somePeople = fc.uniqueArray(fc.constantFrom(...PEOPLE), { maxLength: 3 })
type DrawnGroup = { group: GroupName; filter: number; silent: boolean; severities: Severity[] }

function chatsOf(stage: Stage, groups: DrawnGroup[]) {
  return groups.map(({ group, filter, silent, severities }) => ({
    chat_id: stage.groups[group].openConversationId,
    reply_event_types: FILTERS[filter] ?? [],
    disable_at: silent,
    ...(severities.length > 0 ? { severities } : {}),
  }))
}

const membersOf = (stage: Stage, people: PersonName[]): number[] =>
  people.map((name) => stage.person(name).member.member_id)

const fire = fc
  .record({
    groups: someGroups,
    people: somePeople,
    severity: fc.constantFrom<Severity>('Critical', 'Warning'),
    raw: fc.nat(4).map((n) => n === 0),
  })
  .map((drawn) =>
    step(
      'fire',
      drawn,
      async (model, stage, { groups, people, severity, raw }) => {
        const base = { title: '第0版', severity, channelId: stage.world.channelId }
        const incident = await stage.world.flashduty.control.fireIncident(
          raw
            ? { ...base, responderIds: membersOf(stage, people) }
            : { ...base, chats: chatsOf(stage, groups), personIds: membersOf(stage, people) },
        )
        model.addIncident(incident.incident_id)
      },
      (model) => model.incidents.size < MAX_INCIDENTS,
    ),
  )

let versions = 0

const ACTS = ['ack', 'ack', 'unack', 'resolve', 'wake', 'reopen', 'snooze', 'title', 'title', 'recover'] as const
const severity = fc.record({ incident: fc.nat(), handed: fc.boolean() }).map((drawn) =>
  step(
    'severity',
    drawn,
    async (model, stage, { incident, handed }) => {
      const id = incidentAt(model, incident)
      const by = stage.person('li').member.member_id
      const other = stage.incident(id).incident_severity === 'Critical' ? 'Warning' : 'Critical'
      const change = { event_type: 'i_r_severity', incident: { incident_severity: other } }
      await stage.world.flashduty.control.tell(id, change, by)
      stage.collect()
      const event = stage.pocket.at(-1)
      if (handed && event) await handOver(model, stage, [[event]])
    },
    hasIncidents,
  ),
)

const act = fc
  .record({ incident: fc.nat(), act: fc.constantFrom(...ACTS), who: fc.constantFrom(...PEOPLE) })
  .map((drawn) =>
    step(
      'act',
      drawn,
      async (model, stage, { incident, act, who }) => {
        const { control } = stage.world.flashduty
        const id = incidentAt(model, incident)
        const by = stage.person(who).member.member_id
        const acting =
          act === 'recover'
            ? control.act(id, 'resolve')
            : control.act(
                id,
                act === 'snooze' ? { snoozeMinutes: 120 } : act === 'title' ? { title: `第${++versions}版` } : act,
                by,
              )
        // The state of the incident may forbid it, as the console would.
        await acting.catch(() => {})
      },
      hasIncidents,
    ),
  )

const TOLD = (
  'i_notify i_notify refire refire reassign escalate i_a_rspd i_storm i_merge i_comm i_custom i_r_desc i_r_impact ' +
  'i_r_rc i_r_rsltn i_r_severity i_r_field ' +
  UNHEARD_OF
).split(' ')
const tell = fc
  .record({
    incident: fc.nat(),
    what: fc.constantFrom(...TOLD),
    who: fc.constantFrom(...PEOPLE),
    groups: someGroups,
    people: somePeople,
    same: fc.boolean(),
    only: fc.nat(9).map((n) => n === 0),
  })
  .map((drawn) =>
    step(
      'tell',
      drawn,
      async (model, stage, { incident, what, who, groups, people, same, only }) => {
        const id = incidentAt(model, incident)
        const by = stage.person(who).member.member_id
        const targets = same ? {} : { chats: chatsOf(stage, groups), person_ids: membersOf(stage, people) }
        const delivery = { ...targets, ...(only ? { mode: 'update' } : {}) }
        const now = stage.incident(id)
        const change: Record<string, unknown> =
          what === 'i_r_severity'
            ? { incident_severity: now.incident_severity === 'Critical' ? 'Warning' : 'Critical' }
            : what === 'i_r_impact'
              ? { impact: `影响 ${++versions}` }
              : {}
        if (what === 'reassign' || what === 'escalate') {
          const assigned = { ...(now['assigned_to'] as object), type: what }
          const change = { assigned_to: assigned }
          await stage.world.flashduty.control.tell(id, { event_type: 'i_assign', incident: change, delivery }, by)
        } else if (what === 'refire') {
          const again = { ...delivery, fire_type: 'refire', fire_times: 2, rid: `r${++versions}` }
          await stage.world.flashduty.control.tell(id, { event_type: 'i_notify', delivery: again })
        } else {
          const tells = what === 'i_notify' || what === 'i_a_rspd' ? { delivery } : {}
          await stage.world.flashduty.control.tell(id, { event_type: what, incident: change, ...tells }, by)
        }
      },
      hasIncidents,
    ),
  )

/** Events of one batch meet the daemon at once; of several, one after the other. */
async function handOver(model: Reference, stage: Stage, batches: IncidentEvent[][], meanwhile?: () => Promise<void>) {
  stage.collect()
  for (const batch of batches) {
    const ids = new Set(batch.map((event) => event.event_id))
    stage.pocket = stage.pocket.filter((event) => !ids.has(event.event_id))
    model.hand(batch)
    const again = await stage.hand(batch, meanwhile)
    model.takenIn(batch)
    for (const event of again) model.hand([event])
    model.takenIn(again)
  }
}

const hand = fc.record({ first: fc.nat(), count: fc.integer({ min: 1, max: 4 }) }).map((drawn) =>
  step('hand', drawn, async (model, stage, { first, count }) => {
    const from = first % 3 === 0 ? first % Math.max(1, stage.pocket.length) : 0
    await handOver(
      model,
      stage,
      stage.pocket.slice(from, from + count).map((event) => [event]),
    )
  }),
)

const MEANWHILE = ['nothing', 'nothing', 'nothing', 'nothing', 'flush', 'press', 'press', 'restart'] as const
const burst = fc
  .record({ order: fc.nat(), twice: fc.boolean(), meanwhile: fc.constantFrom(...MEANWHILE), press: fc.nat() })
  .map((drawn) =>
    step('burst', drawn, async (model, stage, { order, twice, meanwhile, press }) => {
      const events = shuffled(stage.pocket, order)
      const during = {
        nothing: async () => {},
        flush: () => stage.world.redis.flush(),
        restart: () => stage.restart(),
        press: () => pressSomething(model, stage, { who: 'zhang', card: press, button: order }),
      }[meanwhile]
      await handOver(model, stage, [twice ? [...events, ...events.slice(0, 3)] : events], during)
    }),
  )

const repeat = fc.record({ incident: fc.nat(), event: fc.nat() }).map((drawn) =>
  step(
    'repeat',
    drawn,
    async (model, stage, { incident, event }) => {
      const taken = [...(model.incidents.get(incidentAt(model, incident))?.taken.values() ?? [])]
      const odd = taken.filter((one) => model.tampered.has(one.event.event_id))
      const again = pick(event % 2 === 0 && odd.length > 0 ? odd : taken, event >> 1)
      if (again) await handOver(model, stage, [[again.event]])
    },
    hasIncidents,
  ),
)

/** Never handed over; but the last that tells of an incident always is, and so is whatever asks to tell people. */
const lose = fc.nat().map((drawn) =>
  step('lose', drawn, async (_model, stage, number) => {
    const lost = stage.pocket.filter(
      (event, index) =>
        event.delivery === undefined &&
        stage.pocket
          .slice(index + 1)
          .some(
            (later) => later.incident.incident_id === event.incident.incident_id && later.event_type !== UNHEARD_OF,
          ),
    )
    const gone = pick(lost, number)
    stage.pocket = stage.pocket.filter((event) => event !== gone)
  }),
)

const WRONG = ['right', 'hour ahead', '2100', '0', 'absent'] as const

/** What a clock that nobody set, or a template that has no such field, writes instead of a time of this one. */
function wrongTime(how: (typeof WRONG)[number], right: number | undefined, perSecond: number): number | undefined {
  const now = Math.floor((Date.now() * perSecond) / 1_000)
  const wrong = {
    right,
    'hour ahead': now + 3_600 * perSecond,
    '2100': YEAR_2100 * perSecond,
    '0': 0,
    absent: undefined,
  }
  return wrong[how]
}

/** The times as they are handed over; an event that was handed over before is the same ever after. */
function setTimes(
  model: Reference,
  event: IncidentEvent,
  times: Record<'updatedAt' | 'eventTime', number | undefined>,
): void {
  model.tampered.add(event.event_id)
  const put = (of: object, key: string, value: number | undefined): void => {
    if (value === undefined) Reflect.deleteProperty(of, key)
    else Reflect.set(of, key, value)
  }
  put(event.incident, 'updated_at', times.updatedAt)
  put(event, 'event_time', times.eventTime)
}

const untampered = (model: Reference, stage: Stage, number: number): IncidentEvent | undefined =>
  pick(
    stage.pocket.filter((event) => !model.tampered.has(event.event_id)),
    number,
  )

const poison = fc
  .record({
    event: fc.nat(),
    updatedAt: fc.constantFrom(...WRONG),
    eventTime: fc.constantFrom(...WRONG),
    atOnce: fc.boolean(),
  })
  .map((drawn) =>
    step('poison', drawn, async (model, stage, { event: number, updatedAt, eventTime, atOnce }) => {
      const event = untampered(model, stage, number)
      if (!event) return
      const { event_time: told, incident } = event
      setTimes(model, event, {
        updatedAt: wrongTime(updatedAt, incident.updated_at, 1),
        eventTime: wrongTime(eventTime, told, 1_000),
      })
      if (atOnce) await handOver(model, stage, [[event]])
    }),
  )

const SKEW_MS = 4 * 60_000
/** Of the host that keeps incidents, of the one that makes events of them, or of one that does both. */
const WHOSE = ['keeper', 'maker', 'both'] as const
const skew = fc
  .record({ event: fc.nat(), byMs: fc.integer({ min: -SKEW_MS, max: SKEW_MS }), whose: fc.constantFrom(...WHOSE) })
  .map((drawn) =>
    step('skew', drawn, async (model, stage, { event: number, byMs, whose }) => {
      const event = untampered(model, stage, number)
      if (!event) return
      setTimes(model, event, {
        updatedAt: event.incident.updated_at + (whose === 'maker' ? 0 : Math.trunc(byMs / 1_000)),
        eventTime: event.event_time + (whose === 'keeper' ? 0 : byMs),
      })
    }),
  )

/** Whatever is handed over next is shown, be it older or newer than what was stored. */
const poisonRow = fc.record({ incident: fc.nat(), next: fc.nat() }).map((drawn) =>
  step(
    'poison row',
    drawn,
    async (model, stage, { incident: number, next }) => {
      const incident = model.incidents.get(incidentAt(model, number))
      if (!incident || toldOf(incident).length === 0) return
      await look(model, stage)
      await stage.poison(incident.id)
      model.forget(incident)
      const isNext = ({ event_type: type, incident: { incident_id: id } }: IncidentEvent): boolean =>
        id === incident.id && type !== UNHEARD_OF
      stage.collect()
      if (!stage.pocket.some(isNext)) {
        const change = { event_type: 'i_r_impact', incident: { impact: `影响 ${++versions}` } }
        await stage.world.flashduty.control.tell(incident.id, change, stage.person('zhang').member.member_id)
        stage.collect()
      }
      const event = pick(stage.pocket.filter(isNext), next)
      if (event) await handOver(model, stage, [[event]])
      await look(model, stage)
    },
    hasIncidents,
  ),
)

type DrawnPress = { who: PersonName; card: number; button: number }

async function pressSomething(model: Reference, stage: Stage, { who, card, button }: DrawnPress): Promise<void> {
  const { control } = stage.world.dingtalk
  const { userId } = stage.person(who).user
  const visible = control.cards().flatMap((outTrackId) => {
    const incident = [...model.incidents.values()].find(({ id }) => outTrackId.includes(id))
    const buttons = control.view(outTrackId, userId)?.buttons.flatMap((one) => ('id' in one ? [one.id] : [])) ?? []
    return incident && buttons.length > 0 ? [{ outTrackId, incident, buttons }] : []
  })
  const chosen = pick(visible, card)
  if (!chosen) return
  const buttonId = pick(chosen.buttons, button) ?? ''
  chosen.incident.pressed += 1
  const result: PressResult = await control.press({ outTrackId: chosen.outTrackId, userId, buttonId })
  if (result.outcome === 'answered') chosen.incident.answered += 1
  else throw new Error(`the press was not answered: ${result.reason}`)
}

const press = fc
  .record({ who: fc.constantFrom(...PEOPLE), card: fc.nat(), button: fc.nat(), times: fc.constantFrom(1, 1, 2) })
  .map((drawn) =>
    step(
      'press',
      drawn,
      async (model, stage, { times, ...drawn }) => {
        await Promise.all(Array.from({ length: times }, () => pressSomething(model, stage, drawn)))
      },
      hasIncidents,
    ),
  )

const groupLife = fc
  .record({
    group: fc.constantFrom(...GROUPS),
    what: fc.constantFrom('install', 'install', 'uninstall', 'rename', 'stale', 'repeat'),
  })
  .map((drawn) =>
    step('group', drawn, async (model, stage, { group, what }) => {
      const { control } = stage.world.dingtalk
      const { clientId, coolAppCode } = stage.world.dingtalkApp
      const { openConversationId } = stage.groups[group]
      const settled = async (eventId: string): Promise<void> => {
        const outcome = await control.eventSettled(eventId, CONDITION_MS)
        if (outcome !== 'success') throw new Error(`the event was ${outcome}`)
      }
      if (what === 'rename') {
        await settled(control.renameGroup(openConversationId, `${group} ${++versions}`))
      } else if (what === 'install') {
        await nextMillisecond()
        await settled(control.installCoolApp(openConversationId, clientId))
        model.installed.add(group)
      } else if (what === 'uninstall') {
        if (!model.installed.has(group)) return
        await nextMillisecond()
        model.uninstalledOnce.add(group)
        await settled(control.uninstallCoolApp(openConversationId, clientId))
        model.installed.delete(group)
      } else {
        // Long overtaken by what has happened since; or the same event as before.
        const eventType = model.installed.has(group) ? 'im_cool_app_uninstall' : 'im_cool_app_install'
        const eventId = what === 'repeat' ? `stale-${group}-${eventType}` : `stale-${++versions}`
        const data = { coolAppCode, operateTime: '1600000000000', robotCode: clientId, openConversationId }
        // Whoever never heard of the cool app there would have to take an old event for the newest.
        if ((stage.title(group)?.operated_at ?? 0) > 0)
          await settled(control.pushEvent(clientId, { eventType, eventId, data }))
      }
    }),
  )

const nextMillisecond = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2))

const link = fc.record({ who: fc.constantFrom(...PEOPLE), on: fc.boolean() }).map((drawn) =>
  step('link', drawn, async (model, stage, { who, on }) => {
    const { user, member } = stage.person(who)
    if (on === model.linked.has(who)) return
    if (on) {
      const account = ['--dingtalk-user', user.userId, '--member', String(member.member_id)]
      await run(stage.world, 'links', 'add', ...account, '--member-key', member.app_key)
      model.linked.add(who)
    } else {
      await run(stage.world, 'links', 'remove', '--dingtalk-user', user.userId)
      model.linked.delete(who)
    }
  }),
)

const APIS: ApiName[] = ['createAndDeliver', 'createAndDeliver', 'deliver', 'updateCard', 'updateCard']
const refusal = (status: number, code: string) => ({ status, body: { code, requestid: '01A', message: code } })
const EFFECTS: Fault['effect'][] = [
  { kind: 'reset' },
  { kind: 'apply-then-reset' },
  { kind: 'delay', ms: 40 },
  { kind: 'delay', ms: 40 },
  { kind: 'answer', ...refusal(500, 'unknownError') },
  { kind: 'apply-then-answer', ...refusal(502, 'system.error') },
]
const THROTTLE: Fault['effect'] = { kind: 'answer', ...refusal(400, 'Forbidden.AccessDenied.QpsLimitForAppkeyAndApi') }
const dingtalkFault = fc
  .record({
    api: fc.constantFrom(...APIS),
    effect: fc.oneof(
      { weight: 14, arbitrary: fc.constantFrom(...EFFECTS) },
      { weight: 1, arbitrary: fc.constant(THROTTLE) },
    ),
    times: fc.integer({ min: 1, max: 3 }),
  })
  .map((drawn) =>
    step('dingtalk fault', drawn, async (_model, stage, fault) => stage.world.dingtalk.control.addFault(fault)),
  )

const FLASHDUTY_EFFECTS: FlashdutyFault['effect'][] = [
  { kind: 'apply-then-reset' },
  { kind: 'delay', ms: 40 },
  { kind: 'error', status: 500, code: 'InternalError', message: 'down' },
  { kind: 'error', status: 400, code: 'InvalidParameter', message: 'a form is required' },
]
const flashdutyFault = fc
  .record({
    path: fc.constantFrom('/incident/ack', '/incident/resolve', '/incident/snooze', '/incident/info'),
    effect: fc.constantFrom(...FLASHDUTY_EFFECTS),
    times: fc.integer({ min: 1, max: 4 }),
  })
  .map((drawn) =>
    step('flashduty fault', drawn, async (_model, stage, fault) => stage.world.flashduty.control.addFault(fault)),
  )

const flush = fc.constant(undefined).map(() => step('flush', undefined, (_model, stage) => stage.world.redis.flush()))
const restart = fc.constant(undefined).map(() => step('restart', undefined, (_model, stage) => stage.restart()))

function clearFaults(stage: Stage): void {
  stage.world.dingtalk.control.clearFaults()
  stage.world.flashduty.control.clearFaults()
}

/** Whatever is still kept back is handed over, and then nothing is left to do: the laws hold. */
export async function settle(model: Reference, stage: Stage, order: number): Promise<void> {
  clearFaults(stage)
  do {
    stage.collect()
    await handOver(
      model,
      stage,
      shuffled(stage.pocket, order).map((event) => [event]),
    )
    await stage.quiet()
    stage.collect()
  } while (stage.pocket.length > 0)
  checkLaws(model, stage, true)
}

/** Nothing is handed over for it: what was is seen. */
async function look(model: Reference, stage: Stage): Promise<void> {
  clearFaults(stage)
  await stage.quiet()
  checkLaws(model, stage, false)
}

const looks = fc.constant(undefined).map(() => step('look', undefined, look))

const quiet = fc.nat().map((drawn) => step('quiet', drawn, settle))

const weighted: [weight: number, step: fc.Arbitrary<Step>][] = [
  [4, fire],
  [8, act],
  [8, tell],
  [12, hand],
  [3, burst],
  [4, repeat],
  [2, lose],
  [4, severity],
  [4, poison],
  [3, skew],
  [1, poisonRow],
  [8, press],
  [3, groupLife],
  [2, link],
  [4, dingtalkFault],
  [2, flashdutyFault],
  [1, flush],
  [1, quiet],
  [3, looks],
]

/** Restarts cost the most time by far. */
export const steps: fc.Arbitrary<Step>[] = weighted.flatMap(([weight, one]) =>
  Array.from({ length: weight * 2 }, () => one),
)
steps.push(restart)
