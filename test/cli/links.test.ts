import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'

import type { Member } from '../sandbox/flashduty/types.ts'
import { displayWidth } from '../support/command.ts'
import { createWorld, type World } from '../support/world.ts'

let world: World

beforeAll(async () => {
  world = await createWorld()
})
beforeEach(() => world.flashduty.control.clearFaults())
afterAll(() => world?.close())

type Link = { dingtalkUser: string; member: number; name: string; key: string; integration: string; linked: string }

async function list(): Promise<Link[]> {
  const { code, out } = await world.cli('links', 'list', '--json')
  expect(code).toBe(0)
  for (const { member } of Object.values(world.people)) expect(out).not.toContain(member.app_key)
  return JSON.parse(out) as Link[]
}

function add(user: string, member: string | number, ...rest: string[]) {
  return world.cli('links', 'add', '--dingtalk-user', user, '--member', String(member), ...rest)
}

function remove(user: string) {
  return world.cli('links', 'remove', '--dingtalk-user', user)
}

describe('list', () => {
  test('as JSON: who is whom, and whether a key is on file', async () => {
    const { zhang, li } = world.people
    const rows = await list()
    expect(rows).toHaveLength(2)
    for (const { user, member } of [zhang, li]) {
      expect(rows).toContainEqual({
        dingtalkUser: user.userId,
        member: member.member_id,
        name: member.member_name,
        key: 'good',
        integration: world.integrationId,
        linked: expect.stringMatching(/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/) as string,
        left: '',
      })
    }
  })

  test('as a table whose columns stand in line', async () => {
    const { out } = await world.cli('links', 'list')
    expect(out).toContain('张三')
    expect(new Set(out.trimEnd().split('\n').map(displayWidth)).size).toBe(1)
  })

  test('of one integration, which has to exist', async () => {
    expect((await world.cli('links', 'list', '--integration', '钉钉值班')).out).toContain('张三')
    const printed = await world.cli('links', 'list', '--integration', 'nobody')
    expect(printed).toMatchObject({ code: 1, out: '' })
    expect(printed.err).toContain(world.integrationId)
  })
})

describe('add', () => {
  test('with a key that was proven; the name comes from Flashduty and the key is shown nowhere', async () => {
    const { user, member } = world.people.wang
    const asked = world.flashduty.control.requests().length
    const printed = await add(user.userId, member.member_id, '--member-key', member.app_key)
    expect(printed).toMatchObject({ code: 0, err: '' })
    expect(printed.out).not.toContain(member.app_key)
    expect(world.flashduty.control.requests().length).toBeGreaterThan(asked)
    expect(await list()).toContainEqual(
      expect.objectContaining({ dingtalkUser: user.userId, name: '王五', key: 'good' }),
    )
    expect((await remove(user.userId)).code).toBe(0)
  })

  test('without a key it says what will not work', async () => {
    const printed = await add('user-without-key', 4_242, '--name', '赵六')
    expect(printed).toMatchObject({ code: 0, err: '' })
    expect(printed.out).toContain('--member-key')
    expect(await list()).toContainEqual(expect.objectContaining({ member: 4_242, name: '赵六', key: 'missing' }))
    expect((await remove('user-without-key')).code).toBe(0)
  })

  test('a key that Flashduty does not know changes nothing', async () => {
    const before = await list()
    const { user, member } = world.people.zhang
    const printed = await add(user.userId, member.member_id, '--member-key', 'a-key-that-is-none')
    expect(printed).toMatchObject({ code: 1, out: '' })
    expect(printed.err).toContain('--member-key')
    expect(printed.err).toContain('not accepted by Flashduty')
    expect(printed.err).not.toContain('a-key-that-is-none')
    expect(await list()).toEqual(before)
  })

  test('the key of somebody else changes nothing, and says whose it is', async () => {
    const before = await list()
    const { zhang, li } = world.people
    const printed = await add(zhang.user.userId, zhang.member.member_id, '--member-key', li.member.app_key)
    expect(printed).toMatchObject({ code: 1, out: '' })
    expect(printed.err).toContain('李四')
    expect(printed.err).toContain(String(li.member.member_id))
    expect(printed.err).not.toContain(li.member.app_key)
    expect(await list()).toEqual(before)
  })

  test.each<[string, Partial<Member>, string]>([
    ['a member who is not active', { status: 'pending' }, 'not active'],
    ['a member who was deleted', { status: 'deleted' }, 'Flashduty'],
    ['another account', { account_id: 7 }, 'another Flashduty account'],
  ])('the key of %s changes nothing, and says why', async (_whose, fields, why) => {
    const service = world.flashduty.control.createMember({ member_name: '集成', email: 'service@example.com' })
    await world.cli('integration', 'set', world.integrationId, '--flashduty-key', service.app_key)
    onTestFinished(async () => void (await world.cli('integration', 'set', world.integrationId, '--flashduty-key', '')))
    const before = await list()
    const { user } = world.people.wang
    const member = world.flashduty.control.createMember({ member_name: '外人', email: 'other@example.com', ...fields })
    const printed = await add(user.userId, member.member_id, '--member-key', member.app_key)
    expect(printed).toMatchObject({ code: 1, out: '' })
    expect(printed.err).toContain(why)
    expect(printed.err).toContain('Nothing was changed')
    expect(printed.err).not.toContain(member.app_key)
    expect(await list()).toEqual(before)
  })

  test('where the integration has an owner’s key alone, that one says which account it is', async () => {
    const { control } = world.flashduty
    const owner = control.createMember({ member_name: '主账号', email: 'owner@example.com', is_owner: true })
    expect((await world.cli('integration', 'set', world.integrationId, '--owner-key', owner.app_key)).code).toBe(0)
    onTestFinished(async () => void (await world.cli('integration', 'set', world.integrationId, '--owner-key', '')))
    const stranger = control.createMember({ member_name: '外人', email: 'x@example.com', account_id: 7 })
    const printed = await add('user-d', stranger.member_id, '--member-key', stranger.app_key)
    expect(printed).toMatchObject({ code: 1, out: '' })
    expect(printed.err).toContain('another Flashduty account')
  })

  test('a key that cannot be checked changes nothing, and is not called wrong', async () => {
    const before = await list()
    const { user, member } = world.people.wang
    const effect = { kind: 'error', status: 500, code: 'InternalError', message: 'oops' } as const
    world.flashduty.control.addFault({ path: '/member/info', effect, times: 10 })
    const printed = await add(user.userId, member.member_id, '--member-key', member.app_key)
    expect(printed).toMatchObject({ code: 1, out: '' })
    expect(printed.err).toContain('could not be checked')
    expect(printed.err).toContain('Nothing was changed')
    expect(printed.err).not.toContain(member.app_key)
    expect(await list()).toEqual(before)
  })

  test('twice is once', async () => {
    const before = await list()
    const { user, member } = world.people.zhang
    const printed = await add(user.userId, member.member_id, '--member-key', member.app_key)
    expect(printed).toMatchObject({ code: 0, err: '' })
    expect(printed.out).not.toContain('Replaced')
    const timeless = (links: Link[]) => new Set(links.map((link) => JSON.stringify({ ...link, linked: '' })))
    expect(timeless(await list())).toEqual(timeless(before))
  })

  test('one to one: what stands in the way on either side is replaced, and told', async () => {
    await add('user-a', 101, '--name', '甲')
    await add('user-b', 102, '--name', '乙')
    const printed = await add('user-a', 102, '--name', '乙')
    expect(printed.code).toBe(0)
    expect(printed.out).toContain('user-a was 甲 (101)')
    expect(printed.out).toContain('user-b was 乙 (102)')
    const left = (await list()).filter(({ dingtalkUser }) => dingtalkUser.startsWith('user-'))
    expect(left).toMatchObject([{ dingtalkUser: 'user-a', member: 102 }])
    await remove('user-a')
  })

  test.each([
    ['without a user', ['--member', '1'], '--dingtalk-user'],
    ['without a member', ['--dingtalk-user', 'u'], '--member'],
    ['with a blank user', ['--dingtalk-user', ' ', '--member', '1'], '--dingtalk-user'],
    ['with a name for a member', ['--dingtalk-user', 'u', '--member', '张三'], '--member'],
    ['with member 0', ['--dingtalk-user', 'u', '--member', '0'], '--member'],
    ['with half a member', ['--dingtalk-user', 'u', '--member', '1.5'], '--member'],
  ])('%s it is wrong usage', async (_how, args, flag) => {
    const before = await list()
    const printed = await world.cli('links', 'add', ...args)
    expect(printed).toMatchObject({ code: 2, out: '' })
    expect(printed.err).toContain(flag)
    expect(await list()).toEqual(before)
  })

  test('to an integration that does not exist', async () => {
    const printed = await add('u', 1, '--integration', 'nobody')
    expect(printed).toMatchObject({ code: 1, out: '' })
    expect(printed.err).toContain('nobody')
  })
})

test('remove says when there was nothing to remove', async () => {
  await add('user-c', 103)
  expect(await remove('user-c')).toMatchObject({ code: 0, err: '' })
  const again = await remove('user-c')
  expect(again).toMatchObject({ code: 1, out: '' })
  expect(again.err).toContain('user-c')
})
