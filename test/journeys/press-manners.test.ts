import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { PressManner } from '../sandbox/dingtalk/types.ts'
import { eventually } from '../support/eventually.ts'
import {
  answerOf,
  changeIntegration,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  openScene,
  recordsOf,
  type Scene,
  settledRecords,
  theCardOf,
  view,
} from '../support/journey.ts'
import { readyz } from '../support/readyz.ts'
import type { Person } from '../support/world.ts'

/** However a press names its button (reference of presses: own id, layout node and parameters, index behind it, text alone). */

const MANNERS: PressManner[] = ['own-id', 'node', 'node-text', 'index', 'beside']
const RESTART = 7_001

let scene: Scene
beforeAll(async () => {
  scene = await openScene()
  scene.world.flashduty.control.setCustomAction({ integrationId: RESTART, name: '重启实例', outcome: 'ok' })
})
afterAll(async () => {
  expectSilence(scene.world, scene.app.lines)
  await scene.close()
})

async function pressAs(manner: PressManner, card: string, { user }: Person, text: string) {
  const { control } = scene.world.dingtalk
  const shown = view(scene.world, card, { user } as Person)
  const button = shown.buttons.find((each) => each.text === text)
  if (!button || !('id' in button)) throw new Error(`no button ${text}`)
  return answerOf(await control.press({ outTrackId: card, userId: user.userId, buttonId: button.id, manner }))
}

async function alertBoth(title: string) {
  const { world } = scene
  const { zhang, li } = world.people
  const incident = await fire(world, {
    title,
    chats: [inGroup(world.groups.oncall)],
    personIds: [zhang.member.member_id, li.member.member_id],
    delivery: { custom_actions: [{ integration_id: RESTART, name: '重启实例' }] },
  })
  await settledRecords(world, incident)
  return { incident, card: await theCardOf(world, incident) }
}

describe.each(['the public template', 'a template of one’s own'])('on %s', (which) => {
  beforeAll(async () => {
    const { control } = scene.world.dingtalk
    const template = which.includes('own') ? control.createTemplate(scene.world.dingtalkApp.clientId) : ''
    await changeIntegration(scene, '--template-id', template)
  })

  test.each(MANNERS)('a press in the manner %s does what its button says', async (manner) => {
    const { world } = scene
    const { li, zhang } = world.people
    const { incident, card } = await alertBoth(`按法 ${manner}`)
    expect((await pressAs(manner, card, li, '刷新')).tips).not.toContain('失效')
    expect((await pressAs(manner, card, zhang, '重启实例')).tips).toContain('执行“重启实例”')
    await eventually('everybody sees it', () => view(world, card, li).tips.includes('重启实例'))
    expect((await pressAs(manner, card, li, '认领')).title).toContain('处理中')
    await everybodySees(world, card, '处理中')
    expect(world.flashduty.control.customRuns().filter((run) => run.incidentId === incident.incident_id)).toHaveLength(
      1,
    )
    expect((await pressAs(manner, card, li, '关闭')).title).toContain('已关闭')
    await everybodySees(world, card, '已关闭')
    const presses = (await recordsOf(world, incident)).filter(({ kind }) => kind === 'action')
    expect(presses.map(({ status, reason_code: reason }) => [status, reason])).toEqual(
      presses.map(() => ['success', null]),
    )
  })

  test('an index behind an id is no part of the revision', async () => {
    const { world } = scene
    const { card } = await alertBoth('序号')
    // Every button, so that each index is met.
    for (const text of ['认领', '关闭']) {
      const seen = await pressAs('index', card, world.people.li, text)
      expect(seen.tips).not.toContain('失效')
    }
    await everybodySees(world, card, '已关闭')
  })
})

test('a press that names nothing is answered in words, logged with what it said, and counted', async () => {
  const { world, app } = scene
  const { li } = world.people
  const { control } = world.dingtalk
  const { incident, card } = await alertBoth('什么都没说')
  const line = app.lines.length
  const before = await readyz(app.url)
  expect(JSON.stringify(before.notes ?? [])).not.toContain('named no button')
  const pressed = await control.press({
    outTrackId: card,
    userId: li.user.userId,
    buttonId: 'custom_button_of_somebody',
    force: true,
  })
  expect(answerOf(pressed).tips).toContain('按钮已失效')
  await eventually('it is logged', () => app.lines.slice(line).some(({ msg }) => msg === 'press-nameless'))
  const told = app.lines.slice(line).find(({ msg }) => msg === 'press-nameless')
  expect(JSON.stringify(told)).toContain('custom_button_of_somebody')
  expect(JSON.stringify((await readyz(app.url)).notes)).toContain('1 presses named no button')
  const presses = (await recordsOf(world, incident)).filter(({ kind }) => kind === 'action')
  expect(presses).toMatchObject([{ status: 'failed', reason_code: 'BUTTON_UNKNOWN' }])
})

test('two buttons of one text are told apart, or neither is pressed', async () => {
  const { world } = scene
  const { li } = world.people
  const incident = await fire(world, {
    title: '同名',
    chats: [inGroup(world.groups.oncall)],
    delivery: { custom_actions: [{ integration_id: RESTART, name: '关闭' }] },
  })
  const card = await theCardOf(world, incident)
  await settledRecords(world, incident)
  const seen = await pressAs('node-text', card, li, '关闭')
  expect(seen.tips).toContain('按钮已失效')
  expect(world.flashduty.control.customRuns().filter((run) => run.incidentId === incident.incident_id)).toEqual([])
  expect((await pressAs('node', card, li, '关闭')).title).toContain('已关闭')
})
