import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { eventually } from '../support/eventually.ts'
import { changeIntegration, openScene, type Scene } from '../support/journey.ts'
import { VisitorBrowser } from '../support/visitor.ts'
import type { World } from '../support/world.ts'

let scene: Scene
let world: World
let folder: string
let key: string
beforeAll(async () => {
  scene = await openScene({ dingtalk: { qpsPerApi: 0 } })
  world = scene.world
  folder = await mkdtemp(join(tmpdir(), 'links-bulk-'))
  key = world.flashduty.control.createMember({ member_name: '集成', email: 'service@example.com' }).app_key
  await setKey(key)
})
afterAll(async () => {
  await scene?.close()
  if (folder) await rm(folder, { recursive: true, force: true })
})

const setKey = (one: string) => changeIntegration(scene, '--flashduty-key', one)

type Row = { line?: number; dingtalkUser: string; outcome: string; member: number | null }

async function run(...args: string[]): Promise<Row[]> {
  const { code, out, err } = await world.cli('links', ...args, '--json')
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return JSON.parse(out) as Row[]
}

async function linked(): Promise<Map<string, number>> {
  const rows = JSON.parse((await world.cli('links', 'list', '--json')).out) as {
    dingtalkUser: string
    member: number
  }[]
  return new Map(rows.map(({ dingtalkUser, member }) => [dingtalkUser, member]))
}

async function importing(lines: string[], ...args: string[]) {
  const file = join(folder, 'links.csv')
  await writeFile(file, lines.join('\n'))
  return world.cli('links', 'import', file, '--json', ...args)
}

test('without a key to look with, it says how to get one', async () => {
  await setKey('')
  try {
    const { code, err } = await world.cli('links', 'match')
    expect([code, err.includes('--flashduty-key')]).toEqual([1, true])
  } finally {
    await setKey(key)
  }
})

test('match: whoever was met is listed with their conflicts, then linked, and nobody twice', async () => {
  const { control } = world.dingtalk
  const member = (name: string, phone = '') =>
    world.flashduty.control.createMember({ member_name: name, email: `${name}@example.com`, phone })
  const [ma, twin] = [member('ma', '13811112222'), member('twin')]
  const fits = control.createUser({ name: '合适', mobile: ma.phone })
  const torn = control.createUser({ name: '两可', mobile: ma.phone, orgEmail: twin.email })
  const unknown = control.createUser({ name: '无人' })
  const rival = control.createUser({ name: '抢占', orgEmail: world.people.li.member.email })
  for (const { userId } of [fits, torn, unknown, rival]) {
    const browser = new VisitorBrowser(scene.app.url)
    // The integration was just restarted for its new key.
    await eventually('logged in', async () => {
      const code = control.clientCode(world.dingtalkApp.clientId, userId)
      return (await browser.logIn(`/fd/h5/${world.integrationId}`, code)).status === 200
    })
  }
  const before = await linked()
  const listed = await run('match')
  const outcomes = (rows: Row[]) => Object.fromEntries(rows.map((row) => [row.dingtalkUser, row.outcome]))
  expect(outcomes(listed)).toEqual({
    [fits.userId]: 'would link',
    [torn.userId]: expect.stringContaining('several members fit'),
    [unknown.userId]: 'conflict: no enabled member fits',
    [rival.userId]: `conflict: the member is taken by ${world.people.li.user.userId}`,
  })
  expect(await linked()).toEqual(before)
  expect(outcomes(await run('match', '--apply', '--dry-run'))[fits.userId]).toBe('would link')
  expect(outcomes(await run('match', '--apply'))[fits.userId]).toBe('linked')
  expect(await linked()).toEqual(new Map([...before, [fits.userId, ma.member_id]]))
  expect(outcomes(await run('match'))).not.toHaveProperty([fits.userId])
})

test('match --from-groups: also who was never met', async () => {
  const { user, member } = world.people.wang
  world.dingtalk.control.updateUser(user.userId, { orgEmail: member.email })
  expect((await run('match')).some(({ dingtalkUser }) => dingtalkUser === user.userId)).toBe(false)
  const found = (await run('match', '--from-groups')).find(({ dingtalkUser }) => dingtalkUser === user.userId)
  expect(found).toMatchObject({ outcome: 'would link', member: member.member_id })
})

test('import: by id, mobile, e-mail and directory; conflicts are named and left alone', async () => {
  const { zhang, li } = world.people
  const create = (name: string) =>
    world.flashduty.control.createMember({ member_name: name, email: `${name}@example.com`, phone: '' })
  const [byId, byMail] = [create('byid'), create('bymail')]
  const byPhone = world.flashduty.control.createMember({ member_name: 'p', email: 'p@x.y', phone: '13700001111' })
  const lines = [
    'dingtalk_user,member',
    `u-id,${byId.member_id}`,
    `u-mail,${byMail.email.toUpperCase()}`,
    `u-phone,${byPhone.phone}`,
    `u-again,${byId.member_id}`,
    `${zhang.user.userId},${zhang.member.member_id}`,
    `${li.user.userId},${byMail.member_id}`,
    'u-none,nobody@example.com',
    'u-gone,',
  ]
  const printed = await importing(lines, '--apply')
  expect(printed.code).toBe(0)
  expect((JSON.parse(printed.out) as Row[]).map(({ line, outcome }) => [line, outcome])).toEqual([
    [2, 'linked'],
    [3, 'linked'],
    [4, 'linked'],
    [5, 'conflict: the member is taken by u-id'],
    [6, 'linked already'],
    [7, expect.stringContaining('conflict: linked to 李四')],
    [8, 'conflict: no enabled member fits'],
    [9, 'not looked up: IM_USER_NOT_FOUND'],
  ])
  const now = await linked()
  expect([now.get('u-id'), now.get('u-mail'), now.get('u-phone')]).toEqual([
    byId.member_id,
    byMail.member_id,
    byPhone.member_id,
  ])
  expect(now.get(li.user.userId)).toBe(li.member.member_id)
})

test('import: a file with a line that cannot be read changes nothing', async () => {
  const before = await linked()
  const fresh = world.flashduty.control.createMember({ member_name: 'fresh' })
  const printed = await importing([`u-fresh,${fresh.member_id}`, 'u-bad,???'], '--apply')
  expect(printed).toMatchObject({ code: 1, out: '' })
  expect(printed.err).toContain('line 2')
  expect(await linked()).toEqual(before)
  expect((await world.cli('links', 'import', join(folder, 'absent.csv'))).err).toContain('cannot be read')
})
