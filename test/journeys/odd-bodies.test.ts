import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'

import type { Incident, IncidentEvent } from '../sandbox/flashduty/types.ts'
import { readDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { endedJob, enqueue, followUp, pauseJobs } from '../support/jobs.ts'
import {
  answerOf,
  buttonTexts,
  cardsOf,
  changeIntegration,
  everybodySees,
  expectSilence,
  inGroup,
  install,
  listRecords,
  press,
  recordsOf,
  settledRecords,
  theCardOf,
  useScene,
  view,
} from '../support/journey.ts'
import { changed, composeAlert, enqueueText, leftOutOf, usePosts } from '../support/odd-bodies.ts'
import { logIn, pathOfPages, textOf } from '../support/pages.ts'
import { DATA_SOURCE_ID } from '../support/world.ts'

/** Bodies of somebody's own making: whatever is odd about them, the alert arrives, and what was left out is said. */

const scene = useScene()
const send = usePosts(scene)

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flashduty-dingtalk-odd-'))
})
afterEach(() => scene.world.flashduty.control.alterInfo())
afterAll(() => rm(folder, { recursive: true, force: true }))

const oncallId = (): string => scene.world.groups.oncall.openConversationId

const related = (path: string, other: string): boolean => path.startsWith(other) || other.startsWith(path)

function readInPart(incident: Incident) {
  return scene.app.lines.filter(
    (line) => line.msg === 'delivery-read-in-part' && line['incidentId'] === incident.incident_id,
  )
}

/** The group has the card, and all that was said about the body says the same parts and no others. */
async function expectTold(incident: Incident, leftOut: string[]): Promise<string> {
  const { world } = scene
  const card = await theCardOf(world, incident)
  const records = await settledRecords(world, incident)
  const group = records.find(({ target_id: id }) => id === world.groups.oncall.openConversationId)
  expect(group).toMatchObject({ status: 'success', reason_code: null })
  for (const path of leftOut) expect(group?.detail).toContain(path)
  if (leftOut.length === 0) expect(group?.detail).toBeNull()
  const lines = readInPart(incident)
  expect(lines).toHaveLength(leftOut.length === 0 ? 0 : 1)
  return card
}

type Change = Parameters<typeof changed>[1]
type Row = [what: string, change: Change | ((body: IncidentEvent) => unknown), leftOut?: string[]]

const parts = (change: Record<string, unknown>): Change => ({ delivery: change })
const of = (change: Record<string, unknown>): Change => ({ incident: change })

describe('an alert is told in spite of', () => {
  const rows: Row[] = [
    // The person who acted.
    ['a person who is a placeholder', { person: '{{person}}' }],
    ['a person of placeholders', { person: { person_id: '{{person.person_id}}', person_name: '{{person.name}}' } }],
    ['a person who is a text', { person: '张三' }, ['person']],
    ['a person who is a flag', { person: true }, ['person']],
    ['a person with a name for a number', { person: { person_id: '张三' } }, ['person.person_id']],
    ['an empty person', { person: {} }],
    // Labels.
    ['a label of null', of({ labels: { owner: null, env: 'prod' } })],
    ['labels that are an empty list', of({ labels: [] })],
    ['labels that are null', of({ labels: null })],
    ['labels of numbers and flags', of({ labels: { cpu: 93.5, up: false } })],
    ['a label that is an object', of({ labels: { owner: { name: 'x' }, env: 'prod' } }), ['incident.labels.owner']],
    ['a label that is a list', of({ labels: { hosts: ['a', 'b'] } }), ['incident.labels']],
    ['labels as a list of pairs', of({ labels: [{ name: 'env', value: 'prod' }] }), ['incident.labels']],
    ['labels as text', of({ labels: 'env=prod' }), ['incident.labels']],
    ['a label called __proto__', (body) => withText(body, '"labels":{', '"labels":{"__proto__":"x",')],
    [
      'a label called __proto__ that is an object',
      (body) => withText(body, '"labels":{', '"labels":{"__proto__":{"a":1},'),
      ['incident.labels.__proto__'],
    ],
    ['a label called constructor', of({ labels: { constructor: 'x', toString: 'y' } })],
    // Other parts of the incident.
    ['a closer that is an empty object', of({ closer: {} })],
    ['a closer that is a text', of({ closer: '张三' }), ['incident.closer']],
    ['a title that is an object', of({ title: { zh: '标题' } }), ['incident.title']],
    ['a title that is a number', of({ title: 500 })],
    ['no title', of({ title: undefined })],
    ['a title beyond all length', of({ title: '长'.repeat(20_000) }), ['incident.title']],
    ['a severity in capitals', of({ incident_severity: 'CRITICAL' })],
    ['a severity that nobody knows', of({ incident_severity: 'P1' })],
    ['a severity that is a list', of({ incident_severity: ['Critical'] }), ['incident.incident_severity']],
    ['no severity', of({ incident_severity: undefined })],
    ['a progress that nobody knows', of({ progress: 'Open' }), ['incident.progress']],
    ['a progress of null', of({ progress: null })],
    ['a start in words', of({ start_time: 'yesterday' }), ['incident.start_time']],
    ['a start before there were incidents', of({ start_time: -62_135_596_800 }), ['incident.start_time']],
    ['a count in words', of({ alert_cnt: 'many' }), ['incident.alert_cnt']],
    ['a channel in words', of({ channel_id: '数据库' }), ['incident.channel_id']],
    ['no channel', of({ channel_id: undefined, channel_name: undefined })],
    ['an address that is an object', of({ detail_url: {} }), ['incident.detail_url']],
    ['no address', of({ detail_url: undefined })],
    ['an address that does something', of({ detail_url: 'javascript:alert(1)' })],
    ['custom fields as a list', of({ fields: [1] }), ['incident.fields']],
    ['pictures that are numbers', of({ images: [7] }), ['incident.images']],
    ['an assignment that is a number', of({ assigned_to: 7 }), ['incident.assigned_to']],
    ['an assignment that is an empty list', of({ assigned_to: [] })],
    ['a layer in words', of({ assigned_to: { layer_idx: 'first' } }), ['incident.assigned_to.layer_idx']],
    [
      'a responder that is a text among others',
      of({ responders: ['张三', { person_id: 7, person_name: '李四' }] }),
      ['incident.responders.0'],
    ],
    ['responders that are a text', of({ responders: '张三' }), ['incident.responders']],
    ['a snooze in words', of({ snoozed_before: 'noon' }), ['incident.snoozed_before']],
    ['a time zone that is nowhere', of({ account_time_zone: 'Mars/Olympus' })],
    ['the incident as JSON text', (body) => ({ ...body, incident: JSON.stringify(body.incident) })],
    // The envelope.
    ['the whole body as JSON text', (body) => JSON.stringify(JSON.stringify(body))],
    ['no event id', { event_id: undefined }],
    ['an event id that is an object', { event_id: {} }, ['event_id']],
    ['an event id that is a placeholder', { event_id: '{{event_id}}' }],
    ['no event time', { event_time: undefined }],
    ['an event time in words', { event_time: 'today' }, ['event_time']],
    ['no time at all', { event_time: undefined, incident: { updated_at: undefined, start_time: undefined } }],
    ['no event type', { event_type: undefined }],
    ['an event type that is a number', { event_type: 7 }, ['event_type']],
    ['an event type in capitals', { event_type: 'I_ASSIGN' }],
    ['a key called __proto__', (body) => withText(body, '{', '{"__proto__":{"delivery":null},')],
    ['times in milliseconds', (body) => inUnit(body, (seconds) => seconds * 1_000)],
    ['times in microseconds', (body) => inUnit(body, (seconds) => seconds * 1_000_000)],
    ['times in nanoseconds', (body) => inUnit(body, (seconds) => seconds * 1_000_000_000)],
    ['times as text', (body) => inUnit(body, String)],
    ['times as ISO 8601', (body) => inUnit(body, (seconds) => new Date(seconds * 1_000).toISOString())],
    // Whom to tell, and how.
    [
      'one bad entry in chats',
      (body) => withChats(body, [inGroup(scene.world.groups.oncall), { chat_name: '没有 id' }]),
      ['delivery.chats.1'],
    ],
    [
      'a number in chats',
      (body) => withChats(body, [7, null, inGroup(scene.world.groups.oncall)]),
      ['delivery.chats.0'],
    ],
    ['chats that are ids', (body) => withChats(body, [oncallId()])],
    ['chats as JSON text', (body) => withChats(body, JSON.stringify([{ chat_id: oncallId() }]))],
    ['one group alone', (body) => withChats(body, { chat_id: oncallId() })],
    [
      'one bad severity',
      (body) => withChats(body, [inGroup(scene.world.groups.oncall, { severities: ['Critical', 7] })]),
      ['delivery.chats.0.severities.1'],
    ],
    [
      'severities that cannot be read at all',
      (body) => withChats(body, [inGroup(scene.world.groups.oncall, { severities: { only: 'Info' } })]),
      ['delivery.chats.0.severities'],
    ],
    [
      'event types that cannot be read at all',
      (body) => withChats(body, [inGroup(scene.world.groups.oncall, { reply_event_types: [{}] })]),
      ['delivery.chats.0.reply_event_types'],
    ],
    [
      'a disable_at in words',
      (body) => withChats(body, [inGroup(scene.world.groups.oncall, { disable_at: 'perhaps' })]),
      ['delivery.chats.0.disable_at'],
    ],
    [
      'one bad custom action',
      parts({ custom_actions: [{ integration_id: 1 }, { integration_id: 2, name: '重启' }] }),
      ['delivery.custom_actions.0'],
    ],
    ['custom actions that are a text', parts({ custom_actions: '重启' }), ['delivery.custom_actions']],
    ['a person to be told by name', parts({ person_ids: ['张三'] }), ['delivery.person_ids.0']],
    ['mentions in words', parts({ at_person_ids: ['张三'] }), ['delivery.at_person_ids']],
    ['en for a locale', parts({ locale: 'en' })],
    ['a locale that is not spoken', parts({ locale: 'fr-FR' }), ['delivery.locale']],
    ['four presets of a snooze', parts({ snooze_minutes: [30, 60, 120, 240] }), ['delivery.snooze_minutes']],
    ['a preset of no time', parts({ snooze_minutes: [0, 60] }), ['delivery.snooze_minutes.0']],
    ['a mode that is none', parts({ mode: 'maybe' }), ['delivery.mode']],
    ['a kind of fire that is none', parts({ fire_type: 'again' }), ['delivery.fire_type']],
    ['a rid that is an object', parts({ rid: {} }), ['delivery.rid']],
    ['an end in words', parts({ expire_at: 'soon' }), ['delivery.expire_at']],
    ['a rendering that is a text', parts({ rendered: '**down**' }), ['delivery.rendered']],
    ['signs in words', parts({ is_flapping: 'maybe' }), ['delivery.is_flapping']],
    ['delivery as JSON text', (body) => ({ ...body, delivery: JSON.stringify(body.delivery) })],
    ['an integration as text', parts({ integration_id: String(DATA_SOURCE_ID) })],
    ['an integration that is a placeholder', parts({ integration_id: '{{integration_id}}' })],
  ]

  test.each(rows)('%s', async (_what, change, leftOut = []) => {
    const { incident, assigned } = await composeAlert(scene.world)
    const body = typeof change === 'function' ? change(assigned) : changed(assigned, change)
    const answer = await send(body)
    expect(answer).toMatchObject({ status: 200, body: { accepted: true, duplicate: false } })
    const said = leftOutOf(answer)
    for (const path of leftOut) expect(said.map((part) => part.path)).toContainEqual(expect.stringContaining(path))
    for (const { problem } of said) expect(problem).toMatch(/^\w/)
    expect(said.filter(({ path }) => !leftOut.some((one) => related(path, one)))).toEqual([])
    await expectTold(incident, leftOut)
  })

  test('many of these at once', async () => {
    const { incident, assigned } = await composeAlert(scene.world)
    const answer = await send(
      changed(assigned, {
        person: 7,
        event_time: [],
        incident: { labels: 'x', closer: 1, responders: 'x', images: 7, alert_cnt: {} },
        delivery: { person_ids: ['x'], locale: 'fr', mode: 7, custom_actions: 'x', snooze_minutes: 'x' },
      }),
    )
    const said = leftOutOf(answer).map(({ path }) => path)
    for (const path of ['person', 'event_time', 'incident.labels', 'incident.responders', 'delivery.locale']) {
      expect(said).toContain(path)
    }
    await expectTold(incident, ['incident.labels'])
  })

  /** What templates and other languages write where this one would not. */
  function withText(body: IncidentEvent, text: string, other: string): string {
    return JSON.stringify(body).replace(text, other)
  }

  function inUnit(body: IncidentEvent, unit: (seconds: number) => unknown): unknown {
    const times = ['start_time', 'last_time', 'updated_at', 'created_at']
    const incident = Object.fromEntries(times.map((key) => [key, unit(body.incident[key] as number)]))
    return changed(body, { incident, event_time: unit(Math.floor(body.event_time / 1_000)) })
  }

  function withChats(body: IncidentEvent, chats: unknown): unknown {
    return changed(body, { delivery: { chats } })
  }
})

describe('what an odd body says', () => {
  test('is shown as far as it makes sense', async () => {
    const { world } = scene
    const { zhang } = world.people
    const { incident, assigned } = await composeAlert(world)
    await send(
      changed(assigned, {
        incident: {
          title: '只有一半',
          incident_severity: 'P1',
          labels: { env: 'prod', owner: {} },
          start_time: (assigned.incident['start_time'] as number) * 1_000,
        },
        delivery: {
          custom_actions: [{ integration_id: 1 }, { integration_id: 2, name: '重启' }],
          snooze_minutes: [30, 60, 120, 240],
        },
      }),
    )
    const card = await expectTold(incident, ['incident.labels.owner', 'delivery.custom_actions.0'])
    const shown = view(world, card, zhang)
    expect(shown.title).toContain('只有一半')
    expect(shown.markdown).toContain('P1')
    expect(shown.markdown).toContain('prod')
    expect(shown.markdown).toMatch(new RegExp(`${new Date().getFullYear()}|\\d\\d:\\d\\d`))
    expect(answerOf(await press(world, card, zhang, '认领')).title).toContain('处理中')
    // The first three of the presets.
    await eventually('the presets are there', () =>
      buttonTexts(view(world, card, zhang)).some((text) => /暂缓/.test(text)),
    )
    const snoozes = buttonTexts(view(world, card, zhang)).filter((text) => /暂缓/.test(text))
    expect(snoozes).toHaveLength(3)
  })

  test.each(['critical', 'CRITICAL', ' Critical '])('severity %j is Critical', async (written) => {
    const { world } = scene
    const { incident, assigned } = await composeAlert(world)
    const chats = [inGroup(world.groups.oncall, { severities: ['Critical'] })]
    await send(changed(assigned, { incident: { incident_severity: written }, delivery: { chats } }))
    const card = await expectTold(incident, [])
    expect(view(world, card, world.people.zhang).markdown).toContain('严重')
  })

  test.each(['P1', 'fatal', '{{incident.incident_severity}}', null, ''])(
    'severity %j passes every filter, and does not go before Critical',
    async (written) => {
      const { world } = scene
      const { incident, assigned } = await composeAlert(world)
      const chats = [inGroup(world.groups.oncall, { severities: ['Info'] })]
      await send(changed(assigned, { incident: { incident_severity: written }, delivery: { chats } }))
      const card = await expectTold(incident, [])
      const shown = view(world, card, world.people.zhang)
      if (written === 'P1' || written === 'fatal') expect(shown.markdown).toContain(written)
      const lanes = (outTrackId: string) =>
        readDatabase(world, 'select deliver_lane from cards where out_track_id = ?', outTrackId)
      const warning = await composeAlert(world, { severity: 'Warning' })
      await send(warning.assigned)
      expect(lanes(card)).toEqual(lanes(await expectTold(warning.incident, [])))
      const critical = await composeAlert(world)
      await send(critical.assigned)
      expect(lanes(card)).not.toEqual(lanes(await expectTold(critical.incident, [])))
    },
  )

  test('a severity that is known does not pass the filter of others', async () => {
    const { world } = scene
    const { incident, assigned } = await composeAlert(world, { severity: 'Info', personIds: [] })
    const chats = [inGroup(world.groups.oncall, { severities: ['CRITICAL', 'warning'] })]
    await send(changed(assigned, { delivery: { chats } }))
    const records = await settledRecords(world, incident)
    expect(records).toMatchObject([{ status: 'skipped', reason_code: 'SEVERITY_FILTERED' }])
    expect(cardsOf(world, incident)).toEqual([])
  })

  test('is the same event without an id of its own, in whatever order its keys come', async () => {
    const { world } = scene
    const { incident, assigned } = await composeAlert(world)
    const nameless = changed(assigned, { event_id: undefined })
    expect((await send(nameless)).body).toMatchObject({ duplicate: false })
    await expectTold(incident, [])
    const reversed = (value: unknown): unknown =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(
            Object.entries(value)
              .toReversed()
              .map(([key, inner]) => [key, reversed(inner)]),
          )
        : value
    expect((await send(reversed(nameless))).body).toMatchObject({ duplicate: true })
    const { event_id: id } = (await recordsOf(world, incident))[0] ?? {}
    expect(id).toEqual(expect.stringMatching(/\S/))
    // A later one is another event.
    const next = changed(assigned, { event_id: undefined, event_type: 'i_comm', event_time: assigned.event_time + 1 })
    expect((await send(next)).body).toMatchObject({ duplicate: false })
    const ids = await eventually('both are on record', async () => {
      const all = new Set((await settledRecords(world, incident)).map(({ event_id: one }) => one))
      return all.size === 2 && all
    })
    expect([...ids]).toContain(id)
  })
})

describe('what was left out is said', () => {
  test('by the CLI, in the records and in the log, whichever way the body comes', async () => {
    const { world } = scene
    const { incident, assigned } = await composeAlert(world)
    const file = join(folder, 'odd.json')
    const body = changed(assigned, { incident: { closer: 'x' }, delivery: { person_ids: [1.5], locale: 'fr' } })
    await writeFile(file, JSON.stringify(body))
    const { code, out } = await world.cli('deliver', file)
    expect(code).toBe(0)
    const paths = ['incident.closer', 'delivery.person_ids.0', 'delivery.locale']
    for (const path of paths) expect(out).toMatch(new RegExp(`^Left out: ${path.replaceAll('.', '\\.')}: \\w`, 'm'))
    await expectTold(incident, paths)
    const printed = await listRecords(world, '--incident', incident.incident_id)
    for (const { detail } of printed) for (const path of paths) expect(detail).toContain(path)
    expect(readInPart(incident)).toMatchObject([
      { level: 'warn', ignored: expect.arrayContaining([expect.objectContaining({ path: 'incident.closer' })]) },
    ])
  })

  test('nothing is said of a body of Flashduty’s own', async () => {
    const { incident, assigned } = await composeAlert(scene.world)
    expect((await send(assigned)).body).toEqual({ accepted: true, duplicate: false, ignored: [] })
    await expectTold(incident, [])
  })

  test('of a thousand parts a few are named, and the rest is counted', async () => {
    const { incident, assigned } = await composeAlert(scene.world)
    const answer = await send(changed(assigned, { delivery: { person_ids: Array.from({ length: 1_000 }, () => 'x') } }))
    expect(leftOutOf(answer).length).toBeLessThanOrEqual(21)
    expect(JSON.stringify(answer.body)).toContain('98')
    await theCardOf(scene.world, incident)
    await settledRecords(scene.world, incident)
  })
})

describe('what is known of an incident stays where an event makes no sense', () => {
  type Known = Record<string, unknown>
  const stored = (incident: Incident): { rev: number; known: Known } => {
    const query = 'select rev, snapshot from incidents where incident_id = ?'
    const [row] = readDatabase<{ rev: number; snapshot: string }>(scene.world, query, incident.incident_id)
    return { rev: row?.rev ?? 0, known: JSON.parse(row?.snapshot ?? '{}') as Known }
  }

  const odd: [field: string, value: unknown][] = [
    ['responders', '张三'],
    ['responders', [{ person_id: 'x' }]],
    ['responders', [7]],
    ['labels', 'env=prod'],
    ['labels', { env: {} }],
    ['description', {}],
    ['title', ['x']],
    ['title', undefined],
    ['title', '{{incident.title}}'],
    ['title', null],
    ['num', {}],
    ['num', undefined],
    ['incident_severity', {}],
    ['incident_severity', undefined],
    ['progress', 'Open'],
    ['progress', undefined],
    ['progress', '{{incident.progress}}'],
    ['start_time', 'x'],
    ['start_time', undefined],
    ['channel_id', 'x'],
    ['channel_id', undefined],
    ['channel_name', undefined],
    ['detail_url', []],
    ['detail_url', undefined],
    ['account_locale', {}],
    ['account_time_zone', undefined],
    ['ack_time', 'x'],
    ['snoozed_before', []],
    ['alert_cnt', 'x'],
    ['assigned_to', 7],
    ['closer', 7],
    ['fields', 7],
  ]

  test('in an event whose parts are odd one by one', async () => {
    const { world } = scene
    const { incident, assigned } = await composeAlert(world, { description: '说明' })
    const acked = { progress: 'Processing', ack_time: assigned.incident['start_time'], alert_cnt: 3 }
    await send(changed(assigned, { incident: { ...acked, fields: { host: 'db-01' } } }))
    const card = await expectTold(incident, [])
    await everybodySees(world, card, '处理中')
    let last = followUp(assigned, { event_type: 'i_comm' })
    const before = stored(incident)
    for (const [field, value] of odd) {
      last = followUp(last, {})
      const body = changed(last, { incident: { ...acked, fields: { host: 'db-01' }, [field]: value } })
      await endedJob(world, await enqueue(world, body))
      const { rev, known } = stored(incident)
      expect({ field, rev, value: known[field] }).toEqual({ field, rev: before.rev + 1, value: before.known[field] })
      before.rev = rev
    }
    expect(view(world, card, world.people.zhang).title).toContain('处理中')
    await settledRecords(world, incident)
  })

  test('unreadable responders of an i_ack vanish neither from the card nor from the page', async () => {
    const { world } = scene
    const { control } = world.dingtalk
    const { zhang, li } = world.people
    // Linked without a key, and in no group that is told: only answering for the incident opens its page.
    const user = control.createUser({ name: '赵六' })
    const member = world.flashduty.control.createMember({ member_name: '赵六' })
    const link = ['--dingtalk-user', user.userId, '--member', String(member.member_id)]
    expect(await world.cli('links', 'add', ...link)).toMatchObject({ code: 0 })
    const { incident, assigned } = await composeAlert(world, {
      personIds: [],
      responderIds: [zhang.member.member_id, member.member_id],
    })
    await send(assigned)
    const card = await expectTold(incident, [])
    const visitor = await logIn(scene, { user })
    const page = async () => textOf((await visitor.get(`${pathOfPages(scene)}/incident/${incident.incident_id}`)).text)
    expect(await page()).toContain('怪异的告警')
    let last = assigned
    for (const responders of ['赵六', [{ person_id: '赵六' }], 7, [{}]]) {
      last = followUp(last, { event_type: 'i_ack', incident: { progress: 'Processing' } })
      await endedJob(world, await enqueue(world, changed(last, { incident: { responders } })))
      await everybodySees(world, card, '处理中')
      await settledRecords(world, incident)
      expect(view(world, card, li).markdown).toContain('赵六')
      expect(view(world, card, li).markdown).toContain('张三')
      expect(await page()).toContain('怪异的告警')
      expect(await page()).toContain('赵六')
    }
  })

  test.each<[what: string, make: (incident: Incident) => unknown]>([
    ['a label that is a number', (info) => ({ ...info, labels: { env: 7 } })],
    ['a label that is an object', (info) => ({ ...info, labels: { env: {}, host: 'db-01' } })],
    ['labels that are a list', (info) => ({ ...info, labels: [{ env: 'prod' }] })],
    ['responders that are a text', (info) => ({ ...info, responders: '张三' })],
    ['responders without numbers', (info) => ({ ...info, responders: [{ person_name: '张三' }] })],
    ['no title', (info) => ({ ...info, title: undefined })],
    ['times in milliseconds', (info) => ({ ...info, updated_at: info.updated_at * 1_000, start_time: 'x' })],
    ['a severity of its own', (info) => ({ ...info, incident_severity: 'P1' })],
    ['a closer that is an empty object', (info) => ({ ...info, closer: {}, images: 7, fields: [], alert_cnt: '1' })],
    ['no time', (info) => ({ ...info, updated_at: undefined })],
    ['a time of the year 2100', (info) => ({ ...info, updated_at: 4_102_444_800 })],
  ])('a press changes the card though Flashduty answers with %s', async (_what, alter) => {
    const { world } = scene
    const { zhang } = world.people
    const { incident, assigned } = await composeAlert(world)
    await send(assigned)
    const card = await expectTold(incident, [])
    world.flashduty.control.alterInfo((info) => (info.incident_id === incident.incident_id ? alter(info) : info))
    // The event of the press must not be what changes the card.
    const kept = world.flashduty.control.holdEvents()
    try {
      expect(answerOf(await press(world, card, zhang, '认领')).title).toContain('处理中')
      await everybodySees(world, card, '处理中')
      expect(view(world, card, zhang).title).toContain('怪异的告警')
      expect(view(world, card, zhang).markdown).toContain('李四')
    } finally {
      await kept.release()
    }
    // What comes after it still counts.
    world.flashduty.control.alterInfo()
    await world.flashduty.control.act(incident.incident_id, 'resolve', zhang.member.member_id)
    await everybodySees(world, card, '已关闭')
    await settledRecords(world, incident)
  })
})

describe('targets that nobody can read', () => {
  type Outcome = [kind: string, target: string, status: string, reason: string | null]
  async function outcomes(incident: Incident): Promise<Outcome[]> {
    const records = await settledRecords(scene.world, incident)
    return records
      .filter(({ event_type: type }) => type === 'i_assign')
      .map((row): Outcome => [row.kind, row.target_id, row.status, row.reason_code])
      .sort()
  }
  const told = (): Outcome => ['group', scene.world.groups.oncall.openConversationId, 'success', null]

  test('are a record each, and the others are told', async () => {
    const { world } = scene
    const { li } = world.people
    const { incident, assigned } = await composeAlert(world)
    const chats = [{}, inGroup(world.groups.oncall), 7, { chat_id: {} }]
    await send(changed(assigned, { delivery: { chats, person_ids: ['张三', li.member.member_id, 1.5] } }))
    await theCardOf(world, incident)
    const seen = await outcomes(incident)
    expect(seen).toContainEqual(told())
    expect(seen).toContainEqual(['person', li.user.userId, 'success', null])
    const unreadable = seen.filter(([, , , reason]) => reason === 'TARGET_UNREADABLE')
    expect(unreadable.map(([, , status]) => status)).toEqual(Array.from({ length: 5 }, () => 'failed'))
    expect(seen).toHaveLength(7)
    const [row] = (await recordsOf(world, incident)).filter(({ reason_code: why }) => why === 'TARGET_UNREADABLE')
    expect(row?.failed_reason).toMatch(/\p{Script=Han}/u)
    expect(row?.detail).toMatch(/delivery\.(chats|person_ids)\.\d/)
  })

  test.each<[what: string, delivery: () => Record<string, unknown>]>([
    ['an id of a group', () => ({ chats: undefined, chat_ids: ['', oncallId()] })],
    ['a number of a member', () => ({ person_ids: [' ', scene.world.people.li.member.member_id] })],
  ])('%s that is blank is absent, and no target', async (_what, delivery) => {
    const { incident, assigned } = await composeAlert(scene.world)
    const answer = await send(changed(assigned, { delivery: delivery() }))
    await theCardOf(scene.world, incident)
    expect(leftOutOf(answer)).toEqual([])
    const seen = await outcomes(incident)
    expect(seen).toContainEqual(told())
    expect(seen.filter(([, , status]) => status !== 'success')).toEqual([])
  })

  test.each<[what: string, delivery: unknown]>([
    ['a list of groups that is a flag', { chats: true }],
    ['a list of groups in which nothing can be read', { chats: [{}, 7] }],
    ['ids of groups that are cut off', { chat_ids: '["cidA' }],
    ['a delivery that is a text', 'everybody'],
    ['a delivery that is a number', 7],
    ['a delivery that is a placeholder', '{{delivery}}'],
  ])('%s: the routes stand in', async (_what, delivery) => {
    const { world } = scene
    const { channel_id: channelId } = world.flashduty.control.createChannel('路由')
    const group = ['--group', world.groups.oncall.openConversationId]
    expect(await world.cli('routes', 'add', '--channel', String(channelId), ...group)).toMatchObject({ code: 0 })
    const { incident, assigned } = await composeAlert(world, { channelId, personIds: [], responderIds: [] })
    const body = { ...assigned, delivery }
    if (typeof delivery === 'object') body.delivery = { integration_id: DATA_SOURCE_ID, ...delivery }
    await send(body)
    await theCardOf(world, incident)
    expect(await outcomes(incident)).toContainEqual(told())
  })

  test('the escalation rule stands in where it can be asked for', async () => {
    const { world } = scene
    const { control } = world.flashduty
    const owner = control.createMember({ member_name: '账户主体' })
    await changeIntegration(scene, '--flashduty-key', owner.app_key)
    onTestFinished(() => changeIntegration(scene, '--flashduty-key', ''))
    const { channel_id: channelId } = control.createChannel('有策略')
    const settings = { data_source_id: DATA_SOURCE_ID, chat_ids: [world.groups.oncall.openConversationId] }
    control.setRule(channelId, [{ webhooks: [{ type: 'dingtalk_app', settings }] }])
    const { incident, assigned } = await composeAlert(world, { channelId, personIds: [], responderIds: [] })
    await send(changed(assigned, { delivery: { chats: [{}, []], chat_ids: undefined } }))
    await theCardOf(world, incident)
    expect(await outcomes(incident)).toContainEqual(told())
  })

  test.each(['mine', {}, [], true, -1, 1.5, ''])(
    'an integration called %j is not the default one',
    async (integrationId) => {
      const { world } = scene
      const { incident, assigned } = await composeAlert(world)
      await send(changed(assigned, { delivery: { integration_id: integrationId } }))
      const records = await settledRecords(world, incident)
      expect(records).toMatchObject([{ status: 'failed', reason_code: 'INTEGRATION_NOT_FOUND' }])
      expect(cardsOf(world, incident)).toEqual([])
      // Corrected and sent again, the alert arrives.
      await send(assigned)
      await theCardOf(world, incident)
      await settledRecords(world, incident)
    },
  )
})

describe('too much', () => {
  test('of targets: people first, then groups in their order, and one record with the count of the others', async () => {
    const { world } = scene
    const { oncall, platform } = world.groups
    const { zhang, li } = world.people
    const { incident, assigned } = await composeAlert(world)
    const chats = [
      inGroup(oncall),
      ...Array.from({ length: 600 }, (_, index) => ({ chat_id: `cidNobody${index}==` })),
      inGroup(platform),
    ]
    const people = [zhang.member.member_id, li.member.member_id, 424_242]
    const answer = await send(changed(assigned, { delivery: { chats, person_ids: people } }))
    expect(answer.status).toBe(200)
    await theCardOf(world, incident)
    const records = await eventually('all are settled', async () => {
      const rows = await settledRecords(world, incident)
      return rows.length > 500 && rows
    })
    const of = (reason: string | null) => records.filter(({ reason_code: why }) => why === reason)
    expect(
      of(null)
        .map(({ target_id: id }) => id)
        .sort(),
    ).toEqual([oncall.openConversationId, zhang.user.userId, li.user.userId].sort())
    expect(of('NOT_LINKED')).toHaveLength(1)
    const absent = of('COOL_APP_NOT_INSTALLED').map(({ target_id: id }) => id)
    expect(absent.sort()).toEqual(Array.from({ length: 496 }, (_, index) => `cidNobody${index}==`).sort())
    const beyond = of('OVER_LIMIT')
    expect(beyond).toHaveLength(1)
    expect(beyond[0]?.status).toBe('failed')
    // 602 groups and 3 people are 105 more than 500.
    expect(beyond[0]?.detail).toContain('105')
    expect(records).toHaveLength(501)
  })

  test('of people: groups come after them', async () => {
    const { world } = scene
    const { incident, assigned } = await composeAlert(world)
    const people = [...Array.from({ length: 499 }, (_, index) => index + 1), 7, 8]
    const chats = [inGroup(world.groups.oncall), inGroup(world.groups.platform)]
    await send(changed(assigned, { delivery: { chats, person_ids: people } }))
    await theCardOf(world, incident)
    const records = await settledRecords(world, incident)
    expect(records.filter(({ reason_code: why }) => why === 'NOT_LINKED')).toHaveLength(499)
    expect(records.filter(({ status }) => status === 'success').map(({ target_id: id }) => id)).toEqual([
      world.groups.oncall.openConversationId,
    ])
    expect(records.filter(({ reason_code: why }) => why === 'OVER_LIMIT')).toMatchObject([
      { detail: expect.stringMatching(/^1 /) },
    ])
  })

  test('of a job is one failed record, and whoever waits behind it is told', async () => {
    const { world } = scene
    const resume = await pauseJobs(world)
    const large = await composeAlert(world)
    const small = await composeAlert(world)
    const jobs: string[] = []
    try {
      const body = changed(large.assigned, { incident: { description: '字'.repeat(400_000) } })
      jobs.push(await enqueue(world, body), await enqueue(world, small.assigned))
    } finally {
      await resume()
    }
    await expectTold(small.incident, [])
    expect(await endedJob(world, jobs[0] ?? '')).toMatchObject({ state: 'failed', attemptsMade: 1 })
    expect(await recordsOf(world, large.incident)).toMatchObject([
      { kind: 'job', status: 'failed', reason_code: 'INVALID_PAYLOAD', detail: expect.stringContaining('(body)') },
    ])
    expect(cardsOf(world, large.incident)).toEqual([])
  })

  test.each<[what: string, where: string]>([
    ['in the body', '{'],
    ['in the incident', '"incident":{'],
    ['in the labels', '"labels":{'],
    ['in the delivery', '"delivery":{'],
  ])('of levels %s: the part is left out, by every door', async (_what, where) => {
    const { world } = scene
    for (const brackets of BRACKETS) {
      const posted = await composeAlert(world)
      const answer = await send(nested(posted.assigned, where, brackets))
      expect(answer).toMatchObject({ status: 200, body: { accepted: true } })
      const said = leftOutOf(answer).map(({ path }) => path)
      expect(said).toContainEqual(expect.stringContaining('deep'))
      expect(said.filter((path) => !path.includes('deep'))).toEqual([])
      await theCardOf(world, posted.incident)
      await settledRecords(world, posted.incident)

      const queued = await composeAlert(world)
      await endedJob(world, await enqueueText(world, nested(queued.assigned, where, brackets)))
      await expectTold(queued.incident, ['deep'])
    }
  })

  test('of levels in what is posted is said in the records and the log as well', async () => {
    const { world } = scene
    const { incident, assigned } = await composeAlert(world)
    await send(nested(assigned, '{', ['[', ']']))
    await expectTold(incident, ['deep'])
  })

  const BRACKETS: [open: string, close: string][] = [
    ['[', ']'],
    ['{"a":', '}'],
  ]

  /** Some 200,000 levels, within the limit of size. */
  function nested(body: unknown, where: string, [open, close]: [string, string]): string {
    const levels = open.length === 1 ? 200_000 : 150_000
    const deep = `"deep":${open.repeat(levels)}1${close.repeat(levels)},`
    return JSON.stringify(body).replace(where, () => `${where}${deep}`)
  }
})

test('after all of that another group is told as ever', async () => {
  const { world } = scene
  const { control } = world.dingtalk
  const group = control.createGroup({ title: '最后的群', memberUserIds: [world.people.li.user.userId] })
  await install(world, [group])
  const { incident, assigned } = await composeAlert(world, { chats: [inGroup(group)], personIds: [] })
  await send(assigned)
  const card = await theCardOf(world, incident)
  expect(Object.keys(control.placementsOf(card))).toEqual([group.openConversationId])
  await settledRecords(world, incident)
})

afterAll(() => {
  expectSilence(scene.world, scene.app.lines, { errors: ['delivery-refused'] })
})
