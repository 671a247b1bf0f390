import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { CardForgery } from '../sandbox/dingtalk/types.ts'
import { readDatabase } from '../support/database.ts'
import { isCardDue } from '../support/due.ts'
import { eventually } from '../support/eventually.ts'
import { chooseHttpMode, eventUrlOf, lead, localEventUrl } from '../support/http-door.ts'
import {
  changeIntegration,
  actsOn,
  answerOf,
  callsFor,
  cardsOf,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  install,
  openScene,
  press,
  recordsOf,
  type Scene,
  settledRecords,
  theCardOf,
  view,
} from '../support/journey.ts'
import { readyz } from '../support/readyz.ts'
import { bootApp } from '../support/world.ts'

let scene: Scene
let firstTurn: Awaited<ReturnType<typeof turnForTheFirstTime>>
beforeAll(async () => {
  scene = await openScene({ overrides: { cardRoute: { retryMinMs: 100, retryMaxMs: 200 } } })
  lead(scene.world, scene.app)
  firstTurn = await turnForTheFirstTime()
})
afterAll(async () => {
  expectSilence(scene.world, scene.app.lines, { errors: ['card-route-unregistered', 'quota-used'] })
  await scene.close()
})

const set = (...flags: string[]) => changeIntegration(scene, ...flags)
const show = async () => {
  const shown = await scene.world.cli('integration', 'show', scene.world.integrationId, '--json')
  return JSON.parse(shown.out) as { events: object; stream: string; cards: object }
}
const registrations = () => scene.world.dingtalk.journal.requests('callbacks/register')
/** As the card was made in the end. */
const callbackTypeOf = (card: string) =>
  (callsFor(scene.world, 'createAndDeliver', card).at(-1)?.body as { callbackType: string } | undefined)?.callbackType
const inBoth = () => Object.values(scene.world.groups).map((group) => inGroup(group))

const isRegistered = async () => (await show()).cards as { registered?: boolean }

/** From the Stream to HTTP while DingTalk does not let the address for presses be registered yet; what was seen then. */
async function turnForTheFirstTime() {
  const { world, app } = scene
  const { control } = world.dingtalk
  const change = (...fields: string[]) => world.cli('integration', 'set', world.integrationId, ...fields)
  const refused = [await change('--stream', 'off'), await change('--events', 'carrier-pigeon')]
  await chooseHttpMode(world)
  const code = 'Forbidden.AccessDenied.AccessTokenPermissionDenied'
  const eventUrl = await eventUrlOf(world)
  const callbackKey = new URL(eventUrl).searchParams.get('integration_key') ?? ''
  // As a platform may, it repeats what it was sent.
  const message = `no: ${eventUrl.replace('/event/', '/card/')} (${callbackKey})`
  const effect = { kind: 'answer', status: 403, body: { code, message, requestid: 'R-1' } } as const
  control.addFault({ api: 'callbacks/register', times: 1_000, effect })
  await set('--events', 'http', '--stream', 'off')
  await eventually('the trouble is told', async () => {
    const { notes } = await readyz(app.url)
    return notes.some((note) => note.includes('the address for presses is not registered: APP_PERMISSION_MISSING'))
  })
  const { cards } = await show()
  const told = JSON.stringify([await readyz(app.url), cards, app.lines])
  control.clearFaults()
  await eventually('it is registered', async () => {
    const { status, notes } = await readyz(app.url)
    return status === 200 && !notes.some((note) => note.includes('presses'))
  })
  const secrets = new Set(registrations().map(({ body }) => (body as { apiSecret: string }).apiSecret)).size
  return { refused, callbackKey, cards, told, secrets }
}

/** The console's mode, the way of events and that of presses, whatever they were before. */
async function goHttp(): Promise<void> {
  if ((await show()).stream === 'off') return
  await chooseHttpMode(scene.world)
  await set('--events', 'http', '--stream', 'off')
  await eventually('presses have an address', async () => (await isRegistered()).registered === true)
}

async function goStream(): Promise<void> {
  if ((await show()).stream !== 'off') return
  const { control } = scene.world.dingtalk
  control.updateApp(scene.world.dingtalkApp.clientId, { eventMode: 'STREAM' })
  await set('--events', 'stream', '--stream', 'on')
  await eventually('it is connected', () => control.connections(scene.world.dingtalkApp.clientId).length === 2)
}

describe('an installation without a Stream', () => {
  beforeAll(goHttp)

  test('has no way for events without HTTP, and is told so', () => {
    const [noWay, wrong] = firstTurn.refused
    expect([noWay?.code, noWay?.err]).toEqual([2, expect.stringContaining('--events http')])
    expect([wrong?.code, wrong?.err]).toEqual([2, expect.stringContaining('--events <stream|http>')])
  })

  test('says in readyz that presses have no address yet, and registers it as soon as DingTalk lets it', async () => {
    const { world, app } = scene
    expect(firstTurn.cards).toMatchObject({ registered: false })
    // Anybody may read readyz.
    expect(firstTurn.callbackKey).toMatch(/^[0-9a-f]{32}$/)
    expect(firstTurn.told).not.toContain(firstTurn.callbackKey)
    expect(await show()).toMatchObject({
      events: { mode: 'http' },
      stream: 'off',
      cards: { callbackType: 'HTTP', registered: true, problem: null },
    })
    const secrets = registrations().map(({ body }) => (body as { apiSecret: string }).apiSecret)
    expect(new Set(secrets.map((secret) => secret.length))).toEqual(new Set([64]))
    expect(firstTurn.secrets).toBe(1)
    expect(registrations().at(-1)?.body).toMatchObject({
      callbackRouteKey: `fd-${world.integrationId}`,
      forceUpdate: false,
    })
    for (const secret of secrets) expect(JSON.stringify(app.lines)).not.toContain(secret)
  })

  test('is ready, with no connection, and says when something last came', async () => {
    const { world, app } = scene
    const { control } = world.dingtalk
    await goHttp()
    await eventually('the Stream is gone', () => control.connections(world.dingtalkApp.clientId).length === 0)
    const eventId = control.renameGroup(world.groups.oncall.openConversationId, '值班群（HTTP）')
    expect(await control.eventSettled(eventId)).toBe('success')
    const { status, missing, notes } = await readyz(app.url)
    expect([status, missing]).toEqual([200, {}])
    expect(notes.join()).toMatch(/events by HTTP: last push at 20\d\d-/)
    const metrics = await (await fetch(`${app.url}/metrics`)).text()
    expect(metrics).toMatch(/last_push_timestamp_seconds\{integration="\w+",door="http-event"\} 1\.?\d+/)
    const page = await (await fetch(await localEventUrl(world, app))).text()
    expect(page).toContain('未使用（HTTP 模式）')
  })

  test('has had the cards of open incidents made anew once: the old one says so, the new one calls back by HTTP', async () => {
    const { world } = scene
    await goStream()
    const first = await fire(world, { chats: inBoth(), personIds: [world.people.li.member.member_id] })
    const streamCard = await theCardOf(world, first)
    await settledRecords(world, first)
    await goHttp()
    const httpCard = await eventually('a card in its place', () =>
      cardsOf(world, first).find((card) => card !== streamCard),
    )
    await everybodySees(world, httpCard, '待处理')
    await eventually('the old one says so', () => view(world, streamCard, world.people.li).tips.includes('见新消息'))
    expect([callbackTypeOf(streamCard), callbackTypeOf(httpCard)]).toEqual(['STREAM', 'HTTP'])
    const places = (card: string) => world.dingtalk.control.placementsOf(card)
    expect(Object.keys(places(httpCard)).sort()).toEqual(Object.keys(places(streamCard)).sort())

    expect(answerOf(await press(world, httpCard, world.people.li, '认领')).title).toContain('处理中')
    await everybodySees(world, httpCard, '处理中')
    expect(actsOn(world, first, 'ack')).toHaveLength(1)
  })

  test('makes HTTP cards, on which a press is seen by everybody', async () => {
    const { world } = scene
    const { li, wang } = world.people
    const incident = await fire(world, { chats: inBoth() })
    const card = await theCardOf(world, incident)
    await settledRecords(world, incident)
    expect(callsFor(world, 'createAndDeliver', card)[0]?.body).toMatchObject({
      callbackType: 'HTTP',
      callbackRouteKey: `fd-${world.integrationId}`,
    })
    world.dingtalk.control.updateApp(world.dingtalkApp.clientId, { cardField: 'value' })
    const answered = await press(world, card, li, '认领')
    world.dingtalk.control.updateApp(world.dingtalkApp.clientId, { cardField: 'content' })
    expect(answerOf(answered).title).toContain('处理中')
    await everybodySees(world, card, '处理中')
    expect(answerOf(await press(world, card, wang, '关闭')).tips).toContain('关联')
    expect(actsOn(world, incident).map(({ path }) => path)).toEqual(['/incident/ack'])
    await settledRecords(world, incident)
  })
})

describe('a callback', () => {
  beforeAll(goHttp)

  const forge = (card: string, text: string, forgery?: CardForgery) => {
    const { world } = scene
    const button = view(world, card, world.people.li).buttons.find((one) => one.text === text && 'id' in one)
    return world.dingtalk.control.press({
      outTrackId: card,
      userId: world.people.li.user.userId,
      buttonId: (button as { id: string } | undefined)?.id ?? 'ack~1',
      force: true,
      ...(forgery ? { forgery } : {}),
    })
  }
  const refusedSince = (line: number) =>
    scene.app.lines
      .slice(line)
      .filter(({ msg }) => msg === 'card-push-refused')
      .map(({ why }) => why)
  const newCard = async () => {
    const incident = await fire(scene.world, { chats: [inGroup(scene.world.groups.oncall)] })
    const card = await theCardOf(scene.world, incident)
    await settledRecords(scene.world, incident)
    return { incident, card }
  }

  test.each<[CardForgery, string]>([
    ['bad-signature', 'wrong'],
    ['unsigned', 'missing'],
    ['late', 'out-of-window'],
  ])('that is %s does nothing', async (forgery, why) => {
    const { incident, card } = await newCard()
    const line = scene.app.lines.length
    expect(await forge(card, '认领', forgery)).toMatchObject({ outcome: 'failed', reason: 'HTTP 403' })
    expect(refusedSince(line)).toEqual([why])
    expect(actsOn(scene.world, incident)).toEqual([])
    expect((await recordsOf(scene.world, incident)).filter(({ kind }) => kind === 'action')).toEqual([])
  })

  test('too large does nothing', async () => {
    const { incident, card } = await newCard()
    expect((await forge(card, '认领', 'huge')).outcome).toBe('failed')
    expect(actsOn(scene.world, incident)).toEqual([])
  })

  test('once more is the same press and gets the same answer, also from another process after a restart', async () => {
    const { world } = scene
    const { incident, card } = await newCard()
    const first = await forge(card, '认领')
    const again = await forge(card, '认领', 'replay')
    if (first.outcome === 'failed' || again.outcome === 'failed') throw new Error('a press failed')
    expect(again.response).toEqual(first.response)
    await everybodySees(world, card, '处理中')

    await eventually('the answer is kept', () =>
      readDatabase<{ answer: string | null }>(world, 'SELECT answer FROM card_callbacks').every(({ answer }) => answer),
    )
    const other = await bootApp(world, { watchMs: 200 })
    try {
      lead(world, other)
      const elsewhere = await forge(card, '认领', 'replay')
      expect(elsewhere.outcome === 'answered' && elsewhere.response).toEqual(first.response)
      expect(await forge(card, '关闭', 'replay-with-another-body')).toMatchObject({ reason: 'HTTP 403' })
    } finally {
      lead(world, scene.app)
      await other.stop()
    }
    expect(actsOn(world, incident).map(({ path }) => path)).toEqual(['/incident/ack'])
    const presses = (await recordsOf(world, incident)).filter(({ kind }) => kind === 'action')
    expect(presses).toMatchObject([{ status: 'success', duplicates: 0 }])
  })

  test('with another body under a used signature does nothing', async () => {
    const { world } = scene
    const { incident, card } = await newCard()
    const line = scene.app.lines.length
    expect((await forge(card, '认领')).outcome).toBe('answered')
    await everybodySees(world, card, '处理中')
    expect(await forge(card, '关闭', 'replay-with-another-body')).toMatchObject({ reason: 'HTTP 403' })
    expect(refusedSince(line)).toEqual(['replayed with another body'])
    expect(actsOn(world, incident).map(({ path }) => path)).toEqual(['/incident/ack'])
  })
})

describe('back to the Stream', () => {
  beforeAll(goHttp)

  test('cards are made anew once more, those that wait or come late are of it, and a restart does nothing', async () => {
    const { world } = scene
    const { control } = world.dingtalk
    const incident = await fire(world, { chats: [inGroup(world.groups.platform)] })
    const httpCard = await theCardOf(world, incident)
    await settledRecords(world, incident)
    const memberUserIds = Object.values(world.people).map((person) => person.user.userId)
    const lateGroup = control.createGroup({ title: '后装群', memberUserIds })
    const code = 'Forbidden.AccessDenied.QpsLimitForApi'
    const effect = { kind: 'answer', status: 403, body: { code, message: code, requestid: 'R-1' } } as const
    control.addFault({ api: 'createAndDeliver', times: 1_000, effect })
    const waiting = await fire(world, { chats: [inGroup(world.groups.oncall), inGroup(lateGroup)] })
    await eventually('it waits', async () => (await recordsOf(world, waiting)).length >= 2)

    await goStream()
    // Usually it is the same card. One that DingTalk is being asked for at this moment gives way to another.
    const [turned] = await eventually('the waiting card is of the other kind', () => {
      const live = readDatabase<{ name: string; audience: string }>(
        world,
        'SELECT out_track_id AS name, audience FROM cards WHERE frozen = 0 AND incident_id = ?',
        waiting.incident_id,
      )
      return live.length > 0 && live.every(({ audience }) => audience.includes('"STREAM"')) && live
    })
    control.clearFaults()
    // The one that it gave way to may be there as well, if DingTalk was being asked for it just then.
    const waited = await eventually('the card that waited', () =>
      cardsOf(world, waiting).find((card) => card === turned?.name),
    )
    expect(callbackTypeOf(waited)).toBe('STREAM')
    await install(world, [lateGroup])
    const late = await eventually('a card for the group that came late', () =>
      cardsOf(world, waiting).find((card) => lateGroup.openConversationId in control.placementsOf(card)),
    )
    expect(late).not.toBe(waited)
    expect(callbackTypeOf(late)).toBe('STREAM')
    const streamCard = await eventually('a card in its place', () =>
      cardsOf(world, incident).find((card) => card !== httpCard),
    )
    expect(callbackTypeOf(streamCard)).toBe('STREAM')
    // The old one still works, though it was told to give way.
    await eventually('the old one says so', () => view(world, httpCard, world.people.li).tips.includes('见新消息'))
    expect(answerOf(await press(world, streamCard, world.people.li, '认领')).title).toContain('处理中')
    await everybodySees(world, streamCard, '处理中')
    await settledRecords(world, incident)

    // Cards of earlier incidents are made anew too.
    await eventually('all that is due is done', () => !isCardDue(world))
    const known = control.cards().length
    const creates = world.dingtalk.journal.requests('createAndDeliver').length
    await set('--name', '换个名字')
    expect(control.cards()).toHaveLength(known)
    expect(world.dingtalk.journal.requests('createAndDeliver')).toHaveLength(creates)
  })
})
