import { expect } from 'vitest'

import { inboxOf, post } from './bridge.ts'
import { eventually } from './eventually.ts'
import { composeIncident } from './jobs.ts'
import {
  actsOn,
  answerOf,
  callsFor,
  cardsOf,
  everybodySees,
  fire,
  inGroup,
  listGroups,
  press,
  recordsOf,
  settledRecords,
  theCardOf,
} from './journey.ts'
import { readyz } from './readyz.ts'
import type { LogLine, World } from './world.ts'

/** What needs room on any page size. */
export const LONG = '磁盘'.repeat(30_000)

/** What the log says of it. */
export const FULL_DISK_ERRORS = [
  'store-refuses',
  'press-not-stored',
  'event-not-stored',
  'http-unavailable',
  'sweep-failed',
]

type Running = { url: string; lines: LogLine[] }

/** Everything that comes in while there is no room, and afterwards. `fill` and `free` take the room and give it back. */
export async function expectRefusalAndRecovery(
  world: World,
  token: Record<string, string>,
  daemon: Running,
  fill: () => Promise<void>,
  free: () => Promise<void>,
): Promise<void> {
  const { control, journal } = world.dingtalk
  const { li } = world.people
  const { oncall, platform } = world.groups
  const line = daemon.lines.length
  const since = () => daemon.lines.slice(line)
  const title = `平台运维群 ${daemon.url.at(-1)}${daemon.lines.length}`
  const shown = await fire(world, { title: '写满之前', chats: [inGroup(oncall)] })
  const card = await theCardOf(world, shown)
  await settledRecords(world, shown)
  const posted = await composeIncident(world, { title: '写满时的 Webhook', chats: [inGroup(oncall)] })
  await eventually('ready', async () => (await readyz(daemon.url)).status === 200)

  await fill()
  const waiting = await fire(world, { title: '写满时的告警', description: LONG, chats: [inGroup(oncall)] })
  await eventually('the job is put off', () => since().some(({ msg }) => msg === 'deliver-delayed'))
  await eventually('it is told', async () => {
    const { status, missing } = await readyz(daemon.url)
    expect(status).toBe(503)
    expect(missing['database']).toMatch(/SQLITE_(FULL|IOERR)/)
    return true
  })
  await eventually('and logged', () => since().some(({ msg }) => msg === 'store-refuses'))

  const refused = await post(daemon.url, posted.assigned, token)
  expect(refused).toMatchObject({ status: 503, body: { error: 'STORE_UNAVAILABLE' } })
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  // A process of its own is held to the real deadline, which a busy machine may have it miss.
  await eventually('the presser is told', async () => {
    const pressed = answerOf(await press(world, card, li, '认领'))
    expect(pressed.tips).toContain('服务暂不可用')
    expect(pressed.title).toContain('待处理')
    return true
  })
  const eventId = control.renameGroup(platform.openConversationId, title)
  await eventually('an answer to the event', () => {
    const pushes = journal.of('frame-sent').filter(({ businessId }) => businessId === eventId)
    const replies = journal.of('frame-received').filter((reply) => pushes.some((p) => p.messageId === reply.messageId))
    return replies.some((reply) => JSON.stringify(reply.frame).includes('LATER'))
  })
  expect(cardsOf(world, waiting)).toEqual([])
  expect(actsOn(world, shown)).toEqual([])
  expect((await readyz(daemon.url)).status).toBe(503)

  await free()
  await eventually('ready again, by itself', async () => (await readyz(daemon.url)).status === 200)
  expect(inboxOf(world, posted.assigned.event_id)).toEqual([])
  expect((await post(daemon.url, posted.assigned, token)).body).toEqual({
    accepted: true,
    duplicate: false,
    ignored: [],
  })
  expect(await control.eventSettled(eventId)).toBe('success')
  const known = (await listGroups(world)).find((row) => row.openConversationId === platform.openConversationId)
  expect(known?.title).toBe(title)
  await press(world, card, li, '认领')
  await everybodySees(world, card, '处理中')
  for (const incident of [waiting, posted.incident, shown]) {
    const its = await theCardOf(world, incident)
    const told = (await settledRecords(world, incident)).filter(({ event_type: type }) => type === 'i_assign')
    expect(told).toMatchObject([{ status: 'success', duplicates: 0 }])
    expect(told[0]?.note ?? '').not.toContain('REDELIVERED')
    expect(callsFor(world, 'createAndDeliver', its)).toHaveLength(1)
    expect(Object.values(control.placementsOf(its))).toEqual([1])
  }
  expect(actsOn(world, shown)).toHaveLength(1)
  expect((await recordsOf(world, shown)).filter(({ kind }) => kind === 'action')).toMatchObject([{ status: 'success' }])
}
