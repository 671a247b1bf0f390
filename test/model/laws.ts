import type { RenderedCard } from '../sandbox/dingtalk/types.ts'
import type { Incident } from '../sandbox/flashduty/types.ts'
import { byVersion, faceOf, type ModelIncident, type Reference, type Taken, takenOf } from './reference.ts'
import { type CardRow, GROUPS, PEOPLE, type RecordRow, type Stage } from './stage.ts'

const SUPERSEDED = '已更新，请见新消息'

/** What a card in DingTalk is known by. */
type Placed = {
  row: CardRow
  /** Messages that show it, by the name of the group or person. */
  messages: Map<string, number>
  /** DingTalk never said what became of a call that puts it somewhere. */
  doubtful: boolean
}

/** At quiet: what people see and what the records say is what was handed over. @throws with all that is wrong */
export function checkLaws(model: Reference, stage: Stage): void {
  const wrong: string[] = []
  for (const incident of model.incidents.values()) {
    const before = wrong.length
    const complain = (law: string, what: string): void =>
      void wrong.push(`${law}: ${what} (incident ${incident.id}, #${stage.incident(incident.id).num})`)
    const placed = checkInstances(stage, incident, complain)
    checkMessages(incident, placed, complain)
    checkFaces(stage, incident, placed, complain)
    checkOrder(stage, incident, placed, complain)
    checkRecords(model, stage, incident, placed, complain)
    checkPresses(stage, incident, complain)
    checkNotices(stage, incident, complain)
    if (wrong.length > before) wrong.push(storyOf(incident))
  }
  checkGroups(model, stage, wrong)
  if (wrong.length > 0) throw new Error(wrong.slice(0, 12).join('\n'))
}

/** What was handed over of the incident, in that order; the number is that of the event among them by version. */
function storyOf(incident: ModelIncident): string {
  const taken = takenOf(incident)
  const sorted = taken.map(({ event }) => event).sort(byVersion)
  const story = taken.map(
    ({ event, batch, handovers }) =>
      `${event.event_type} ${event.event_id.slice(0, 6)} v${sorted.indexOf(event) + 1} (batch ${batch}, ${handovers}×)`,
  )
  return `   handed over: ${story.join(', ')}; ${incident.pressed} presses`
}

type Complain = (law: string, what: string) => void

/** Law 4. */
function checkInstances(stage: Stage, incident: ModelIncident, complain: Complain): Placed[] {
  const { control } = stage.world.dingtalk
  const rows = new Map(stage.cards(incident.id).map((row) => [row.out_track_id, row]))
  const placed = control
    .cards()
    .filter((id) => id.includes(incident.id))
    .flatMap((id): Placed[] => {
      const row = rows.get(id)
      if (!row) complain('law 4', `nobody planned the card ${id}`)
      const counts = Object.entries(control.placementsOf(id))
      const messages = new Map(counts.map(([chat, count]) => [stage.nameOfChat(chat), count]))
      return row ? [{ row, messages, doubtful: isDoubtful(stage, id) }] : []
    })
  const keys = new Set(['first', ...takenOf(incident).flatMap(({ ask }) => (ask.kind === 'again' ? [ask.key] : []))])
  for (const [index, { row }] of placed.entries()) {
    const { notification_key: key, audience_key: audience, replacement } = row
    if (!keys.has(key)) complain('law 4', `no event asked for the notification ${key}`)
    const same = placed
      .slice(0, index)
      .filter(({ row: other }) => other.notification_key === key && other.audience_key === audience)
    // A further one may only take the place of one that is never touched again.
    const twin = same.find((other) => other.row.replacement === replacement || !isFrozen(stage, other))
    if (twin) complain('law 4', `two cards of ${key} × ${audience}: ${twin.row.out_track_id}, ${row.out_track_id}`)
  }
  return placed
}

function isFrozen(stage: Stage, { row }: Placed): boolean {
  const views = PEOPLE.map((name) =>
    stage.world.dingtalk.control.view(row.out_track_id, stage.person(name).user.userId),
  )
  return views.every(
    (view) => view === undefined || view.tips === SUPERSEDED || !view.buttons.some((one) => 'id' in one),
  )
}

function isDoubtful(stage: Stage, outTrackId: string): boolean {
  return (
    stage.hasGivenUp(outTrackId) ||
    stage.requests.some(
      ({ api, status, body }) =>
        (api === 'createAndDeliver' || api === 'deliver') &&
        (status === 0 || status >= 500) &&
        (body as { outTrackId?: string }).outTrackId === outTrackId,
    )
  )
}

/** Nobody gets a message twice: not on one card, and not on two cards of one notification. */
function checkMessages(incident: ModelIncident, placed: Placed[], complain: Complain): void {
  const got = new Map<string, number>()
  for (const { row, messages, doubtful } of placed) {
    for (const [name, count] of messages) {
      const key = `${row.notification_key} for ${name}`
      const times = (doubtful ? 1 : count) + (got.get(key) ?? 0)
      got.set(key, times)
      if (times > 1) complain('law 4', `${times} messages of ${key}`)
    }
  }
  const named = takenOf(incident).flatMap((taken) => [...taken.named.keys()])
  for (const { messages } of placed)
    for (const name of messages.keys())
      if (!named.includes(name)) complain('law 4', `${name} got a message though no event named them`)
}

/** Law 3: every live placement shows the newest state that its audience lets through. */
function checkFaces(stage: Stage, incident: ModelIncident, placed: Placed[], complain: Complain): void {
  const truth = faceOf(stage.incident(incident.id))
  for (const card of placed) {
    const filter = (JSON.parse(card.row.audience) as { replyEventTypes: string[] }).replyEventTypes
    const faces = filter.length === 0 ? [truth] : [truth, ...allowedFaces(stage, incident, filter)]
    const names = [...card.messages.keys()]
    const mayBeFrozen = names.every((name) => wasToldAgain(incident, placed, card, name))
    const mustBeLive = names.some((name) => !wasToldAgain(incident, placed, card, name))
    for (const viewer of PEOPLE) {
      const view = stage.world.dingtalk.control.view(card.row.out_track_id, stage.person(viewer).user.userId)
      if (!view) continue
      // The answer to a press may lie over the last sentence of a frozen card.
      const looksFrozen = view.tips === SUPERSEDED || !view.buttons.some((button) => 'id' in button)
      if (looksFrozen && mayBeFrozen) continue
      if (view.tips === SUPERSEDED && mustBeLive) {
        complain('law 3', `${card.row.out_track_id} says 见新消息 though not all of ${names.join(', ')} have one`)
        continue
      }
      const shown = shownFace(view)
      if (!faces.includes(shown)) {
        complain(
          'law 3',
          `${viewer} sees ${shown}\n   but it is  ${truth} (${card.row.out_track_id}, ${names.join(', ')}; ${filter.join(' ') || 'all events'})`,
        )
      }
    }
  }
}

/** A newer card was meant for them too, whether or not it could be put there. */
function wasToldAgain(incident: ModelIncident, placed: Placed[], card: Placed, name: string): boolean {
  const newer = placed.some(({ row, messages }) => row.generation > card.row.generation && messages.has(name))
  const meant = takenOf(incident).some(
    ({ ask, named }) => ask.kind === 'again' && ask.key !== card.row.notification_key && named.has(name),
  )
  return newer || meant
}

/** States from the last event on that the filter lets through: an update shows the newest state there is. */
function allowedFaces(stage: Stage, incident: ModelIncident, filter: string[]): string[] {
  const events = takenOf(incident).map(({ event }) => event)
  const last = events
    .filter((event) => filter.includes(event.event_type))
    .sort(byVersion)
    .at(-1)
  const later = stage.built.filter(
    (event) => event.incident.incident_id === incident.id && (!last || byVersion(event, last) >= 0),
  )
  return [...later.map((event) => event.incident), ...infosOf(stage, incident)].map(faceOf)
}

/** What the daemon was told of the incident when it asked. */
function infosOf(stage: Stage, incident: ModelIncident): Incident[] {
  if (incident.pressed === 0) return []
  return stage.world.flashduty.control
    .requests()
    .filter(({ path, status }) => path === '/incident/info' && status === 200)
    .map(({ answer }) => (answer as { data: Incident }).data)
    .filter((info) => info.incident_id === incident.id)
}

function shownFace(view: RenderedCard): string {
  const head = view.title.replace(/^\S+ /, '').replace(/至 (\d\d-\d\d )?\d\d:\d\d/, '')
  const [word = '', name = ''] = head.split(' · ')
  const fact = (label: string): string => new RegExp(`\\*\\*${label}\\*\\*：(.*)`).exec(view.markdown)?.[1] ?? ''
  const buttons = view.buttons.flatMap((button) => ('id' in button ? [button.text] : []))
  const title = name.replaceAll(/\[[^\]]+\] /g, '')
  return `${word} · ${title} | ${fact('严重程度')} | ${fact('处理人')} | ${buttons.join(' ')}`
}

/** Law 3: without unknown outcomes and presses, no older state after a newer one. Titles count their versions. */
function checkOrder(stage: Stage, incident: ModelIncident, placed: Placed[], complain: Complain): void {
  if (incident.pressed > 0) return
  for (const { row, doubtful } of placed) {
    const id = row.out_track_id
    const lostUpdate = stage.requests.some(
      ({ api, status, body }) =>
        api === 'updateCard' && (status === 0 || status >= 500) && (body as { outTrackId?: string }).outTrackId === id,
    )
    if (doubtful || lostUpdate) continue
    const latest = new Map<string, number>()
    for (const { outTrackId, userId, card } of stage.views) {
      if (outTrackId !== id) continue
      const version = Number(/第(\d+)版/.exec(card.title)?.[1] ?? 0)
      if (version < (latest.get(userId) ?? 0)) complain('law 3', `${id} went back to 第${version}版`)
      latest.set(userId, version)
    }
  }
}

/** Laws 6 and 7. */
function checkRecords(
  model: Reference,
  stage: Stage,
  incident: ModelIncident,
  placed: Placed[],
  complain: Complain,
): void {
  const records = stage.records(incident.id)
  const everNamed = new Set(takenOf(incident).flatMap(({ named }) => [...named.keys()]))
  for (const taken of takenOf(incident)) {
    const { event, handovers, named } = taken
    const what = `${event.event_type} ${event.event_id.slice(0, 6)}`
    const mine = records.filter(({ event_id: id, kind }) => id === event.event_id && kind !== 'action')
    const byName = new Map<string, RecordRow>()
    if (mine.length === 0) complain('law 6', `${what} has no record`)
    for (const record of mine) {
      if (record.duplicates >= handovers)
        complain('law 6', `${what} was handed over ${handovers} times, not ${record.duplicates + 1}`)
      if (record.kind === 'none') {
        if (mine.length > 1) complain('law 6', `${what} has a record for nobody beside others`)
        continue
      }
      const name = nameOfRecord(stage, record)
      const other = byName.get(name)
      // Whoever was unlinked is two targets: the member who cannot be reached, and the chat that has the card.
      if (other && (other.reason_code === 'NOT_LINKED') === (record.reason_code === 'NOT_LINKED')) {
        complain('law 6', `${what} has two records for ${name}`)
      }
      byName.set(name, record)
      if (!everNamed.has(name)) complain('law 6', `${what} has a record for ${name}, whom nothing names`)
      const why = judge(model, incident, taken, name, record, placed)
      if (why) complain('law 6', `${what} for ${name} is ${record.status} ${record.reason_code ?? ''}: ${why}`)
    }
    for (const name of named.keys()) if (!byName.has(name)) complain('law 6', `${what} has no record for ${name}`)
  }
  checkLateJoiners(model, stage, incident, placed, complain)
}

function nameOfRecord(stage: Stage, { kind, target_id: id }: RecordRow): string {
  if (kind === 'group') return stage.nameOf({ chatId: id })
  return stage.nameOf(id.startsWith('member:') ? { memberId: Number(id.slice(7)) } : { userId: id })
}

/** @returns what is wrong with the outcome; undefined when it is one that can be */
function judge(
  model: Reference,
  incident: ModelIncident,
  taken: Taken,
  name: string,
  record: RecordRow,
  placed: Placed[],
): string | undefined {
  const { event, ask, named } = taken
  const all = takenOf(incident)
  const has = (key?: string): boolean =>
    placed.some(({ row, messages }) => messages.has(name) && (key === undefined || row.notification_key === key))
  const prospect = named.get(name)
  const closed = incident.pressed > 0 || all.some((other) => other.event.incident.progress === 'Closed')
  const newest = all.every((other) => byVersion(other.event, event) <= 0)
  switch (record.reason_code ?? record.status) {
    case 'success':
    case 'updated':
      return has(ask.kind === 'again' && record.effect === 'create' ? ask.key : undefined)
        ? undefined
        : 'nothing is there'
    case 'ALREADY_CLOSED':
      return closed ? undefined : 'it never was closed'
    case 'SEVERITY_FILTERED':
      return prospect === 'filtered' ? undefined : 'the severity passes'
    case 'NOT_LINKED':
    case 'COOL_APP_NOT_INSTALLED':
      return prospect === 'absent' || prospect === 'filtered and absent' ? undefined : 'they were there'
    case 'ROBOT_NOT_IN_CHAT':
      return model.uninstalledOnce.has(name) ? undefined : 'the robot never left'
    case 'SUPERSEDED':
      return all.some((other) => other.ask.kind === 'again' && other.named.has(name))
        ? undefined
        : 'nothing replaced it'
    case 'STALE_EVENT':
      return newest ? 'it is the newest' : undefined
    case 'EVENT_FILTERED':
      return has() || closed || model.uninstalledOnce.has(name) ? undefined : 'no card could have shown it'
    default:
      return 'no reason that can be'
  }
}

/** Whoever came after the alert and is there now has it, as long as the incident was never closed. */
function checkLateJoiners(
  model: Reference,
  stage: Stage,
  incident: ModelIncident,
  placed: Placed[],
  complain: Complain,
): void {
  const all = takenOf(incident)
  const closed = incident.pressed > 0 || all.some(({ event }) => event.incident.progress === 'Closed')
  if (closed) return
  for (const name of new Set(all.flatMap(({ named }) => [...named.keys()]))) {
    const wanted = all.some(({ named }) => ['reachable', 'absent'].includes(named.get(name) ?? ''))
    const there = model.linked.has(name) || model.installed.has(name)
    const got = placed.some(({ messages }) => messages.has(name))
    if (wanted && there && !got && !model.uninstalledOnce.has(name)) complain('law 7', `${name} was never told`)
  }
}

/** Law 5: a record with its end for every answered press, and no press carried out twice. */
function checkPresses(stage: Stage, incident: ModelIncident, complain: Complain): void {
  const records = stage.records(incident.id).filter(({ kind }) => kind === 'action')
  const counted = records.reduce((sum, { duplicates }) => sum + 1 + duplicates, 0)
  if (counted < incident.answered || counted > incident.pressed) {
    complain('law 5', `${counted} presses are on record, ${incident.answered} were answered`)
  }
  const odd = records.find(({ status }) => status !== 'success' && status !== 'failed')
  if (odd) complain('law 5', `a press ended as ${odd.status}`)
  for (const name of PEOPLE) {
    const { user, member } = stage.person(name)
    const acts = stage.world.flashduty.control
      .requests()
      .filter(({ path, status }) => /^\/incident\/(ack|unack|snooze|wake|resolve)$/.test(path) && status === 200)
      .filter(({ member_id: id, body }) => id === member.member_id && idsOf(body).includes(incident.id))
    const mine = records.filter(({ target_id: id }) => id === user.userId)
    if (acts.length > mine.length) complain('law 5', `${acts.length} acts for ${mine.length} clicks of ${name}`)
  }
}

function idsOf(body: unknown): string[] {
  return (body as { incident_ids?: string[] }).incident_ids ?? []
}

/** A storm is told once to each group. */
function checkNotices(stage: Stage, incident: ModelIncident, complain: Complain): void {
  const storms = takenOf(incident).filter(({ event }) => event.event_type === 'i_storm').length
  const num = `#${stage.incident(incident.id).num} `
  const [someone] = PEOPLE
  const chats = stage.world.dingtalk.control.conversationsOf(stage.person(someone ?? 'zhang').user.userId)
  for (const chat of chats) {
    const said = chat.messages.filter(
      ({ content }) =>
        content.kind === 'robot' &&
        (content.msgParam['content'] ?? '').includes(num) &&
        // A press that failed after 处理中 is told to its presser alone.
        !(content.msgParam['content'] ?? '').includes('未成功'),
    ).length
    if (said > storms) complain('law 4', `${chat.title} was told ${said} times of ${storms} storms`)
  }
}

function checkGroups(model: Reference, stage: Stage, wrong: string[]): void {
  for (const name of GROUPS) {
    const known = stage.title(name)
    const there = model.installed.has(name)
    if (!known) {
      if (there) wrong.push(`group ${name} is not known`)
      continue
    }
    if ((known.status === 'installed') !== there) wrong.push(`group ${name} is ${known.status}`)
    const { title } = stage.world.dingtalk.control.group(stage.groups[name].openConversationId)
    if (known.title !== null && known.title !== title) wrong.push(`group ${name} goes by ${known.title}, not ${title}`)
  }
}
