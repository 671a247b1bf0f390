import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'

import type { Incident, IncidentEvent } from '../sandbox/flashduty/types.ts'
import { displayWidth, runCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'
import { composeIncident, endedJob, pauseJobs, readJob } from '../support/jobs.ts'
import {
  cardsOf,
  expectSilence,
  fire,
  inGroup,
  listRecords,
  openScene,
  type Scene,
  settledRecords,
  theCardOf,
} from '../support/journey.ts'
import { startRedis } from '../support/redis.ts'
import type { World } from '../support/world.ts'

let scene: Scene
let world: World
let folder: string
/** One that reached the first group and 张三 but not 王五, who never linked. */
let incident: Incident

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flashduty-dingtalk-cli-'))
  scene = await openScene()
  world = scene.world
  const { zhang, wang } = world.people
  incident = await fire(world, {
    title: '只到了一半',
    chats: [inGroup(world.groups.oncall)],
    personIds: [zhang.member.member_id, wang.member.member_id],
  })
  await theCardOf(world, incident)
  // An event that names nobody may be taken in after the one that does.
  for (const { event_id: eventId } of world.flashduty.control.events()) await endedJob(world, `ev-${eventId}`)
  await settledRecords(world, incident)
})
afterEach(() => world.dingtalk.control.clearFaults())
afterAll(async () => {
  await scene?.close()
  await rm(folder, { recursive: true, force: true })
})

async function done(...args: string[]): Promise<string> {
  const { code, out, err } = await world.cli(...args)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return out
}

async function failed(...args: string[]): Promise<string> {
  const printed = await world.cli(...args)
  expect(printed).toMatchObject({ code: 1, out: '' })
  return printed.err
}

function expectInLine(table: string): void {
  expect(new Set(table.trimEnd().split('\n').map(displayWidth)).size).toBe(1)
}

describe('groups', () => {
  type Group = { title: string; openConversationId: string; status: string; integration: string }
  const titles = (out: string): string[] => (JSON.parse(out) as Group[]).map(({ title }) => title).sort()

  test('those with the cool app, as a table in line and as JSON', async () => {
    const table = await done('groups')
    expect(table).toContain('数据库值班群')
    expect(table).toContain(world.groups.oncall.openConversationId)
    expectInLine(table)
    const rows = JSON.parse(await done('groups', '--json')) as Group[]
    expect(rows.find(({ title }) => title === '数据库值班群')).toEqual({
      title: '数据库值班群',
      openConversationId: world.groups.oncall.openConversationId,
      status: 'installed',
      robotCode: expect.any(String) as string,
      coolAppCode: world.dingtalkApp.coolAppCode,
      integration: world.integrationId,
      changed: expect.stringMatching(/^\d{4}-\d{2}-\d{2} /) as string,
      verified: expect.any(String) as string,
      note: null,
    })
  })

  test('one that lost the cool app is only among --all', async () => {
    const { control } = world.dingtalk
    const { clientId } = world.dingtalkApp
    const gone = control.uninstallCoolApp(world.groups.platform.openConversationId, clientId)
    expect(await control.eventSettled(gone)).toBe('success')
    expect(titles(await done('groups', '--json'))).toEqual(['数据库值班群'])
    const all = JSON.parse(await done('groups', '--all', '--json')) as Group[]
    expect(all.find(({ title }) => title === '平台运维群')?.status).toBe('uninstalled')
    const told = await failed('send-test', '--group', world.groups.platform.openConversationId)
    expect(told).toContain('groups --all')
    const back = control.installCoolApp(world.groups.platform.openConversationId, clientId)
    expect(await control.eventSettled(back)).toBe('success')
    expect(titles(await done('groups', '--json'))).toEqual(['平台运维群', '数据库值班群'].sort())
  })

  test('of one integration, which has to exist', async () => {
    expect(titles(await done('groups', '--integration', '钉钉值班', '--json'))).toContain('数据库值班群')
    expect(await failed('groups', '--integration', 'nobody')).toContain(world.integrationId)
  })
})

describe('records', () => {
  test('a table in line, for people: incident, target by name, reason in Chinese', async () => {
    const table = await done('records', '--incident', incident.incident_id)
    for (const word of [incident.num, '数据库值班群', 'NOT_LINKED', '未关联应用', 'success', 'failed']) {
      expect(table).toContain(word)
    }
    expectInLine(table)
  })

  test('filters narrow down, alone and together', async () => {
    const all = await listRecords(world)
    const of = (...filter: string[]) => listRecords(world, ...filter)
    const group = world.groups.oncall.openConversationId
    expect(await of('--target', group)).toEqual(all.filter((row) => row.target_id === group))
    expect(await of('--status', 'failed')).toEqual(all.filter((row) => row.status === 'failed'))
    const both = await of('--incident', incident.incident_id, '--status', 'failed')
    expect(both).toMatchObject([{ incident_id: incident.incident_id, reason_code: 'NOT_LINKED', status: 'failed' }])
    expect(both[0]?.failed_reason).toContain('未关联应用')
    expect(await of('--incident', 'nothing-of-that-name')).toEqual([])
    expect(await of('--incident', incident.num)).toEqual(await of('--incident', incident.incident_id))
    expect(await of('--group', '数据库值班群')).toEqual(await of('--group', group))
    expect((await of('--group', group)).length).toBeGreaterThan(0)
    const wang = world.people.wang.member
    const his = await of('--person', String(wang.member_id))
    expect(his).toMatchObject([{ kind: 'person', reason_code: 'NOT_LINKED' }])
    expect(await of('--person', wang.member_name)).toEqual(his)
    expect(await of('--since', '1h')).toEqual(all)
    expect(await of('--until', '1h')).toEqual([])
    expect(await of('--since', '2000-01-31', '--until', '2000-02-01T09:05')).toEqual([])
    const misread = await world.cli('records', '--since', 'yesterday')
    expect(misread).toMatchObject({ code: 2, out: '' })
    expect(misread.err).toContain('2026-01-31')
    expect(await done('records', '--target', 'nobody')).toContain('No records')
  })

  test('newest first, and no more than asked for', async () => {
    const all = (await listRecords(world)) as unknown as { created_at: number; record_key: string }[]
    expect(all.length).toBeGreaterThan(2)
    expect(all.map((row) => row.created_at)).toEqual(all.map((row) => row.created_at).sort((a, b) => b - a))
    expect(JSON.parse(await done('records', '--json', '--limit', '2'))).toEqual(all.slice(0, 2))
  })
})

describe('deliver', () => {
  async function written(body: unknown): Promise<string> {
    const path = join(await mkdtemp(join(folder, 'event-')), 'incident.json')
    await writeFile(path, typeof body === 'string' ? body : JSON.stringify(body))
    return path
  }

  function jobOf(printed: string): string {
    return /job (\S+)\./.exec(printed)?.[1] ?? ''
  }

  function compose(title: string): Promise<{ incident: Incident; assigned: IncidentEvent }> {
    return composeIncident(world, { title, chats: [inGroup(world.groups.oncall)] })
  }

  test('a file becomes the job that Flashduty would have added', async () => {
    const { incident: composed, assigned } = await compose('从文件来')
    const out = await done('deliver', await written(assigned))
    expect(out).toContain('i_assign')
    expect((await readJob(world, jobOf(out)))?.data).toEqual(assigned)
    await theCardOf(world, composed)
    expect(await settledRecords(world, composed)).toMatchObject([{ status: 'success', kind: 'group' }])
    // Again it is the same job, which has been done.
    await endedJob(world, jobOf(out))
    const again = await done('deliver', await written(assigned))
    expect(again).toContain(`taken in before, by job ${jobOf(out)}: nothing was added`)
    expect(cardsOf(world, composed)).toHaveLength(1)
  })

  test('so does standard input', async () => {
    const { incident: composed, assigned } = await compose('从管道来')
    const printed = await eventually('Redis answers as soon as a person at a terminal waits', async () => {
      const told = await runCommand(world.env, ['deliver', '-'], JSON.stringify(assigned))
      return !told.err.includes('Redis does not answer') && told
    })
    expect(printed).toMatchObject({ code: 0, err: '' })
    expect((await readJob(world, jobOf(printed.out)))?.data).toEqual(assigned)
    await theCardOf(world, composed)
    await settledRecords(world, composed)
  })

  test('an event of a kind that shows nothing is taken too', async () => {
    const { assigned } = await compose('评论')
    const out = await done('deliver', await written({ ...assigned, event_type: 'i_comment', event_id: 'c0ffee' }))
    expect((await readJob(world, jobOf(out)))?.data).toMatchObject({ event_type: 'i_comment' })
    expect((await endedJob(world, jobOf(out))).state).toBe('completed')
  })

  test('what is no event is refused with the place and what is wrong there', async () => {
    const { assigned } = await compose('坏的')
    const wrong: [unknown, string][] = [
      ['{"half": ', 'not JSON'],
      [[], 'not an incident event'],
      [{ ...assigned, incident: undefined }, 'incident'],
      [{ ...assigned, incident: { ...assigned.incident, incident_id: 7 } }, 'incident.incident_id'],
    ]
    for (const [body, named] of wrong) {
      const path = await written(body)
      const told = await failed('deliver', path)
      expect(told).toContain(path)
      expect(told).toContain(named)
    }
    expect(await failed('deliver', join(folder, 'missing.json'))).toContain('missing.json')
    expect(await failed('deliver', folder)).toContain(folder)
  })

  test('a corrected file after one that failed is enqueued, and a mended cause lets the same file run again', async () => {
    const { incident: composed, assigned } = await compose('改正之后')
    const jobId = `ev-${assigned.event_id}`
    await world.flashduty.control.enqueue({ event_id: assigned.event_id }, { jobId })
    expect((await endedJob(world, jobId)).state).toBe('failed')
    const out = await done('deliver', await written(assigned))
    expect(out).toContain(`Enqueued i_assign as job ${jobId}-`)
    expect((await endedJob(world, jobOf(out))).state).toBe('completed')
    await theCardOf(world, composed)
    await settledRecords(world, composed)
  })

  test('what waits already is not said to be enqueued', async () => {
    const { incident: composed, assigned } = await compose('还在排队')
    const resume = await pauseJobs(world)
    const path = await written(assigned)
    try {
      const jobId = jobOf(await done('deliver', path))
      expect(await done('deliver', path)).toBe(`Already waiting as job ${jobId}: nothing was added.\n`)
      const other = await done('deliver', await written({ ...assigned, event_id: `${assigned.event_id}:` }))
      const third = await done('deliver', await written({ ...assigned, event_id: `${assigned.event_id}.` }))
      expect(new Set([jobId, jobOf(other), jobOf(third)]).size).toBe(3)
      for (const out of [other, third]) expect(out).toContain('Enqueued')
    } finally {
      await resume()
    }
    await theCardOf(world, composed)
    await settledRecords(world, composed)
  })

  test.each<[string, (json: string) => Buffer]>([
    ['UTF-8 with a mark', (json) => Buffer.from(`\uFEFF${json}`)],
    ['UTF-16 with a mark', (json) => Buffer.from(`\uFEFF${json}`, 'utf16le')],
    ['UTF-16 without one', (json) => Buffer.from(json, 'utf16le')],
    ['UTF-16 the other way round', (json) => Buffer.from(`\uFEFF${json}`, 'utf16le').swap16()],
  ])('a file in %s is read', async (_encoding, encode) => {
    const { incident: composed, assigned } = await compose('各种编码')
    const path = await written('')
    await writeFile(path, encode(JSON.stringify(assigned)))
    const out = await done('deliver', path)
    expect(out).not.toContain('Left out')
    expect((await readJob(world, jobOf(out)))?.data).toEqual(assigned)
    await theCardOf(world, composed)
    await settledRecords(world, composed)
  })

  test('bytes that are no text cost their letter, not the alert, and that is said', async () => {
    const { incident: composed, assigned } = await compose('坏X字节')
    const path = await written('')
    const bytes = Buffer.from(JSON.stringify(assigned))
    bytes[bytes.indexOf('坏X') + 3] = 0xff
    await writeFile(path, bytes)
    const out = await done('deliver', path)
    expect(out).toContain(`Left out: ${path}: what is not UTF-8`)
    expect(JSON.stringify((await readJob(world, jobOf(out)))?.data)).toContain('坏\uFFFD字节')
    await theCardOf(world, composed)
    await settledRecords(world, composed)
  })

  test('a Redis that does not answer in time is not waited for, and nothing is said to be enqueued', async () => {
    const { assigned } = await compose('Redis 不应答')
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void silent.close())
    const env = { ...world.env, REDIS_URL: `redis://127.0.0.1:${(silent.address() as AddressInfo).port}` }
    const printed = await runCommand(env, ['deliver', await written(assigned)])
    expect(printed).toMatchObject({ code: 1, out: '' })
    expect(printed.err).toContain('Redis does not answer at REDIS_URL. Nothing was enqueued.')
  })

  test('a Redis that refuses it is told with its reason', async () => {
    const { assigned } = await compose('Redis 已满')
    const full = await startRedis()
    onTestFinished(() => full.stop())
    const redis = new Redis(full.url)
    await redis.config('SET', 'maxmemory', '1')
    redis.disconnect()
    const printed = await runCommand({ ...world.env, REDIS_URL: full.url }, ['deliver', await written(assigned)])
    expect(printed).toMatchObject({ code: 1, out: '' })
    expect(printed.err).toContain('Redis refuses (OOM) at REDIS_URL. Nothing was enqueued.')
  })

  test('a Redis that is not there is named by its setting', async () => {
    const { assigned } = await compose('没有 Redis')
    const env = { ...world.env, REDIS_URL: 'redis://user:hush@127.0.0.1:1' }
    const printed = await runCommand(env, ['deliver', await written(assigned)])
    expect(printed).toMatchObject({ code: 1, out: '' })
    expect(printed.err).toContain('REDIS_URL')
    expect(printed.err).toContain('Nothing was enqueued')
    expect(printed.err).not.toContain('hush')
  })
})

describe('send-test', () => {
  const heardBy = (userId: string): string[] =>
    world.dingtalk.control
      .conversationsOf(userId)
      .flatMap(({ messages }) => messages)
      .flatMap(({ content }) => (content.kind === 'robot' ? [content.msgParam['content'] ?? ''] : []))

  test('says one sentence in a group', async () => {
    await done('send-test', '--group', world.groups.oncall.openConversationId, '--text', '群里的一句话')
    expect(heardBy(world.people.wang.user.userId)).toEqual(['群里的一句话'])
  })

  test('says one sentence to a person', async () => {
    const { zhang, li } = world.people
    await done('send-test', '--user', zhang.user.userId, '--text', '给你的一句话')
    expect(heardBy(zhang.user.userId)).toContain('给你的一句话')
    expect(heardBy(li.user.userId)).not.toContain('给你的一句话')
  })

  test('a group that was never heard of is not asked for', async () => {
    const before = world.dingtalk.journal.all().length
    expect(await failed('send-test', '--group', 'cidNobody==')).toContain('groups --all')
    expect(world.dingtalk.journal.all().length).toBe(before)
  })

  test('what DingTalk does not take is told with its reason', async () => {
    expect(await failed('send-test', '--user', 'nobody-of-that-id')).toMatch(
      /DingTalk did not take it: \p{Script=Han}/u,
    )
    const { clientId, scopes } = world.dingtalkApp
    onTestFinished(() => void world.dingtalk.control.updateApp(clientId, { scopes }))
    world.dingtalk.control.updateApp(clientId, { scopes: scopes.filter((scope) => scope !== 'qyapi_robot_sendmsg') })
    const told = await failed('send-test', '--user', world.people.li.user.userId)
    expect(told).toContain('应用缺少权限')
    expect(told).toContain('qyapi_robot_sendmsg')
  })

  test('a wrong secret is told without it', async () => {
    const { clientSecret } = world.dingtalkApp
    const effect = {
      kind: 'answer',
      status: 400,
      body: { code: 'invalidClientIdOrSecret', message: '无效的clientId' },
    } as const
    world.dingtalk.control.addFault({ api: 'accessToken', effect, times: 5 })
    const told = await failed('send-test', '--user', world.people.li.user.userId)
    expect(told).toContain('应用凭证无效')
    expect(told).not.toContain(clientSecret)
  })
})

afterAll(() => {
  expectSilence(world, scene.app.lines)
})
