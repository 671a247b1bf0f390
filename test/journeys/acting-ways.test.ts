import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import type { ActionConsumer, ActionResult, Incident, Member } from '../sandbox/flashduty/types.ts'
import { changeDatabase, readDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { withQueue } from '../support/jobs.ts'
import {
  changeIntegration,
  actsOn,
  answerOf,
  buttonTexts,
  endPatience,
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
import { openPageActs, type PageActs } from '../support/page-acts.ts'
import type { Person } from '../support/world.ts'

const RESTART = 7_001
const RESULT_QUEUE = 'flashduty-dingtalk-action-result'

let scene: Scene
let pages: PageActs
let owner: Member
beforeAll(async () => {
  scene = await openScene({ overrides: { action: { queueLookMs: 300 }, sweepMs: 1_000 } })
  pages = await openPageActs(scene.world)
  const { control } = scene.world.flashduty
  owner = control.createMember({ member_name: '主账号', is_owner: true })
  control.setCustomAction({ integrationId: RESTART, name: '重启实例', outcome: 'ok' })
})
afterEach(() => {
  scene.world.flashduty.control.clearFaults()
  owner.is_owner = true
})
afterAll(async () => {
  await pages.close()
  await scene.close()
})

const actBy = (...fields: string[]) => changeIntegration(scene, ...fields)

async function alertGroup(title: string): Promise<{ incident: Incident; card: string }> {
  const { world } = scene
  const delivery = { custom_actions: [{ integration_id: RESTART, name: '重启实例' }] }
  const incident = await fire(world, { title, chats: [inGroup(world.groups.oncall)], delivery })
  return { incident, card: await theCardOf(world, incident) }
}

/** In the group, linked, and without any key on file. */
async function addColleague(name: string): Promise<Person> {
  const { world } = scene
  const user = world.dingtalk.control.createUser({ name })
  const member = world.flashduty.control.createMember({ member_name: name })
  const link = ['--dingtalk-user', user.userId, '--member', String(member.member_id), '--name', name]
  expect(await world.cli('links', 'add', ...link)).toMatchObject({ code: 0 })
  return { user, member }
}

/** Presses what 张三 sees. */
function pressAs(person: Person, card: string, text: string, times = 1) {
  const { world } = scene
  const button = view(world, card, world.people.zhang).buttons.find((one) => one.text === text && 'id' in one)
  if (!button || !('id' in button)) throw new Error(`there is no button ${text}`)
  const pressed = { outTrackId: card, userId: person.user.userId, buttonId: button.id, force: true }
  return Promise.all(Array.from({ length: times }, () => world.dingtalk.control.press(pressed)))
}

const keysOf = ({ member }: Person) =>
  scene.world.flashduty.control.madeKeys().filter((key) => key.member_id === member.member_id)
const pressesOf = async (incident: Incident) =>
  (await recordsOf(scene.world, incident)).filter(({ kind }) => kind === 'action')

describe('with keys that the account owner’s key makes', () => {
  beforeAll(() => actBy('--acting', 'owner-key', '--owner-key', owner.app_key))

  test('a member without one gets one at the first press, once, also when two processes want it', async () => {
    const { world } = scene
    const { incident, card } = await alertGroup('首次代建')
    const other = await alertGroup('同时代建')
    const person = await addColleague('赵六')
    const fromPage = pages.act(person, { incidentId: other.incident.incident_id, action: 'ack', token: 'k1' })
    const [seen] = await pressAs(person, card, '认领')
    expect(answerOf(seen ?? { outcome: 'failed', tookMs: 0, reason: '' }).title).toContain('处理中')
    expect(await fromPage).toEqual({ status: 'done' })
    await everybodySees(world, card, '处理中')
    expect(view(world, card, world.people.li).tips).toContain('赵六 于')
    expect(keysOf(person)).toHaveLength(1)
    expect(actsOn(world, incident)).toMatchObject([{ member_id: person.member.member_id }])
    const made = keysOf(person)[0]?.key ?? 'none'
    const stored = readDatabase<{ key_enc: string }>(world, 'select key_enc from member_keys where made = 1')
    expect(stored.length).toBeGreaterThan(0)
    expect(JSON.stringify(stored)).not.toContain(made)
    expect(JSON.stringify(scene.app.lines)).not.toContain(made)
    expect(JSON.stringify(scene.app.lines)).not.toContain(owner.app_key)
  })

  test('one that went bad is made anew within the press; a second one that is bad at once is not', async () => {
    const { world } = scene
    const { card } = await alertGroup('重新代建')
    const person = await addColleague('孙七')
    const first = await pressAs(person, card, '认领')
    expect(answerOf(first[0] ?? { outcome: 'failed', tookMs: 0, reason: '' }).title).toContain('处理中')
    await everybodySees(world, card, '处理中')
    const disable = (): void => {
      for (const key of keysOf(person)) key.enabled = false
    }
    disable()
    const [again] = await pressAs(person, card, '取消认领')
    expect(again?.outcome === 'answered' && again.view.title).toContain('待处理')
    expect(keysOf(person)).toHaveLength(2)

    // A key that worked may be made anew again; one that never did may not.
    await everybodySees(world, card, '待处理')
    disable()
    const bad = { kind: 'error', status: 401, code: 'Unauthorized', message: 'no' } as const
    world.flashduty.control.addFault({ path: '/incident/ack', times: 2, effect: bad })
    const [refused] = await pressAs(person, card, '认领')
    expect(refused?.outcome === 'answered' && refused.view.tips).toContain('关联已失效')
    expect(keysOf(person)).toHaveLength(3)
    const [still] = await pressAs(person, card, '认领')
    expect(still?.outcome === 'answered' && still.view.tips).toContain('关联已失效')
    expect(keysOf(person)).toHaveLength(3)
  })

  test('an owner’s key that is refused one day leaves people the way by their own key', async () => {
    const { world } = scene
    const { incident, card } = await alertGroup('主账号失效')
    const person = await addColleague('周八')
    owner.is_owner = false
    const [seen] = await pressAs(person, card, '认领')
    expect(seen?.outcome === 'answered' && seen.view.tips).toContain('未登记你的 Flashduty APP Key')
    expect(actsOn(world, incident)).toEqual([])
    expect(await pressesOf(incident)).toMatchObject([
      { reason_code: 'KEY_MISSING', detail: expect.stringContaining('AccessDenied') as string },
    ])
    const refused = scene.app.lines.filter(({ msg }) => msg === 'owner-key-refused')
    expect(refused.map((line) => line['memberId'])).toEqual([person.member.member_id])
  })

  test('a member who is not active is told so', async () => {
    const { incident, card } = await alertGroup('成员停用')
    const person = await addColleague('吴九')
    person.member.status = 'deleted'
    const [seen] = await pressAs(person, card, '认领')
    expect(seen?.outcome === 'answered' && seen.view.tips).toContain('成员未激活或已删除')
    expect(await pressesOf(incident)).toMatchObject([{ reason_code: 'MEMBER_DISABLED' }])
  })

  test('a press while keys cannot be made is answered in time, and carried out when they can', async () => {
    const { world } = scene
    const { incident, card } = await alertGroup('代建超时')
    const person = await addColleague('郑十')
    world.flashduty.control.addFault({ path: '/person/app-key/create', effect: { kind: 'hang' } })
    const pressing = pressAs(person, card, '认领')
    await endPatience(scene.app, 'Flashduty is asked for a key', () =>
      world.flashduty.control.requests().some(({ path, body }) => {
        const { person_id: id } = body as { person_id?: number }
        return path === '/person/app-key/create' && id === person.member.member_id
      }),
    )
    const [seen] = await pressing
    expect(seen?.outcome === 'answered' && seen.view.tips).toBe('处理中，卡片稍后更新')
    await everybodySees(world, card, '处理中')
    expect(actsOn(world, incident)).toHaveLength(1)
    expect(keysOf(person)).toHaveLength(1)
  })
})

describe('by a queue that Flashduty fetches from', () => {
  let consumer: ActionConsumer
  let keyless: Person
  beforeAll(async () => {
    await actBy('--acting', 'queue')
    consumer = await scene.world.flashduty.control.consumeActions()
    keyless = await addColleague('冯十一')
  })
  afterEach(() => {
    consumer.answerWith((result) => [result])
    Object.assign(keyless.member, { may_handle: true, licensed: true })
  })

  const jobsOf = (incident: Incident) => consumer.taken.filter((job) => job.incident_id === incident.incident_id)
  const tips = (result: Awaited<ReturnType<typeof pressAs>>[number] | undefined) =>
    result?.outcome === 'answered' ? result.view.tips : 'not answered'

  /** What the presser is told who has had enough once that holds. */
  async function pressUntil(card: string, text: string, holds: () => boolean): Promise<string> {
    const pressing = pressAs(keyless, card, text)
    await endPatience(scene.app, `${text} is on its way`, holds)
    const [seen] = await pressing
    return tips(seen)
  }

  test('a press of somebody without any key is answered with Flashduty’s result', async () => {
    const { world } = scene
    const { incident, card } = await alertGroup('队列认领')
    const [seen] = await pressAs(keyless, card, '认领')
    expect(seen?.outcome === 'answered' && seen.view.title).toContain('处理中')
    await everybodySees(world, card, '处理中')
    expect(view(world, card, world.people.li).tips).toContain('冯十一 于')
    expect(jobsOf(incident)).toMatchObject([
      { action: 'ack', person_id: keyless.member.member_id, args: {}, source: 'card' },
    ])
    expect(actsOn(world, incident)).toEqual([])
    const [snoozed] = await pressAs(keyless, card, '暂缓 2 小时')
    expect(snoozed?.outcome === 'answered' && snoozed.view.title).toContain('已暂缓至')
    expect(jobsOf(incident)[1]).toMatchObject({ action: 'snooze', args: { minutes: 120 } })
    // Nothing in Redis is a key.
    const jobs = JSON.stringify(consumer.taken)
    for (const secret of [owner.app_key, world.people.li.member.app_key]) expect(jobs).not.toContain(secret)
    expect(await pressesOf(incident)).toMatchObject([{ status: 'success' }, { status: 'success' }])
  })

  test('a refusal is told in words, with the same reasons', async () => {
    const { world } = scene
    const { incident, card } = await alertGroup('队列无权限')
    keyless.member.may_handle = false
    const [seen] = await pressAs(keyless, card, '认领')
    expect(tips(seen)).toContain('当前账号无故障管理权限')
    expect(await pressesOf(incident)).toMatchObject([{ status: 'failed', reason_code: 'NO_PERMISSION' }])
    expect(buttonTexts(view(world, card, world.people.li))).toContain('认领')
  })

  test.each<[string, object, string]>([
    ['an error that is a text', { error: 'down' }, '操作未被接受'],
    ['an error whose code makes no sense', { ok: true, error: { code: {}, message: [] } }, '操作未被接受'],
    ['a message that makes no sense', { ok: true, error: null, message: {} }, ''],
    ['no word of success', { ok: 'maybe', error: '{{error}}' }, ''],
    ['an incident in parts', { incident: { labels: { a: {} }, responders: 'x', progress: 'Processing' } }, ''],
    ['an incident that is none', { incident: 'x' }, ''],
  ])('%s is read as far as it makes sense', async (what, odd, refusal) => {
    const { incident, card } = await alertGroup(`奇怪的结果 ${what}`)
    // What was done comes as an event too, which no odd result outweighs.
    keyless.member.may_handle = refusal === ''
    consumer.answerWith((result) => [{ ...result, ...odd }])
    const [seen] = await pressAs(keyless, card, '认领')
    if (refusal !== '') expect(tips(seen)).toContain(refusal)
    const status = refusal === '' ? 'success' : 'failed'
    await eventually('the press has come to its end', async () => (await pressesOf(incident))[0]?.status === status)
  })

  test('a result that comes late is the truth afterwards; one that comes twice, or of nothing, is harmless', async () => {
    const { world } = scene
    const { incident, card } = await alertGroup('结果迟到')
    const kept: ActionResult[] = []
    consumer.answerWith((result) => {
      kept.push(result)
      return []
    })
    // It is done, and its event may be here before anybody has had enough.
    expect(await pressUntil(card, '认领', () => kept.length > 0)).toMatch(/处理中，卡片稍后更新|冯十一 于/)
    const [result] = kept
    for (const odd of [{}, { action_id: 'nobody', ok: true }, 'text', { action_id: 5 }, result, result]) {
      await consumer.tell(odd)
    }
    await settledRecords(world, incident)
    await everybodySees(world, card, '处理中')
    const opposite = { action_id: result?.action_id, ok: false, error: { code: 'NoLicense', message: 'no' } }
    await consumer.tell(opposite)
    await eventually('every result is taken in', () =>
      withQueue(
        world,
        async (queue) => Object.values(await queue.getJobCounts('wait', 'active', 'delayed')).every((n) => n === 0),
        RESULT_QUEUE,
      ),
    )
    expect(await pressesOf(incident)).toMatchObject([{ status: 'success', reason_code: null }])
    // Offered again meanwhile, under its name: fetched once.
    expect(jobsOf(incident)).toHaveLength(1)
  })

  test('a failure that comes late reaches the presser', async () => {
    const { world } = scene
    const { incident, card } = await alertGroup('迟到的拒绝')
    let late: ActionResult | undefined
    consumer.answerWith((result) => {
      late = result
      return []
    })
    keyless.member.licensed = false
    expect(await pressUntil(card, '认领', () => late !== undefined)).toBe('处理中，卡片稍后更新')
    await consumer.tell(late)
    await eventually('the presser is told', () =>
      world.dingtalk.journal
        .requests('oToMessages/batchSend')
        .some(({ body }) => JSON.stringify(body).includes('迟到的拒绝：认领未成功。无可用 License')),
    )
    expect(await pressesOf(incident)).toMatchObject([{ status: 'failed', reason_code: 'NO_LICENSE' }])
  })

  test('no result at all ends in words, and a custom action is offered once', async () => {
    const { world } = scene
    const { incident, card } = await alertGroup('没有结果')
    keyless.member.may_handle = false
    consumer.answerWith(() => [])
    for (const [text, action] of [
      ['认领', 'ack'],
      ['重启实例', 'custom'],
    ] as const) {
      const isFetched = () => jobsOf(incident).some((job) => job.action === action)
      expect(await pressUntil(card, text, isFetched)).toBe('处理中，卡片稍后更新')
    }
    await changeDatabase(
      world,
      'update clicks set created_at = created_at - 600000 where incident_id = ?',
      incident.incident_id,
    )
    const records = await settledRecords(world, incident)
    const reasons = new Map(records.map((row) => [row.event_type, row.reason_code]))
    expect(reasons.get('ack')).toBe('ACTION_UNANSWERED')
    expect(reasons.get('custom')).toBe('OUTCOME_UNKNOWN')
    expect(jobsOf(incident).filter(({ action }) => action === 'custom')).toHaveLength(1)
  })

  test('a Redis that is away loses nothing: the click is offered when it is back', async () => {
    const { world } = scene
    const { incident, card } = await alertGroup('队列断线')
    await world.redis.stop()
    try {
      expect(await pressUntil(card, '认领', () => true)).toBe('处理中，卡片稍后更新')
    } finally {
      await world.redis.restart()
    }
    await everybodySees(world, card, '处理中')
    await settledRecords(world, incident)
    expect(jobsOf(incident)).toHaveLength(1)
  })
})

afterAll(() => {
  expectSilence(scene.world, scene.app.lines, { errors: ['click-failed', 'owner-key-refused', 'redis-state'] })
})
