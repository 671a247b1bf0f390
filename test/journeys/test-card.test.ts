import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import { isTestIncident } from '../../src/domain/test-card.ts'
import { AI_TEMPLATE } from '../sandbox/dingtalk/card-templates.ts'
import type { PressManner } from '../sandbox/dingtalk/types.ts'
import { runCommand, startCommand } from '../support/command.ts'
import { readDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import {
  answerOf,
  bootImpatient,
  buttonTexts,
  changeIntegration,
  expectSilence,
  listRecords,
  useScene,
  view,
} from '../support/journey.ts'
import { lead } from '../support/http-door.ts'
import { logIn, pathOfPages } from '../support/pages.ts'
import type { Person } from '../support/world.ts'

/** `test-card`: the real command beside the running daemon, from the queue to the press and back. */

const scene = useScene()
const SEEN = '确认收到'

let known: Set<string>
beforeAll(() => (known = new Set()))
afterEach(() => scene.world.dingtalk.control.clearFaults())
afterAll(() => {
  // Nothing of it was ever asked of Flashduty, told it, or left open.
  const { world, app } = scene
  const asked = world.flashduty.control.requests().map(({ body }) => JSON.stringify(body))
  expect(asked.filter((body) => body.includes('fffffffffd7e57'))).toEqual([])
  const { control } = world.dingtalk
  for (const card of control.cards()) {
    const views = Object.values(world.people).map(({ user }) => control.view(card, user.userId))
    expect(views.flatMap((seen) => seen?.buttons ?? [])).toEqual([])
  }
  expectSilence(world, app.lines, { errors: ['card-create-failed'] })
})

const start = (...args: string[]) => startCommand(scene.world.env, ['test-card', ...args])
const group = () => ['--group', scene.world.groups.oncall.openConversationId]

/** The card of the test that was started last. */
async function newCard(person: Person): Promise<string> {
  const { control } = scene.world.dingtalk
  const card = await eventually('the test card is there', () =>
    control.cards().find((one) => !known.has(one) && control.view(one, person.user.userId) !== undefined),
  )
  known.add(card)
  return card
}

function pressAs(person: Person, card: string, manner?: PressManner) {
  const button = view(scene.world, card, person).buttons.find((one) => one.text === SEEN)
  if (!button || !('id' in button)) throw new Error('no button')
  const pressed = { outTrackId: card, userId: person.user.userId, buttonId: button.id }
  return scene.world.dingtalk.control.press({ ...pressed, ...(manner ? { manner } : {}) })
}

async function shownTests() {
  const { world } = scene
  const { out } = await runCommand(world.env, ['integration', 'show', world.integrationId, '--json'])
  return (JSON.parse(out) as { testCards: Record<string, unknown>[] }).testCards
}

describe('a test card in a group', () => {
  test.each<[PressManner, string, string]>([
    ['own-id', 'own-id', 'the button’s own id (actionIds)'],
    ['node', 'params.id', 'params.id'],
    ['node-text', 'params.text', 'params.text'],
    ['index', 'index', 'place in a loop'],
    ['beside', 'beside', 'beside cardPrivateData'],
  ])('is pressed in the manner %s, answered and closed', async (manner, name, words) => {
    const { world } = scene
    const { wang, li } = world.people
    const running = start(...group())
    // 王五 never linked: no account is needed.
    const card = await newCard(wang)
    expect(isTestIncident(card.split('-')[1] ?? '')).toBe(true)
    expect(view(world, card, wang).title).toContain('测试卡片 / Test card')
    expect(buttonTexts(view(world, card, li))).toEqual([SEEN])
    const answer = answerOf(await pressAs(wang, card, manner))
    expect(answer.title).toContain('已关闭')
    expect(answer.tips).toContain('确认收到')
    expect(answer.buttons).toEqual([])
    const { code, out, err } = await running.done
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const legs = ['taken from the queue', 'created by the template public', 'delivered to the group', 'pressed by']
    for (const word of [...legs, 'over the Stream connection', words, 'answered', 'repainted', 'Passed']) {
      expect(out).toContain(word)
    }
    expect(buttonTexts(view(world, card, li))).toEqual([])
    expect((await shownTests())[0]).toMatchObject({
      kind: 'group',
      name: world.groups.oncall.title,
      outcome: 'passed',
      door: 'stream',
      manner: name,
      pressedBy: wang.user.userId,
    })
  })

  test('is told apart from one that nobody pressed', async () => {
    const { world } = scene
    const running = start(...group(), '--wait', '20')
    const card = await newCard(world.people.li)
    const { code, out, err } = await running.done
    expect(code).toBe(1)
    expect(out).toContain('delivered to the group')
    expect(out).toContain('The card is closed')
    expect(err).toContain('Nobody pressed the button within 20 s')
    expect(err).toContain(`integration set ${world.integrationId} --template-id ai-markdown`)
    expect(buttonTexts(view(world, card, world.people.li))).toEqual([])
    expect((await shownTests())[0]).toMatchObject({ outcome: 'not-pressed', manner: null })
  })

  test('is one at a time, and closed when whoever waits for it goes away', async () => {
    const { world } = scene
    const running = start(...group())
    const card = await newCard(world.people.li)
    const second = await runCommand(world.env, ['test-card', ...group()])
    expect(second).toMatchObject({ code: 1, out: '' })
    expect(second.err).toContain('A test card is under way there until')
    running.stop('SIGINT')
    const { code, out, err } = await running.done
    expect(code).toBe(1)
    expect(out).toContain('The card is closed')
    expect(err).toContain('Stopped')
    expect(buttonTexts(view(world, card, world.people.li))).toEqual([])
  })

  test('is closed by the daemon when the command is killed', async () => {
    const { world } = scene
    const { li } = world.people
    const running = start(...group(), '--wait', '20')
    const card = await newCard(li)
    running.stop('SIGKILL')
    await running.done
    await eventually('it has no button any more', () => view(world, card, li).buttons.length === 0)
    expect(view(world, card, li).tips).toContain('无人按下按钮')
    expect((await shownTests())[0]).toMatchObject({ outcome: 'stopped' })
  })

  test('is made by the template that is chosen', async () => {
    const { world } = scene
    const { li } = world.people
    await changeIntegration(scene, '--template-id', 'ai-markdown')
    const running = start(...group())
    const card = await newCard(li)
    expect(view(world, card, li).cardTemplateId).toBe(AI_TEMPLATE)
    await pressAs(li, card)
    const { code, out } = await running.done
    expect(code).toBe(0)
    expect(out).toContain('created by the template ai-markdown')
    expect((await shownTests())[0]).toMatchObject({ outcome: 'passed', template: 'ai-markdown' })
    await changeIntegration(scene, '--template-id', '')
  })

  test('says what a press was that names no button, and goes on waiting', async () => {
    const { world } = scene
    const { li } = world.people
    const running = start(...group())
    const card = await newCard(li)
    const odd = { outTrackId: card, userId: li.user.userId, buttonId: 'layout_node', force: true }
    expect(answerOf(await world.dingtalk.control.press(odd)).tips).toContain('按钮已失效')
    await eventually('it is noted', async () => (await shownTests())[0]?.['manner'] === 'unreadable')
    await pressAs(li, card)
    const { code, out } = await running.done
    expect(code).toBe(0)
    expect(out).toContain('nothing that names the button')
    expect(out).toContain('Passed')
  })
})

/** Neither among the incidents nor among the records, nor as a page of its own. */
async function expectNotAtHome(person: Person, card: string): Promise<void> {
  const visitor = await logIn(scene, person)
  const incidentId = card.split('-')[1] ?? ''
  const home = await visitor.get(`${pathOfPages(scene)}/`)
  expect(home.status).toBe(200)
  for (const word of [incidentId, '测试卡片']) expect(home.text).not.toContain(word)
  const { text } = await visitor.get(`${pathOfPages(scene)}/incident/${incidentId}`)
  expect(text).not.toContain('测试卡片')
}

describe('a test card for a person', () => {
  test.each(['zhang', 'wang'] as const)('reaches %s, linked or not, and no page or number tells of it', async (who) => {
    const { world } = scene
    const person = world.people[who]
    const running = start('--user', person.user.userId)
    const card = await newCard(person)
    await expectNotAtHome(person, card)
    const metrics = await (await fetch(`${scene.app.url}/metrics`)).text()
    expect(metrics).toMatch(/results_due 0\b/)
    await pressAs(person, card)
    const { code, out } = await running.done
    expect(code).toBe(0)
    expect(out).toContain('delivered to the user')
    await expectNotAtHome(person, card)
    expect(readDatabase(world, 'select * from results')).toEqual([])
    const records = await listRecords(world, '--incident', card.split('-')[1] ?? '')
    expect(records.map(({ kind, status }) => [kind, status]).sort()).toEqual([
      ['action', 'success'],
      ['person', 'success'],
    ])
  })

  test('is told apart from one for somebody whom DingTalk does not know', async () => {
    const { world } = scene
    const { code, err } = await runCommand(world.env, ['test-card', '--user', 'nobody-at-all'])
    expect(code).toBe(1)
    expect(err).toContain('The card was not delivered')
    expect(err).toContain('visible range')
    expect((await shownTests())[0]).toMatchObject({ kind: 'person', outcome: 'not-delivered' })
  })

  test('is told apart from one that DingTalk refuses, with the reason and what to do', async () => {
    const { world } = scene
    world.dingtalk.control.refuse('createAndDeliver', 'scope-missing')
    const { code, out, err } = await runCommand(world.env, ['test-card', '--user', world.people.zhang.user.userId])
    expect(code).toBe(1)
    expect(out).toContain('taken from the queue')
    expect(err).toContain('应用缺少权限')
    expect(err).toContain('Card.Instance.Write')
    expect((await shownTests())[0]).toMatchObject({ outcome: 'not-delivered', reason: 'APP_PERMISSION_MISSING' })
  })
})

test('a group that nobody knows is refused before anything is sent', async () => {
  const before = scene.world.dingtalk.control.cards().length
  const { code, out, err } = await runCommand(scene.world.env, ['test-card', '--group', 'cid-nobody'])
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toContain('groups --all')
  expect(scene.world.dingtalk.control.cards()).toHaveLength(before)
  expect((await runCommand(scene.world.env, ['test-card'])).code).toBe(2)
})

test('a press over HTTP is told from one over the Stream', async () => {
  const { world, app } = scene
  const { li } = world.people
  lead(world, app)
  await changeIntegration(scene, '--events', 'http', '--stream', 'off')
  await eventually('the address for presses is registered', async () => {
    const { out } = await runCommand(world.env, ['integration', 'show', world.integrationId, '--json'])
    return (JSON.parse(out) as { cards: { registered: boolean | null } }).cards.registered === true
  })
  const running = start(...group())
  const card = await newCard(li)
  await pressAs(li, card)
  const { code, out } = await running.done
  expect(code).toBe(0)
  expect(out).toContain('received over HTTP push')
  expect((await shownTests())[0]).toMatchObject({ outcome: 'passed', door: 'http' })
})

test('a daemon that was away meanwhile closes the card when it is back', async () => {
  const { world, app } = scene
  const { li } = world.people
  const running = start(...group(), '--wait', '20')
  const card = await newCard(li)
  running.stop('SIGKILL')
  await running.done
  await app.stop()
  const later = await bootImpatient(world)
  await eventually('it has no button any more', () => view(world, card, li).buttons.length === 0)
  await later.stop()
})

/** The last of them: nothing runs any more after it. */
test('without a daemon it says so, and leaves nothing behind', async () => {
  const { world } = scene
  const { code, out, err } = await runCommand(world.env, ['test-card', ...group(), '--wait', '2'])
  expect(code).toBe(1)
  expect(out).toContain('No card is left behind')
  expect(err).toContain('Nobody took the job from the queue')
  expect((await shownTests())[0]).toMatchObject({ outcome: 'not-taken' })
  // Started later, the daemon finds a test that is over.
  const later = await bootImpatient(world)
  await eventually('the job is taken', () =>
    later.lines.some(({ msg, incidentId }) => msg === 'delivery-accepted' && isTestIncident(String(incidentId))),
  )
  const made = later.lines.filter(({ msg }) => msg === 'card-created')
  await later.stop()
  expect(made).toEqual([])
})
