import { afterAll, beforeAll, expect } from 'vitest'

import type { Overrides } from '../../src/app.ts'
import { listRecords as readRecords } from '../../src/storage/list-records.ts'
import type { Button, DingTalkSettings, Group, PressResult, RenderedCard } from '../sandbox/dingtalk/types.ts'
import type { Incident } from '../sandbox/flashduty/types.ts'
import { readDatabase } from './database.ts'
import { eventually } from './eventually.ts'
import { FAR_DEADLINES, PATIENT_DINGTALK } from './far-deadlines.ts'
import { HeldPatience } from './held-patience.ts'
import { bootApp, createWorld, type LogLine, type Person, type RunningApp, type World } from './world.ts'

/** One row of `records --json`. */
export type OperationRecord = {
  record_key: string
  incident_id: string | null
  event_id: string | null
  event_type: string | null
  kind: 'group' | 'person' | 'action' | 'none' | 'job'
  target_id: string
  target_name: string | null
  member_id: number | null
  out_track_id: string | null
  status: string
  reason_code: string | null
  failed_reason: string | null
  detail: string | null
  note: string | null
  duplicates: number
}

/**
 * Redeliveries come soon and again and again, pings stay away. Deadlines are so far off that a machine which is busy with
 * other things meets them too: what is promised of them is tested where they are the point.
 */
const QUICK: Partial<DingTalkSettings> = {
  redeliveryDelaysMs: [300, ...Array.from({ length: 200 }, () => 1_000)],
  systemPingMs: 0,
  ...PATIENT_DINGTALK,
}

/** Shorter pauses, so that a journey waits for the daemon and not for its patience. Promised times are left alone. */
const IMPATIENT: Overrides = {
  delivery: { spacingMs: 100, blockedRetryMs: 500 },
  action: { spacingMs: 100, retryMs: 200, keepMs: 60_000 },
  supervisor: {
    firstAloneMs: 50,
    backOffMinMs: 50,
    backOffMaxMs: 400,
    credentialsMs: 200,
    consoleMs: 200,
    lingerMs: 500,
  },
  deadlines: FAR_DEADLINES,
}

/** `patience`: of whoever has pressed and waits for the answer; `pagePatience`: of whoever waits for a page. */
export type ImpatientApp = RunningApp & { patience: HeldPatience; pagePatience: HeldPatience }

export type Scene = {
  world: World
  app: ImpatientApp
  close(): Promise<void>
}

/** A world with the daemon running and connected in it, and the cool app installed in both groups, whose titles are known. */
export async function openScene(
  settings: { dingtalk?: Partial<DingTalkSettings>; overrides?: Overrides } = {},
): Promise<Scene> {
  const world = await createWorld({ dingtalk: { ...QUICK, ...settings.dingtalk } })
  try {
    const app = await bootImpatient(world, settings.overrides)
    await install(world, Object.values(world.groups))
    // The daemon serves from the first of them on.
    const open = (): number => world.dingtalk.control.connections(world.dingtalkApp.clientId).length
    await eventually('both connections are open', () => open() === 2)
    return {
      world,
      app,
      async close() {
        await app.stop()
        await world.close()
      },
    }
  } catch (error) {
    await world.close()
    throw error
  }
}

/** One that somebody else closes. */
export type SharedScene = Readonly<Omit<Scene, 'close'>>

/** The scene of all tests of a file: opened before the first of them, closed after the last. */
export function useScene(settings: Parameters<typeof openScene>[0] = {}): SharedScene {
  let scene: Scene | undefined
  beforeAll(async () => {
    scene = await openScene(settings)
  })
  afterAll(() => scene?.close())
  const opened = (): Scene => {
    if (!scene) throw new Error('the scene is not open yet')
    return scene
  }
  return {
    get world() {
      return opened().world
    },
    get app() {
      return opened().app
    },
  }
}

export async function bootImpatient(world: World, overrides: Overrides = {}): Promise<ImpatientApp> {
  const patience = new HeldPatience()
  const pagePatience = new HeldPatience()
  const app = await bootApp(world, {
    ...IMPATIENT,
    // Tests open pages faster than anybody does.
    viewsPerMinute: 1_000_000,
    pagePatience: pagePatience.patience,
    ...overrides,
    delivery: { ...IMPATIENT.delivery, ...overrides.delivery },
    action: { ...IMPATIENT.action, ...patience.settings, ...overrides.action },
    supervisor: { ...IMPATIENT.supervisor, ...overrides.supervisor },
    deadlines: { ...IMPATIENT.deadlines, ...overrides.deadlines },
  })
  return { ...app, patience, pagePatience }
}

/** Whoever waits for a page has waited long enough once that holds. */
export async function endPagePatience(
  { pagePatience }: Pick<ImpatientApp, 'pagePatience'>,
  what: string,
  holds: () => boolean | Promise<boolean> = () => true,
): Promise<void> {
  await eventually(what, async () => pagePatience.waiting > 0 && (await holds()))
  pagePatience.end()
}

/** Whoever has pressed is told 处理中 once that holds: their patience is at an end then, and no sooner. */
export async function endPatience(
  { patience }: Pick<ImpatientApp, 'patience'>,
  what: string,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  await eventually(what, async () => patience.waiting > 0 && (await holds()))
  patience.end()
}

/** Changes the integration on the CLI. Resolves when the running daemon has taken the change up. */
export async function changeIntegration(
  { world, app }: Pick<Scene, 'world' | 'app'>,
  ...fields: string[]
): Promise<void> {
  const slugs = ['integration-started', 'integration-changed', 'integration-stopped']
  const times = (): number => app.lines.filter(({ msg }) => slugs.includes(msg)).length
  const before = times()
  const { code, err } = await world.cli('integration', 'set', world.integrationId, ...fields)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  await eventually('the change is taken up', () => times() > before)
}

/** Resolves once the daemon knows the groups by their titles. */
export async function install(world: World, groups: Group[]): Promise<void> {
  for (const group of groups) {
    world.dingtalk.control.installCoolApp(group.openConversationId, world.dingtalkApp.clientId)
  }
  await eventually('the groups are known by title', async () => {
    const known = new Map((await listGroups(world)).map((row) => [row.openConversationId, row.title]))
    return groups.every((group) => known.get(group.openConversationId) === group.title)
  })
}

/** Further groups of everybody, with the cool app. */
export async function installInMany(world: World, count: number, name: string): Promise<Group[]> {
  const memberUserIds = Object.values(world.people).map((person) => person.user.userId)
  const groups = Array.from({ length: count }, (_, index) =>
    world.dingtalk.control.createGroup({ title: `${name} ${index + 1}`, memberUserIds }),
  )
  await install(world, groups)
  return groups
}

export async function listGroups(
  world: World,
): Promise<{ openConversationId: string; title: string; status: string }[]> {
  const query = 'select open_conversation_id as openConversationId, title, status from groups order by created_at'
  return readDatabase(world, query)
}

/** As the CLI prints them. */
export async function listRecords(world: World, ...filter: string[]): Promise<OperationRecord[]> {
  const printed = await world.cli('records', '--json', '--limit', '10000', ...filter)
  return JSON.parse(printed.out) as OperationRecord[]
}

export function recordsOf(world: World, incident: Pick<Incident, 'incident_id'>): Promise<OperationRecord[]> {
  return readRecords(world.reader().handle, { incident: incident.incident_id, limit: 10_000 })
}

export function inGroup(group: Group, settings: Record<string, unknown> = {}): { chat_id: string } {
  return { chat_id: group.openConversationId, ...settings }
}

type Fields = Parameters<World['flashduty']['control']['fireIncident']>[0]

/** A critical incident of the channel 数据库; groups and people as the rule names them. */
export function fire(world: World, fields: Partial<Fields> = {}): Promise<Incident> {
  return world.flashduty.control.fireIncident({ title: 'db-01 主从延迟过大', channelId: world.channelId, ...fields })
}

/** Cards of the incident, oldest first. */
export function cardsOf(world: World, incident: Pick<Incident, 'incident_id'>): string[] {
  return world.dingtalk.control.cards().filter((outTrackId) => outTrackId.includes(incident.incident_id))
}

/** The incident's one card, once it is there. */
export function theCardOf(world: World, incident: Pick<Incident, 'incident_id'>): Promise<string> {
  return eventually(`a card for ${incident.incident_id}`, () => {
    const cards = cardsOf(world, incident)
    if (cards.length > 1) throw new Error(`there are ${cards.length} cards`)
    return cards[0]
  })
}

/** What the person sees of the card. */
export function view(world: World, outTrackId: string, person: Person): RenderedCard {
  const card = world.dingtalk.control.view(outTrackId, person.user.userId)
  if (!card) throw new Error(`${person.user.name} does not see ${outTrackId}`)
  return card
}

/** Resolves when the title that each of these people sees contains the word. */
export async function everybodySees(
  world: World,
  outTrackId: string,
  word: string,
  people: Person[] = Object.values(world.people),
): Promise<void> {
  await eventually(`everybody sees ${word}`, () => {
    for (const person of people) expect(view(world, outTrackId, person).title).toContain(word)
    return true
  })
}

/** The id under which the button of these words calls back. */
export function buttonOf(card: RenderedCard, text: string): string {
  const button = card.buttons.find((one) => one.text === text)
  if (!button || !('id' in button)) throw new Error(`no button ${text} on the card`)
  return button.id
}

export function buttonTexts(card: RenderedCard): string[] {
  return card.buttons.map((button) => button.text)
}

/** The person presses the button of that text on the card as they see it. */
export function press(
  world: World,
  outTrackId: string,
  person: Person,
  text: string,
  connectionId?: string,
): Promise<PressResult> {
  const card = view(world, outTrackId, person)
  const button = card.buttons.find((one): one is Extract<Button, { id: string }> => one.text === text && 'id' in one)
  if (!button) throw new Error(`no button ${text}; there are: ${buttonTexts(card).join(', ')}`)
  const pressed = { outTrackId, userId: person.user.userId, buttonId: button.id }
  return world.dingtalk.control.press({ ...pressed, ...(connectionId === undefined ? {} : { connectionId }) })
}

/** What the presser sees after the answer; one that had not come inside DingTalk's two seconds has failed. */
export function answerOf(result: PressResult): RenderedCard {
  if (result.outcome === 'failed') throw new Error(`the press failed: ${result.reason}`)
  return result.view
}

/** Requests that reached DingTalk for one card. */
export function callsFor(world: World, api: 'createAndDeliver' | 'deliver' | 'updateCard', outTrackId: string) {
  return world.dingtalk.journal
    .requests(api)
    .filter((request) => (request.body as { outTrackId?: string } | null)?.outTrackId === outTrackId)
}

/** Calls that act on an incident at Flashduty. */
export function actsOn(world: World, incident: Pick<Incident, 'incident_id'>, action?: string) {
  return world.flashduty.control
    .requests()
    .filter(({ path }) => /^\/incident\/(ack|unack|snooze|wake|resolve|reopen|custom-action\/do)$/.test(path))
    .filter(({ path }) => action === undefined || path === `/incident/${action}`)
    .filter(({ body }) => {
      const { incident_ids: ids, incident_id: id } = body as { incident_ids?: string[]; incident_id?: string }
      return ids?.includes(incident.incident_id) || id === incident.incident_id
    })
}

/**
 * Resolves when every event of the incident that Flashduty has handed over is on record and every record has come to its end,
 * with the records.
 */
export function settledRecords(world: World, incident: Incident): Promise<OperationRecord[]> {
  return eventually(`the records of ${incident.incident_id} are settled`, async () => {
    const records = await recordsOf(world, incident)
    const open = records.filter(({ status }) => status === 'pending' || status === 'retrying')
    if (open.length > 0) throw new Error(JSON.stringify(open, undefined, 1))
    const taken = world.flashduty.control
      .takenEvents()
      .filter((event) => event.incident.incident_id === incident.incident_id)
    const missing = taken.filter((event) => !records.some((record) => record.event_id === event.event_id))
    if (missing.length > 0)
      throw new Error(`not on record: ${JSON.stringify(missing.map(({ event_type: type }) => type))}`)
    return records.length > 0 && records
  })
}

/**
 * What every journey ends with: nobody got a message twice, no reply was late or unasked for, and no line of the log
 * says that somebody must act, but for the announced ones.
 */
export function expectSilence(
  world: World,
  lines: LogLine[],
  announced: { errors?: string[]; repeats?: string[] } = {},
): void {
  const { control, journal } = world.dingtalk
  const errors = lines.filter(({ level }) => level === 'error' || level === 'fatal')
  expect(errors.filter(({ msg }) => !announced.errors?.includes(msg))).toEqual([])
  expect(journal.of('violation')).toEqual([])
  const repeated = control
    .cards()
    .filter((outTrackId) => !announced.repeats?.includes(outTrackId))
    .filter((outTrackId) => Object.values(control.placementsOf(outTrackId)).some((messages) => messages !== 1))
  expect(repeated).toEqual([])
}
