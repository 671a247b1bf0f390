import type { RenderedCard } from '../sandbox/dingtalk/types.ts'
import type { Incident } from '../sandbox/flashduty/types.ts'
import {
  faceOf,
  isNewer,
  mayHaveLedSince,
  type ModelIncident,
  newestOf,
  passesSeverity,
  type Reference,
  standingOf,
  type Taken,
  takenOf,
  toldOf,
} from './reference.ts'
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

/**
 * At quiet: what people see and what the records say is what was handed over.
 * @param all whether everything was that was not lost
 * @throws with all that is wrong
 */
export function checkLaws(model: Reference, stage: Stage, all: boolean): void {
  const wrong: string[] = []
  for (const incident of model.incidents.values()) {
    const before = wrong.length
    const complain = (law: string, what: string): void =>
      void wrong.push(`${law}: ${what} (incident ${incident.id}, #${stage.incident(incident.id).num})`)
    const placed = checkInstances(stage, incident, complain)
    checkMessages(incident, placed, complain)
    checkFaces(model, stage, incident, { placed, all }, complain)
    checkOrder(stage, incident, placed, complain)
    checkRecords(model, stage, incident, placed, complain)
    checkPresses(stage, incident, complain)
    checkNotices(stage, incident, complain)
    if (wrong.length > before) wrong.push(storyOf(incident))
  }
  checkGroups(model, stage, wrong)
  if (wrong.length > 0) throw new Error(wrong.slice(0, 12).join('\n'))
}

/** What was handed over of the incident, in that order, with what it says of its time. */
function storyOf(incident: ModelIncident): string {
  const story = takenOf(incident).map(({ event, batch, lastBatch, handovers, span }) => {
    const told = `updated ${event.incident.updated_at ?? '?'}, at ${event.event_time ?? '?'}`
    const place = span.timeless ? ` = ${span.lo.join('.')} to ${span.hi.join('.')}` : ''
    return `${event.event_type} ${event.event_id.slice(0, 6)} (batch ${batch}, ${handovers}× to ${lastBatch}; ${told}${place})`
  })
  const forgotten = incident.forgotten > 0 ? `; what was stored gave way after batch ${incident.forgotten}` : ''
  return `   handed over: ${story.join(', ')}; ${incident.pressed} presses${forgotten}`
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
  const named = takenOf(incident).flatMap((taken) => [...taken.named.keys(), ...taken.shown.keys()])
  for (const { messages } of placed)
    for (const name of messages.keys())
      if (!named.includes(name)) complain('law 4', `${name} got a message though no event named them`)
}

/** Law 3: every live placement shows the newest state that its audience lets through. */
function checkFaces(
  model: Reference,
  stage: Stage,
  incident: ModelIncident,
  { placed, all }: { placed: Placed[]; all: boolean },
  complain: Complain,
): void {
  const truth = faceOf(stage.incident(incident.id))
  const isOrderly = toldOf(incident).every(({ event }) => !model.tampered.has(event.event_id))
  // What happened last is what counts as the newest, as long as nobody has touched a time.
  const isKnown = all && isOrderly && incident.forgotten === 0
  for (const card of placed) {
    const filter = (JSON.parse(card.row.audience) as { replyEventTypes: string[] }).replyEventTypes
    const faces = [
      ...(isKnown ? [truth] : []),
      ...(isKnown && filter.length === 0 ? [] : allowedFaces(stage, incident, filter)),
    ]
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
          `${viewer} sees ${shown}\n   but it is  ${[...new Set(faces)].join('\n          or  ')} (${card.row.out_track_id}, ${names.join(', ')}; ${filter.join(' ') || 'all events'})`,
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
  const standing = standingOf(incident)
  const allowed = standing.filter(({ event }) => filter.length === 0 || filter.includes(event.event_type))
  // Nothing that the filter lets through has come since what was stored gave way.
  const states = allowed.length === 0 ? toldOf(incident) : standing
  const shown = states.filter((one) => !allowed.some((other) => isNewer(other, one)))
  return [
    ...shown.map(({ event, span }) => faceOf(event.incident, span.hi[0])),
    ...infosSince(stage, incident, newestOf(allowed)).map((info) => faceOf(info)),
  ]
}

/** What the daemon was told when it asked, and may have counted as newer than one of these. */
function infosSince(stage: Stage, incident: ModelIncident, newest: Taken[]): Incident[] {
  return infosOf(stage, incident).flatMap(({ at, info }) => {
    // Of the same second it takes the place of what was stored when it was asked for, and so stands where that did.
    const places = toldOf(incident).filter(
      ({ span, fromMs }) => span.lo[0] <= info.updated_at && info.updated_at <= span.hi[0] && at >= fromMs,
    )
    const isSince = (one: Taken): boolean =>
      info.updated_at > one.span.lo[0] || places.some((place) => !isNewer(one, place))
    return newest.length === 0 || newest.some(isSince) ? [info] : []
  })
}

/** What the daemon was told of the incident when it asked. */
function infosOf(stage: Stage, incident: ModelIncident): { at: number; info: Incident }[] {
  if (incident.pressed === 0) return []
  return stage.world.flashduty.control
    .requests()
    .filter(({ path, status }) => path === '/incident/info' && status === 200)
    .map(({ at, answer }) => ({ at, info: (answer as { data: Incident }).data }))
    .filter(({ info }) => info.incident_id === incident.id)
}

function shownFace(view: RenderedCard): string {
  const head = view.title.replace(/^\S+ /, '').replace(/至 (\d\d-\d\d )?\d\d:\d\d/, '')
  const [word = '', name = ''] = head.split(' · ')
  const fact = (label: string): string =>
    new RegExp(`\\*\\*${label}\\*\\*：(.*)`).exec(view.markdown)?.[1]?.replaceAll(/<[^<>]*>/g, '') ?? ''
  const buttons = view.buttons.flatMap((button) => ('id' in button ? [button.text] : []))
  const title = name.replaceAll(/\[[^\]]+\] /g, '')
  return `${word} · ${title} | ${fact('严重程度')} | ${fact('处理人')} | ${buttons.join(' ')}`
}

/** Law 3: without unknown outcomes and presses, no older state after a newer one. Titles tell which it may be. */
function checkOrder(stage: Stage, incident: ModelIncident, placed: Placed[], complain: Complain): void {
  if (incident.pressed > 0 || incident.forgotten > 0) return
  const titled = (title: string): Taken[] => toldOf(incident).filter(({ event }) => event.incident.title === title)
  for (const { row, doubtful } of placed) {
    const id = row.out_track_id
    const lostUpdate = stage.requests.some(
      ({ api, status, body }) =>
        api === 'updateCard' && (status === 0 || status >= 500) && (body as { outTrackId?: string }).outTrackId === id,
    )
    if (doubtful || lostUpdate) continue
    const latest = new Map<string, string>()
    for (const { outTrackId, userId, card } of stage.views) {
      if (outTrackId !== id) continue
      const title = /第\d+版/.exec(card.title)?.[0]
      const before = latest.get(userId)
      if (title === undefined) continue
      latest.set(userId, title)
      if (before === undefined || before === title) continue
      const isBack = titled(before).every((one) => titled(title).every((other) => isNewer(one, other)))
      if (isBack) complain('law 3', `${id} went back from ${before} to ${title}`)
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
  const everNamed = new Set(takenOf(incident).flatMap(({ named, shown }) => [...named.keys(), ...shown.keys()]))
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
        // Repeated after what was stored gave way it may be the newest again, and be news where it was none.
        const isNewsAgain = incident.forgotten > 0 && handovers > 1
        if (mine.length > 1 && !isNewsAgain) complain('law 6', `${what} has a record for nobody beside others`)
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
      const why = judge(model, stage, incident, taken, name, record, placed)
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
  stage: Stage,
  incident: ModelIncident,
  taken: Taken,
  name: string,
  record: RecordRow,
  placed: Placed[],
): string | undefined {
  const { ask, named, shown } = taken
  const all = takenOf(incident)
  const has = (key?: string): boolean =>
    placed.some(({ row, messages }) => messages.has(name) && (key === undefined || row.notification_key === key))
  const isOn = (card: string | null): boolean =>
    placed.some(({ row, messages }) => row.out_track_id === card && messages.has(name))
  const prospect = named.get(name) ?? shown.get(name)
  const closed = wasEverClosed(stage, incident)
  switch (record.reason_code ?? record.status) {
    case 'success':
    case 'updated':
      // The robot may have left while the card was on its way there: it was brought up to date all the same.
      if (record.status === 'updated' && model.uninstalledOnce.has(name)) return undefined
      // Of two notifications of which nothing had left, the newer one's card does for both.
      return has(ask.kind === 'again' && record.effect === 'create' ? ask.key : undefined) || isOn(record.out_track_id)
        ? undefined
        : 'nothing is there'
    case 'DELIVERED_UNCONFIRMED':
      return has() ? undefined : 'nothing is there'
    case 'ALREADY_CLOSED':
      return closed ? undefined : 'it never was closed'
    case 'SEVERITY_FILTERED':
      return prospect === 'filtered' ? undefined : 'the severity passes, or they were not there'
    case 'NOT_LINKED':
    case 'COOL_APP_NOT_INSTALLED':
      // Whom it shows may have been told of when it came once more.
      return prospect === 'absent' || prospect === 'filtered and absent' || (shown.has(name) && taken.handovers > 1)
        ? undefined
        : 'they were there'
    case 'ROBOT_NOT_IN_CHAT':
      return model.uninstalledOnce.has(name) ? undefined : 'the robot never left'
    case 'SUPERSEDED':
      return all.some((other) => other.ask.kind === 'again' && other.named.has(name))
        ? undefined
        : 'nothing replaced it'
    case 'STALE_EVENT':
      return mayBeStale(stage, incident, taken) ? undefined : 'nothing newer was there'
    case 'EVENT_FILTERED':
      return has() || closed || model.uninstalledOnce.has(name) ? undefined : 'no card could have shown it'
    default:
      return 'no reason that can be'
  }
}

/** Whether something that came before it, or with it, may have been the newer one. */
function mayBeStale(stage: Stage, incident: ModelIncident, taken: Taken): boolean {
  // It counts as newer than whatever there was.
  if (taken.span.timeless) return false
  const [second, ms] = taken.span.hi
  return (
    toldOf(incident).some(
      (other) =>
        other !== taken && other.batch <= taken.batch && other.lastBatch > taken.forgotten && !isNewer(taken, other),
    ) ||
    infosOf(stage, incident).some(({ info: { updated_at: at } }) => at > second || (at === second && at * 1_000 > ms))
  )
}

function isClosed({ progress }: Incident): boolean {
  return progress === 'Closed'
}

function wasEverClosed(stage: Stage, incident: ModelIncident): boolean {
  return (
    toldOf(incident).some(({ event }) => isClosed(event.incident)) ||
    infosOf(stage, incident).some(({ info }) => isClosed(info))
  )
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
  for (const name of new Set(all.flatMap(({ named }) => [...named.keys()]))) {
    const prospects = new Set(all.flatMap(({ named }) => named.get(name) ?? []))
    const wanted = prospects.has('reachable') || prospects.has('absent')
    const got = placed.some(({ messages }) => messages.has(name))
    if (!wanted) checkFiltered(model, stage, incident, { name, got }, complain)
    else if (!got && isThere(model, name) && !wasEverClosed(stage, incident)) {
      complain('law 7', `${name} was never told`)
    }
  }
}

/** They can be told now, and no delivery can have failed because they could not. */
function isThere(model: Reference, name: string): boolean {
  return (model.linked.has(name) || model.installed.has(name)) && !model.uninstalledOnce.has(name)
}

/**
 * A group that no event was severe enough for has the card if the incident has become so, and only then. What it was in
 * between may have been seen, or not.
 */
function checkFiltered(
  model: Reference,
  stage: Stage,
  incident: ModelIncident,
  { name, got }: { name: string; got: boolean },
  complain: Complain,
): void {
  const namings = takenOf(incident).filter(({ named }) => named.has(name))
  const infos = infosOf(stage, incident).map(({ info }) => info)
  const passes = (one: Incident) => (naming: Taken) => passesSeverity(naming.severities.get(name) ?? [], one)
  const since = (naming: Taken): Incident[] => [
    ...toldOf(incident)
      .filter((one) => mayHaveLedSince(incident, one, naming))
      .map(({ event }) => event.incident),
    ...infos,
  ]
  const records = stage.records(incident.id).filter((one) => one.kind === 'group' && nameOfRecord(stage, one) === name)
  const turned = records.filter(({ event_id: id, status }) =>
    namings.some(({ event }) => event.event_id === id && (status === 'success' || status === 'updated')),
  )
  if (got) {
    const couldGet = namings.some((naming) => since(naming).some((one) => passes(one)(naming)))
    if (!couldGet) complain('law 4', `${name} got a card though the incident was never as severe as they ask`)
    if (turned.length === 0 && !model.uninstalledOnce.has(name)) {
      complain('law 6', `${name} has the card that the severity kept from them, and no record says so`)
    }
    return
  }
  const newest = newestOf(standingOf(incident))
  const last = [...newest.map(({ event }) => event.incident), ...infosSince(stage, incident, newest)]
  // One that comes while it is closed is not remembered, and closing forgets; of several the last counts.
  const remembered = namings.filter((naming) => !since(naming).some(isClosed))
  const sinceBatch = Math.max(...remembered.map(({ batch }) => batch))
  const counting = namings.filter(({ batch }) => batch >= sinceBatch)
  const isSevere = last.every((one) => !isClosed(one) && counting.every((naming) => passes(one)(naming)))
  if (remembered.length > 0 && isSevere && isThere(model, name)) {
    complain('law 7', `${name} was never told though the incident is as severe as they ask now`)
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
