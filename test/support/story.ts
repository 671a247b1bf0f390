import { expect } from 'vitest'

import type { ApiName, Fault, Group, JournalEntry } from '../sandbox/dingtalk/types.ts'
import type { Incident, IncidentEvent } from '../sandbox/flashduty/types.ts'
import { composeIncident, endedJob, enqueue } from './jobs.ts'
import { callsFor, inGroup, type OperationRecord, settledRecords, theCardOf } from './journey.ts'
import type { World } from './world.ts'

/** DingTalk's clients fail to draw a card whose update comes closer to the call before it. */
export const SPACING_MS = 500

const CARD_APIS = ['createAndDeliver', 'deliver', 'updateCard'] as const

/** Handed over one after the other, each taken in before the next. */
export async function takeIn(world: World, ...bodies: IncidentEvent[]): Promise<void> {
  for (const body of bodies) {
    expect(await endedJob(world, await enqueue(world, body))).toMatchObject({ state: 'completed' })
  }
}

/** An incident whose card is in the group of everybody, with the event that brought it there. */
export async function alertGroup(world: World, title: string) {
  const composed = await composeIncident(world, { title, chats: [inGroup(world.groups.oncall)] })
  await takeIn(world, composed.assigned)
  const card = await theCardOf(world, composed.incident)
  await settledRecords(world, composed.incident)
  return { ...composed, card }
}

/** The event's records, by target. */
export function rowsOf(records: OperationRecord[], event: IncidentEvent) {
  return records
    .filter(({ event_id: id }) => id === event.event_id)
    .map(({ kind, target_id: target, status, reason_code: reason, duplicates }) => {
      return { kind, target, status, reason, duplicates }
    })
    .sort(byTarget)
}

export function byTarget(a: { target: string }, b: { target: string }): number {
  return a.target < b.target ? -1 : a.target > b.target ? 1 : 0
}

/** Everything DingTalk was asked about the incident's cards. */
export function requestsAbout(world: World, incident: Pick<Incident, 'incident_id'>) {
  return CARD_APIS.flatMap((api) => world.dingtalk.journal.requests(api))
    .filter(({ body }) => outTrackIdOf(body).includes(incident.incident_id))
    .sort((a, b) => a.seq - b.seq)
}

function outTrackIdOf(body: unknown): string {
  return (body as { outTrackId?: string } | null)?.outTrackId ?? ''
}

/** What the card has shown 张三, oldest first. */
export function titlesShown(world: World, card: string): string[] {
  const { userId } = world.people.zhang.user
  return world.dingtalk.journal
    .of('view')
    .filter((entry: Extract<JournalEntry, { type: 'view' }>) => entry.outTrackId === card && entry.userId === userId)
    .map((entry) => entry.card.title)
}

/** No card was updated sooner than its clients can stand after the call before. */
export function expectDistance(world: World): void {
  const tooClose = world.dingtalk.control.cards().flatMap((card) => {
    const calls = CARD_APIS.flatMap((api) => callsFor(world, api, card)).sort((a, b) => a.seq - b.seq)
    return calls
      .map((call, index) => ({ card, api: call.api, gapMs: call.at - (calls[index - 1]?.at ?? -Infinity) }))
      .filter(({ api, gapMs }) => api === 'updateCard' && gapMs < SPACING_MS)
  })
  expect(tooClose).toEqual([])
}

/** An answer of DingTalk's api family that is none of success. */
export function refusal(status: number, code: string): Fault['effect'] {
  return { kind: 'answer', status, body: { code, requestid: '01A0B1C2', message: code } }
}

/** Hits the calls about one incident only. */
export function hit(world: World, api: ApiName, incident: Incident, effect: Fault['effect'], times = 1): void {
  world.dingtalk.control.addFault({ api, bodyContains: incident.incident_id, times, effect })
}

export function messagesIn(world: World, card: string, group: Group): number {
  return world.dingtalk.control.placementsOf(card)[group.openConversationId] ?? 0
}

/** What became of the event for each target, once that is settled: its reason or, where it has none, its status. */
export async function outcomes(
  world: World,
  incident: Incident,
  event: IncidentEvent,
): Promise<Record<string, string>> {
  const rows = rowsOf(await settledRecords(world, incident), event)
  return Object.fromEntries(rows.map(({ target, status, reason }) => [target, reason ?? status]))
}
