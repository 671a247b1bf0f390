import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { changeDatabase, readDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import {
  actsOn,
  everybodySees,
  fire,
  inGroup,
  listGroups,
  openScene,
  press,
  type Scene,
  theCardOf,
} from '../support/journey.ts'

type Entry = {
  id: string
  kind: string
  type: string
  business_id: string
  group_id: string | null
  user_id: string | null
  value: { body?: Record<string, unknown>; headers?: Record<string, unknown> }
}

let scene: Scene
beforeAll(async () => {
  scene = await openScene()
})
afterAll(async () => {
  await scene.close()
})

const control = () => scene.world.dingtalk.control
const clientId = () => scene.world.dingtalkApp.clientId

async function list(...filter: string[]): Promise<Entry[]> {
  const printed = await scene.world.cli('journal', 'list', '--json', ...filter)
  expect(printed).toMatchObject({ code: 0, err: '' })
  return JSON.parse(printed.out) as Entry[]
}

async function replay(id: string, ...options: string[]): Promise<{ answered: string; log: { msg: string }[] }> {
  const printed = await scene.world.cli('journal', 'replay', id, '--json', ...options)
  expect(printed).toMatchObject({ code: 0, err: '' })
  return JSON.parse(printed.out) as { answered: string; log: { msg: string }[] }
}

const titleOf = async (id: string) =>
  (await listGroups(scene.world)).find((row) => row.openConversationId === id)?.title

describe('what came in', () => {
  test('is listed newest first, by kind, type, group, person and time, and shown whole', async () => {
    const { oncall, platform } = scene.world.groups
    const { li } = scene.world.people
    const eventId = control().renameGroup(oncall.openConversationId, '改过名的群')
    await control().eventSettled(eventId)
    const incident = await fire(scene.world, { chats: [inGroup(platform)] })
    const card = await theCardOf(scene.world, incident)
    await press(scene.world, card, li, '认领')
    await everybodySees(scene.world, card, '处理中')

    const [newest, ...older] = await list()
    expect(newest).toMatchObject({ kind: 'press', business_id: card, user_id: li.user.userId })
    expect(newest?.group_id).toBe(platform.openConversationId)
    expect(older.length).toBeGreaterThanOrEqual(3)
    const [renamed] = await list('--type', 'chat_update_title')
    expect(renamed).toMatchObject({ kind: 'event', business_id: eventId, group_id: oncall.openConversationId })
    expect(renamed?.value).toMatchObject({ headers: { eventId }, body: { title: '改过名的群' } })
    const presses = await list('--type', 'press')
    expect(presses[0]).toEqual(newest)
    expect(presses.every(({ kind }) => kind === 'press')).toBe(true)
    expect(
      (await list('--group', oncall.openConversationId)).every((e) => e.group_id === oncall.openConversationId),
    ).toBe(true)
    expect((await list('--user', li.user.userId)).map(({ id }) => id)).toContain(newest?.id)
    expect(await list('--since', '2999-01-01')).toEqual([])
    expect(await list('--limit', '1')).toHaveLength(1)

    const shown = await scene.world.cli('journal', 'show', renamed?.id ?? '')
    expect(JSON.parse(shown.out)).toEqual(renamed)
    expect(await scene.world.cli('journal', 'show', 'nothing')).toMatchObject({
      code: 1,
      err: expect.stringContaining('journal list'),
    })
  })

  test('is kept once, however often it is pushed', async () => {
    const eventId = 'pushed-again-and-again'
    const data = { openConversationId: scene.world.groups.oncall.openConversationId, timeStamp: 1, title: 'x' }
    for (let times = 0; times < 3; times++) {
      control().pushEvent(clientId(), { eventType: 'chat_update_title', eventId, data })
      expect(await control().eventSettled(eventId)).toBe('success')
    }
    expect((await list()).filter(({ business_id: id }) => id === eventId)).toHaveLength(1)
  })

  test('holds no secret and nothing that people wrote', async () => {
    const { oncall } = scene.world.groups
    const { userId } = scene.world.people.li.user
    const to = { clientId: clientId(), userId, openConversationId: oncall.openConversationId }
    control().messageRobot({ ...to, text: '我的密码是 hunter2' })
    const odd = { accessToken: 'tok-secret-1', nested: { url: 'https://h/p?access_token=tok-secret-2' }, hint: 'kept' }
    await control().eventSettled(control().pushEvent(clientId(), { eventType: 'chat_odd', data: odd }))
    const [message] = await eventually('the message is there', async () => {
      const found = await list('--type', 'message')
      return found.length > 0 && found
    })
    expect(message).toMatchObject({ user_id: userId, group_id: oncall.openConversationId })
    const all = JSON.stringify(readDatabase(scene.world, 'select * from journal'))
    expect(all).toContain('kept')
    for (const secret of ['hunter2', 'tok-secret', 'sendBySession', scene.world.dingtalkApp.clientSecret]) {
      expect(all).not.toContain(secret)
    }
  })
})

describe('replaying', () => {
  test('an event does nothing unless it is forced, and then the same as before', async () => {
    const { oncall } = scene.world.groups
    const before = await titleOf(oncall.openConversationId)
    const [entry] = await list('--type', 'im_cool_app_install', '--group', oncall.openConversationId)
    const id = entry?.id ?? ''
    expect(await replay(id)).toMatchObject({ answered: 'duplicate' })
    const forced = await replay(id, '--force')
    expect(forced.answered).toBe('ok')
    expect(forced.log.map(({ msg }) => msg)).toEqual(['group-installed'])
    const [group] = (await listGroups(scene.world)).filter(
      (row) => row.openConversationId === oncall.openConversationId,
    )
    expect(group).toMatchObject({ title: before, status: 'installed' })
    // Nor is it kept or counted a second time.
    expect(await list('--type', 'im_cool_app_install', '--group', oncall.openConversationId)).toHaveLength(1)
  })

  test('brings back what the database had lost', async () => {
    const { platform } = scene.world.groups
    await control().eventSettled(control().renameGroup(platform.openConversationId, '丢了的名字'))
    const change = 'update groups set title = null, titled_at = 0 where open_conversation_id = ?'
    await changeDatabase(scene.world, change, platform.openConversationId)
    const [entry] = await list('--type', 'chat_update_title', '--group', platform.openConversationId)
    expect(await replay(entry?.id ?? '', '--force')).toMatchObject({ answered: 'ok' })
    expect(await titleOf(platform.openConversationId)).toBe('丢了的名字')
  })

  test('older news does not undo newer, forced or not', async () => {
    const { platform } = scene.world.groups
    await control().eventSettled(control().renameGroup(platform.openConversationId, '较旧的名字'))
    const [older] = await list('--type', 'chat_update_title', '--group', platform.openConversationId)
    await control().eventSettled(control().renameGroup(platform.openConversationId, '更新的名字'))
    await replay(older?.id ?? '', '--force')
    expect(await titleOf(platform.openConversationId)).toBe('更新的名字')
  })

  test('a press is not carried out twice', async () => {
    const incident = await fire(scene.world, { chats: [inGroup(scene.world.groups.platform)] })
    const card = await theCardOf(scene.world, incident)
    await press(scene.world, card, scene.world.people.zhang, '认领')
    await eventually('it is carried out', () => actsOn(scene.world, incident, 'ack').length === 1)
    const [entry] = (await list('--type', 'press')).filter(({ business_id: id }) => id === card)
    const { log } = await replay(entry?.id ?? '')
    expect(log.map(({ msg }) => msg)).toContain('press-answered')
    expect(actsOn(scene.world, incident, 'ack')).toHaveLength(1)
  })

  test('for people it is told in words', async () => {
    const [entry] = await list('--type', 'im_cool_app_install')
    const printed = await scene.world.cli('journal', 'replay', entry?.id ?? '')
    expect(printed).toMatchObject({ code: 0, err: '' })
    expect(printed.out).toContain('im_cool_app_install')
    expect(printed.out).toContain('--force')
    expect(await scene.world.cli('journal', 'replay', 'nothing')).toMatchObject({ code: 1 })
  })
})
