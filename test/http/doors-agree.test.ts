import { randomUUID } from 'node:crypto'

import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { readDatabase } from '../support/database.ts'
import { chooseHttpMode, EVENT_KEYS, lead } from '../support/http-door.ts'
import { bootImpatient } from '../support/journey.ts'
import { createWorld, type RunningApp, type World } from '../support/world.ts'
import { useProperties } from '../support/properties.ts'

useProperties(6)

/** Three apps of one corporation get the same history: one by Stream, one by HTTP, one by either or both. */
const DOORS = ['STREAM', 'HTTP', 'both'] as const
type Door = 'STREAM' | 'HTTP'
type Listener = { doors: (typeof DOORS)[number]; clientId: string; integrationId: string }

let world: World
let app: RunningApp
let listeners: Listener[]
beforeAll(async () => {
  world = await createWorld({ dingtalk: { systemPingMs: 0 } })
  const { control } = world.dingtalk
  const first = { clientId: world.dingtalkApp.clientId, integrationId: world.integrationId }
  const added = [first, await addListener('HTTP'), await addListener('both')]
  listeners = DOORS.map((doors, index) => ({ doors, ...(added[index] ?? first) }))
  // What DingTalk says of groups when asked is not what this is about.
  const code = 'Forbidden.AccessDenied.QpsLimitForApi'
  const effect = { kind: 'answer', status: 403, body: { code, message: code, requestid: 'R-1' } } as const
  control.addFault({ api: 'sceneGroups/query', times: 1_000_000, effect })
  app = await bootImpatient(world)
  lead(world, app)
  for (const { doors, clientId, integrationId } of listeners) {
    if (doors === 'STREAM') continue
    await chooseHttpMode(world, clientId, integrationId)
    control.updateApp(clientId, { eventMode: 'STREAM' })
  }
})
afterAll(async () => {
  await app.stop()
  await world.close()
})

async function addListener(name: string) {
  const { clientId, clientSecret, agentId } = world.dingtalk.control.createApp()
  const form = {
    '--name': name,
    '--corp-id': world.dingtalkApp.corpId,
    '--agent-id': agentId,
    '--client-id': clientId,
    '--client-secret': clientSecret,
    '--aes-key': EVENT_KEYS.aesKey,
    '--token': EVENT_KEYS.token,
    '--cool-app-code': world.dingtalkApp.coolAppCode,
  }
  const { out } = await world.cli('integration', 'add', '--json', ...Object.entries(form).flat())
  return { clientId, integrationId: (JSON.parse(out) as { id: string }).id }
}

const GROUPS = 3
const event = fc.record({
  group: fc.nat({ max: GROUPS - 1 }),
  kind: fc.constantFrom('chat_update_title', 'im_cool_app_install', 'im_cool_app_uninstall'),
  robot: fc.constantFrom('dingrobot1', 'dingrobot2'),
})
/** How each copy of an event travels to the one that has both doors, and where in the order each app gets it. */
const copy = fc.record({
  copies: fc.integer({ min: 1, max: 3 }),
  order: fc.array(fc.nat(), { minLength: 9, maxLength: 9 }),
})
const history = fc.array(fc.tuple(event, copy), { minLength: 5, maxLength: 25 })

type Row = { open_conversation_id: string; status: string; title: string | null }
const rowsOf = (integrationId: string, run: string) =>
  readDatabase<Row>(
    world,
    `SELECT open_conversation_id, status, title, chat_id, robot_code, cool_app_code, operated_at, titled_at
     FROM groups WHERE integration_id = ? AND open_conversation_id LIKE ? ORDER BY open_conversation_id`,
    integrationId,
    `cid${run}%`,
  )
const idsOf = (integrationId: string, run: string) =>
  readDatabase<{ id: string }>(
    world,
    "SELECT id FROM inbox WHERE source = 'event' AND id LIKE ? ORDER BY id",
    `${integrationId}:${run}%`,
  ).map(({ id }) => id.slice(integrationId.length + 1))

test('the same history through Stream, HTTP or both ends in the same database', async () => {
  const { control } = world.dingtalk
  await fc.assert(
    fc.asyncProperty(history, async (events) => {
      const run = randomUUID().slice(0, 8)
      // The last of each kind is what has to be left, in whatever order they come.
      const model = new Map<string, Partial<Row>>()
      const pushes = events.map(([{ group, kind, robot }, { copies, order }], index) => {
        const openConversationId = `cid${run}${group}==`
        const at = 1_700_000_000_000 + index
        const known = model.get(openConversationId) ?? { status: 'unknown', title: null }
        const renamed = kind === 'chat_update_title'
        const status = kind === 'im_cool_app_install' ? 'installed' : 'uninstalled'
        model.set(openConversationId, { ...known, ...(renamed ? { title: `t${index}` } : { status }) })
        const data = renamed
          ? { timeStamp: at, chatId: `chat${group}`, title: `t${index}`, openConversationId }
          : {
              operateTime: String(at),
              robotCode: robot,
              coolAppCode: world.dingtalkApp.coolAppCode,
              openConversationId,
            }
        return { push: { eventType: kind, eventId: `${run}-${index}`, data, bornTime: at }, copies, order }
      })

      for (const [which, { clientId, doors }] of listeners.entries()) {
        const sent = pushes.flatMap(({ push, copies, order }) =>
          Array.from({ length: copies }, (_, nth) => {
            const rank = order[which * 3 + nth] ?? 0
            const via: Door = doors === 'both' ? (rank % 2 === 0 ? 'STREAM' : 'HTTP') : doors
            return { push: { ...push, via }, rank }
          }),
        )
        for (const { push } of sent.sort((a, b) => a.rank - b.rank)) control.pushEvent(clientId, push)
      }
      for (const { push } of pushes) expect(await control.eventSettled(push.eventId)).toBe('success')

      const [byStream, ...others] = listeners.map(({ integrationId }) => ({
        groups: rowsOf(integrationId, run),
        seen: idsOf(integrationId, run),
      }))
      for (const other of others) expect(other).toEqual(byStream)
      expect(byStream?.seen).toHaveLength(events.length)
      expect(byStream?.groups.map(({ status, title }) => ({ status, title }))).toEqual(
        [...model].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, { status, title }]) => ({ status, title })),
      )
    }),
  )
})
