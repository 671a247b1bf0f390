import type { Person, World } from '../support/world.ts'
import type { Group, PressResult } from '../sandbox/dingtalk/types.ts'
import type { Incident, IncidentEvent } from '../sandbox/flashduty/types.ts'
import { composeIncident, followUp } from '../support/jobs.ts'
import { buttonTexts, fire, inGroup, press, theCardOf, view } from '../support/journey.ts'
import { post } from '../support/bridge.ts'

/** A number of [0, 1), the same ones in the same order for the same seed (mulberry32). */
export type Dice = () => number

export function createDice(seed: number): Dice {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** What one run did, as far as the verdict needs it. */
export type Doings = {
  /** Incidents with everybody they are for: openConversationIds and userIds. */
  incidents: { incident: Incident; targets: Set<string> }[]
  /** Bodies that Flashduty handed over: enqueued, or posted and answered 200. */
  accepted: IncidentEvent[]
  /** Posted, but not answered: to be posted again. */
  unanswered: IncidentEvent[]
  presses: { person: Person; outTrackId: string; text: string; result: PressResult | undefined }[]
  /** eventIds of what DingTalk tells. */
  told: string[]
  groups: Group[]
}

export function noDoings(): Doings {
  return { incidents: [], accepted: [], unanswered: [], presses: [], told: [], groups: [] }
}

export type Stage = { world: World; url: () => string; headers: Record<string, string> }

/** Two incidents whose cards are there, for what happens to known cards. */
export async function prepare({ world }: Stage, doings: Doings, run: string): Promise<void> {
  const { oncall } = world.groups
  const { zhang } = world.people
  for (const name of ['旧一', '旧二']) {
    const composed = await composeIncident(world, { title: `${run} ${name}`, chats: [inGroup(oncall)] })
    for (const event of [composed.created, composed.assigned]) {
      await world.flashduty.control.enqueue(event)
      doings.accepted.push(event)
    }
    doings.incidents.push({ incident: composed.incident, targets: new Set([oncall.openConversationId]) })
  }
  for (const { incident } of doings.incidents) view(world, await theCardOf(world, incident), zhang)
}

/** Everything the daemon is for, at once and in an order of the dice. What the dead daemon refuses is no failure. */
export async function play(stage: Stage, doings: Doings, run: string, dice: Dice): Promise<void> {
  const { world } = stage
  const { zhang, li, wang } = world.people
  const { oncall, platform } = world.groups
  const [first, second] = doings.incidents
  if (!first || !second) throw new Error('prepare comes first')
  const pick = <T>(...choices: [T, ...T[]]): T => choices[Math.floor(dice() * choices.length)] ?? choices[0]

  const fireOne = async (name: string, groups: Group[], persons: Person[]): Promise<void> => {
    const incident = await fire(world, {
      title: `${run} ${name}`,
      chats: groups.map((group) => inGroup(group)),
      personIds: persons.map(({ member }) => member.member_id),
    })
    // 王五 is not linked: told by a record only.
    const reached = persons.filter((person) => person !== wang).map(({ user }) => user.userId)
    const targets = new Set([...groups.map((group) => group.openConversationId), ...reached])
    doings.incidents.push({ incident, targets })
    doings.accepted.push(...eventsOf(world, incident))
  }
  const postOne = async (): Promise<void> => {
    const fields = { title: `${run} 推送`, chats: [inGroup(platform)] }
    const { incident, assigned } = await composeIncident(world, fields)
    doings.incidents.push({ incident, targets: new Set([platform.openConversationId]) })
    await postAgain(stage, doings, assigned)
  }
  const join = async (): Promise<void> => {
    const assigned = doings.accepted.find(
      ({ incident, event_type: type }) => incident.incident_id === first.incident.incident_id && type === 'i_assign',
    )
    if (!assigned) throw new Error('the first incident was assigned')
    const event = followUp(assigned, { delivery: { chats: [inGroup(oncall), inGroup(platform)] } })
    first.targets.add(platform.openConversationId)
    await world.flashduty.control.enqueue(event)
    doings.accepted.push(event)
  }
  const pressOne = async (incident: Incident, person: Person, text: string, broken: boolean): Promise<void> => {
    const outTrackId = await theCardOf(world, incident)
    if (!buttonTexts(view(world, outTrackId, person)).includes(text)) return
    if (broken) {
      const effect = { kind: 'error', status: 500, code: 'InternalError', message: 'broken' } as const
      world.flashduty.control.addFault({ path: '/incident/ack', effect })
    }
    const made: Doings['presses'][number] = { person, outTrackId, text, result: undefined }
    doings.presses.push(made)
    made.result = await press(world, outTrackId, person, text)
  }
  const tell = async (): Promise<void> => {
    const memberUserIds = [zhang, li].map(({ user }) => user.userId)
    const { control } = world.dingtalk
    const group = control.createGroup({ title: `${run} 新群`, memberUserIds })
    doings.groups.push(group, oncall)
    doings.told.push(
      control.installCoolApp(group.openConversationId, world.dingtalkApp.clientId),
      control.renameGroup(oncall.openConversationId, `${run} 值班群`),
    )
  }
  const actInConsole = async (incident: Incident): Promise<void> => {
    const act = pick<'ack' | { title: string }>('ack', { title: `${run} 改名` })
    await world.flashduty.control.act(incident.incident_id, act, zhang.member.member_id)
  }

  const acts: (() => Promise<void>)[] = [
    () => fireOne('群', [oncall], []),
    () => fireOne('群与人', [oncall, platform], [zhang, wang]),
    postOne,
    join,
    () => pressOne(first.incident, li, '认领', false),
    () => pressOne(second.incident, zhang, '认领', true),
    () => pressOne(first.incident, li, '认领', false),
    () => pressOne(second.incident, li, pick('关闭', '暂缓 1 小时', '认领'), false),
    tell,
    () => actInConsole(first.incident),
  ]
  await Promise.all(
    acts.map(async (act) => {
      await new Promise((resolve) => setTimeout(resolve, dice() * 400))
      await act()
    }),
  )
}

/** Flashduty's second try. */
export async function postAgain(stage: Stage, doings: Doings, event: IncidentEvent): Promise<void> {
  const answer = await post(stage.url(), event, stage.headers).catch(() => undefined)
  if (answer?.status === 200) doings.accepted.push(event)
  else doings.unanswered.push(event)
}

function eventsOf(world: World, incident: Incident): IncidentEvent[] {
  return world.flashduty.control.events().filter((event) => event.incident.incident_id === incident.incident_id)
}
