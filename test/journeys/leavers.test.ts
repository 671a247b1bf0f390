import { afterEach, describe, expect, test, afterAll } from 'vitest'

import type { Incident } from '../sandbox/flashduty/types.ts'
import { readDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { answerOf, expectSilence, fire, inGroup, press, recordsOf, theCardOf, useScene } from '../support/journey.ts'
import { logIn, pathOfPages } from '../support/pages.ts'
import type { VisitorBrowser } from '../support/visitor.ts'
import type { Person } from '../support/world.ts'

const scene = useScene({ overrides: { sweepMs: 300 } })
afterEach(() => {
  control().clearFaults()
  control().updateApp(clientId(), { visibleTo: 'ALL' })
})

const control = () => scene.world.dingtalk.control
const clientId = () => scene.world.dingtalkApp.clientId

let people = 0
async function newColleague(): Promise<Person> {
  const name = `同事${++people}`
  const member = scene.world.flashduty.control.createMember({ member_name: name, email: `${people}@example.com` })
  const person = { user: control().createUser({ name }), member }
  await link(person)
  return person
}

async function link({ user, member }: Person): Promise<void> {
  const who = ['--dingtalk-user', user.userId, '--member', String(member.member_id), '--member-key', member.app_key]
  expect(await scene.world.cli('links', 'add', ...who)).toMatchObject({ code: 0 })
}

/** When the person was found to have left; '' = they are linked. */
async function leftAt({ user }: Person): Promise<string> {
  const printed = await scene.world.cli('links', 'list', '--json')
  const rows = JSON.parse(printed.out) as { dingtalkUser: string; left: string }[]
  const row = rows.find(({ dingtalkUser }) => dingtalkUser === user.userId)
  if (!row) throw new Error(`${user.name} has no link`)
  return row.left
}

const suspended = (person: Person) =>
  eventually(`${person.user.name} is suspended`, async () => (await leftAt(person)) !== '')

const isLoggedIn = async (visitor: VisitorBrowser) =>
  !(await visitor.get(`${pathOfPages(scene)}/`)).text.includes('id="login"')
const loggedOut = (visitor: VisitorBrowser) =>
  eventually('they are logged out', async () => !(await isLoggedIn(visitor)))

async function tell(person: Person): Promise<Incident> {
  return fire(scene.world, { title: `给${person.user.name}`, personIds: [person.member.member_id] })
}

/** Why the person was not told; null = they were. */
async function outcome(incident: Incident, { member }: Person): Promise<string | null> {
  return eventually('the record is settled', async () => {
    const rows = (await recordsOf(scene.world, incident)) as {
      member_id?: number
      status: string
      reason_code: string
    }[]
    const row = rows.find((one) => (one as { member_id?: number }).member_id === member.member_id)
    if (!row || row.status === 'pending' || row.status === 'retrying') return undefined
    return { reason: row.reason_code }
  }).then(({ reason }) => reason)
}

/** The person leaves, and nobody tells the daemon. */
function leaveUnnoticed({ user }: Person): void {
  control().updateApp(clientId(), { eventMode: 'HTTP' })
  control().removeUser(user.userId)
  control().updateApp(clientId(), { eventMode: 'STREAM' })
}

const lookedUp = ({ user }: Person): number =>
  scene.world.dingtalk.journal.requests('user/get').filter(({ body }) => JSON.stringify(body).includes(user.userId))
    .length

describe('whoever leaves', () => {
  test('is linked no more, is told of nothing, and links again on coming back', async () => {
    const person = await newColleague()
    const { oncall } = scene.world.groups
    const visitor = await logIn(scene, person)
    expect(await isLoggedIn(visitor)).toBe(true)
    await control().eventSettled(control().removeUser(person.user.userId))
    await suspended(person)
    await loggedOut(visitor)
    const missed = await tell(person)
    expect(await outcome(missed, person)).toBe('IM_USER_NOT_FOUND')

    control().createUser(person.user)
    await control().eventSettled(control().addMember(oncall.openConversationId, person.user.userId))
    const shared = await fire(scene.world, { chats: [inGroup(oncall)] })
    const card = await theCardOf(scene.world, shared)
    expect(answerOf(await press(scene.world, card, person, '认领')).tips).toContain('未关联应用')

    await link(person)
    expect(await leftAt(person)).toBe('')
    await eventually('what was missed comes', async () => (await outcome(missed, person)) === null)
    expect(answerOf(await press(scene.world, card, person, '认领')).title).toContain('处理中')
  })

  test('is logged out, linked or not, and nobody else is', async () => {
    const [stranger, colleague] = ['路过的', '留下的'].map((name) => control().createUser({ name }))
    if (!stranger || !colleague) throw new Error('nobody there')
    const gone = await logIn(scene, { user: stranger })
    const stays = await logIn(scene, { user: colleague })
    await control().eventSettled(control().removeUser(stranger.userId))
    await loggedOut(gone)
    expect(await isLoggedIn(stays)).toBe(true)
  })

  test('is found out when a message does not reach them, without a call that counts', async () => {
    const person = await newColleague()
    const visitor = await logIn(scene, person)
    leaveUnnoticed(person)
    expect(await outcome(await tell(person), person)).toBe('IM_USER_NOT_FOUND')
    await suspended(person)
    await loggedOut(visitor)
    expect(lookedUp(person)).toBe(1)
    const counted = readDatabase<{ api: string }>(scene.world, 'select distinct api from api_usage')
    expect(counted.filter(({ api }) => api.includes('user'))).toEqual([])
  })

  test('is logged in nowhere though they were never linked, and nobody else is logged out', async () => {
    const user = control().createUser({ name: '从未关联' })
    const { zhang } = scene.world.people
    const [phone, pc, other] = [
      await logIn(scene, { user }),
      await logIn(scene, { user }, { 'user-agent': 'pc' }),
      await logIn(scene, zhang),
    ]
    await control().eventSettled(control().removeUser(user.userId))
    await loggedOut(phone)
    await loggedOut(pc)
    expect(await isLoggedIn(other)).toBe(true)
  })

  test('is believed to have left when the directory may not be read', async () => {
    const person = await newColleague()
    leaveUnnoticed(person)
    // Whoever another test left to be looked for may be asked about as well.
    control().refuse('user/get', 'oapi-scope-missing', 1_000)
    await outcome(await tell(person), person)
    expect(await suspended(person)).toBe(true)
  })

  test('is looked for again while the directory does not answer', async () => {
    const person = await newColleague()
    leaveUnnoticed(person)
    control().refuse('user/get', 'oapi-busy', 1_000)
    await outcome(await tell(person), person)
    await eventually('somebody has asked', () => lookedUp(person) > 0)
    expect(await leftAt(person)).toBe('')
  })
})

describe('whoever is there', () => {
  test('stays linked though a message did not reach them', async () => {
    const person = await newColleague()
    const pages = await logIn(scene, person)
    control().failTarget(person.user.userId, 'spaceId is illegal')
    expect(await outcome(await tell(person), person)).toBe('IM_USER_NOT_FOUND')
    await eventually('somebody has asked', () => lookedUp(person) > 0)
    control().failTarget(person.user.userId, undefined)
    expect(await outcome(await tell(person), person)).toBeNull()
    expect(await leftAt(person)).toBe('')
    expect(await isLoggedIn(pages)).toBe(true)
  })

  test('stays linked outside the app’s visible range', async () => {
    const person = await newColleague()
    const others = Object.values(scene.world.people).map(({ user }) => user.userId)
    control().updateApp(clientId(), { visibleTo: others })
    expect(await outcome(await tell(person), person)).toBe('OUT_OF_SCOPE')
    control().updateApp(clientId(), { visibleTo: 'ALL' })
    expect(await leftAt(person)).toBe('')
  })

  test('stays linked though an event says that they left before they were linked', async () => {
    const person = await newColleague()
    const data = { timeStamp: String(Date.now() - 86_400_000), userId: [person.user.userId] }
    await control().eventSettled(control().pushEvent(clientId(), { eventType: 'user_leave_org', data }))
    await eventually('somebody has asked', () => lookedUp(person) > 0)
    expect(await outcome(await tell(person), person)).toBeNull()
    expect(await leftAt(person)).toBe('')
  })
})

afterAll(() => {
  expectSilence(scene.world, scene.app.lines)
})
