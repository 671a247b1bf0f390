import { afterAll, beforeAll, expect, test } from 'vitest'

import type { Incident } from '../sandbox/flashduty/types.ts'
import { eventually } from '../support/eventually.ts'
import {
  changeIntegration,
  actsOn,
  answerOf,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  openScene,
  type OperationRecord,
  recordsOf,
  type Scene,
  theCardOf,
  view,
} from '../support/journey.ts'
import { openPageActs, type PageActs } from '../support/page-acts.ts'
import type { Person } from '../support/world.ts'

const CUSTOM = 7_001
export const ACTIONS = ['ack', 'unack', 'snooze', 'wake', 'resolve', 'custom', 'refresh', 'reopen'] as const
export type Action = (typeof ACTIONS)[number]

/** How far the incident has come before the press, and what everybody sees after one that counts. */
const BEFORE: Record<Action, ('ack' | 'resolve' | { snoozeMinutes: number })[]> = {
  ack: [],
  unack: ['ack'],
  snooze: ['ack'],
  wake: ['ack', { snoozeMinutes: 120 }],
  resolve: [],
  custom: [],
  refresh: [],
  reopen: ['resolve'],
}
const STATE_BEFORE: Record<Action, string> = {
  ack: '待处理',
  unack: '处理中',
  snooze: '处理中',
  wake: '已暂缓至',
  resolve: '待处理',
  custom: '待处理',
  refresh: '待处理',
  reopen: '已关闭',
}
const STATE_AFTER: Record<Action, string> = {
  ...STATE_BEFORE,
  ack: '处理中',
  unack: '待处理',
  snooze: '已暂缓至',
  wake: '处理中',
  resolve: '已关闭',
  reopen: '待处理',
}

type Refusal = { reason: string; sentence: string; lead?: string }
const NOT_LINKED: Refusal = {
  reason: 'NOT_LINKED',
  sentence: '未关联应用：请点“去关联”或打开工作台应用',
  lead: '去关联',
}
const NO_LICENSE: Refusal = { reason: 'NO_LICENSE', sentence: '无可用 License：请联系管理员在费用中心处理' }
const NO_PERMISSION: Refusal = { reason: 'NO_PERMISSION', sentence: '或切换账户后再试' }
const KEY_INVALID: Refusal = { reason: 'KEY_INVALID', sentence: '请重新登录关联（右上角切换账户）' }

/** What each of them meets; undefined = it counts. */
const WHO = {
  unlinked: () => NOT_LINKED,
  'linked to a disabled member': () => KEY_INVALID,
  'of another corporation': (action: Action): Refusal =>
    // A page knows people by its login, which lets nobody in from elsewhere: to it they are nobody.
    action === 'reopen' ? NOT_LINKED : { reason: 'OTHER_CORPORATION', sentence: '非本企业成员不能操作此卡片' },
  left: () => NOT_LINKED,
  'without a licence': () => NO_LICENSE,
  'without the right': (action: Action) => (action === 'refresh' ? undefined : NO_PERMISSION),
  'outside a private channel': () => NO_PERMISSION,
  'replaced by a second link': () => NOT_LINKED,
  linked: () => undefined,
  'not in the group': () => undefined,
  'linked in place of another': () => undefined,
} satisfies Record<string, (action: Action) => Refusal | undefined>
export type Who = keyof typeof WHO

const EVERYBODY = Object.keys(WHO) as Who[]

export type Case = { action: Action; who: Who }

export const ALL_CASES: Case[] = ACTIONS.flatMap((action) => EVERYBODY.map((who) => ({ action, who })))

/** Who may do what: each action by whoever presses it, with the words they get and the record it leaves. */
export function tellWhoMayDoWhat(told: Case[]): void {
  let scene: Scene
  let pages: PageActs
  const people = new Map<Who, Person>()
  const incidents = new Map<string, { incident: Incident; card: string }>()

  /** Refusals change nothing, so all of an action share one incident; each success has one of its own. */
  const keyOf = (action: Action, who: Who): string =>
    WHO[who](action) === undefined
      ? `${action} ${who}`
      : who === 'outside a private channel'
        ? `${action} private`
        : action

  beforeAll(async () => {
    scene = await openScene({ dingtalk: { qpsPerApi: 0 } })
    const { world } = scene
    await changeIntegration(scene, '--qps', '0')
    pages = await openPageActs(world)
    const { control } = world.flashduty
    control.setCustomAction({ integrationId: CUSTOM, name: '重启', outcome: 'ok' })

    const join = async (who: Who, options: { linkedTo?: Person; key?: boolean } = {}): Promise<Person> => {
      const user = world.dingtalk.control.createUser({ name: who })
      const member = options.linkedTo?.member ?? control.createMember({ member_name: who })
      const link = [
        '--dingtalk-user',
        user.userId,
        '--member',
        String(member.member_id),
        '--member-key',
        member.app_key,
      ]
      if (who !== 'unlinked' && who !== 'of another corporation')
        expect(await world.cli('links', 'add', ...link)).toMatchObject({ code: 0 })
      const person = { user, member }
      people.set(who, person)
      return person
    }
    for (const who of EVERYBODY.filter((one) => one !== 'linked in place of another')) await join(who)
    const replaced = people.get('replaced by a second link')
    if (replaced) await join('linked in place of another', { linkedTo: replaced })
    const of = (who: Who): Person => people.get(who) ?? world.people.wang
    of('linked to a disabled member').member.status = 'pending'
    of('without a licence').member.licensed = false
    of('without the right').member.may_handle = false
    const gone = { timeStamp: String(Date.now()), userId: [of('left').user.userId] }
    const event = { eventType: 'user_leave_org', data: gone }
    const left = world.dingtalk.control.pushEvent(world.dingtalkApp.clientId, event)
    await world.dingtalk.control.eventSettled(left)

    const { zhang } = world.people
    const insiders = [...people].filter(([who]) => who !== 'outside a private channel').map(([, { member }]) => member)
    const secret = control.createChannel(
      '私密空间',
      [zhang.member, ...insiders].map((one) => one.member_id),
    )
    const wanted = new Map(told.map(({ action, who }) => [keyOf(action, who), { action, who }]))
    await Promise.all(
      [...wanted].map(async ([key, { action, who }]) => {
        const incident = await fire(world, {
          title: key,
          channelId: key.endsWith(' private') ? secret.channel_id : world.channelId,
          chats: [inGroup(world.groups.oncall)],
          delivery: { custom_actions: [{ integration_id: CUSTOM, name: '重启' }] },
        })
        const card = await theCardOf(world, incident)
        incidents.set(key, { incident, card })
        // Only who has acknowledged can take it back.
        const actor = WHO[who](action) === undefined ? of(who) : zhang
        for (const act of BEFORE[action]) await control.act(incident.incident_id, act, actor.member.member_id)
        await everybodySees(world, card, STATE_BEFORE[action], [zhang])
      }),
    )
  })

  afterAll(async () => {
    await pages.close()
    await scene.close()
  })

  function idOf(card: string, action: Action): string {
    // What a client that has not drawn the newest face may still show.
    const ids = { snooze: 'snooze.120', custom: `custom.${CUSTOM}` } as Record<string, string>
    const found = view(scene.world, card, scene.world.people.zhang).buttons.find(
      (button) => 'id' in button && button.id.startsWith(`${ids[action] ?? action}~`),
    )
    if (!found || !('id' in found)) throw new Error(`no button for ${action}`)
    return found.id
  }

  async function recordOf(incident: Incident, person: Person): Promise<OperationRecord[]> {
    return eventually('the record has come to its end', async () => {
      const records = await recordsOf(scene.world, incident)
      const mine = records.filter((row) => row.kind === 'action' && row.target_id === person.user.userId)
      return mine.length > 0 && mine.every(({ status }) => status !== 'pending') && mine
    })
  }

  test.each(told.map(({ action, who }) => [action, who] as const))('%s by a person %s', async (action, who) => {
    const { world } = scene
    const person = people.get(who)
    const found = incidents.get(keyOf(action, who))
    if (!person || !found) throw new Error('everything was prepared')
    const { incident, card } = found
    const refusal: Refusal | undefined = WHO[who](action)
    const acts = actsOn(world, incident).length

    if (action === 'reopen') {
      const request = { incidentId: incident.incident_id, action, reason: '复发', token: `${action} ${who}` }
      const answer = await pages.act(person, request)
      expect(answer).toMatchObject(refusal ? { status: 'failed', reason: refusal.reason } : { status: 'done' })
    } else {
      const pressed = await world.dingtalk.control.press({
        outTrackId: card,
        userId: person.user.userId,
        buttonId: idOf(card, action),
        force: true,
        ...(who === 'of another corporation' ? { corpId: 'dingcorpelsewhere' } : {}),
        ...(who === 'not in the group' ? { spaceId: world.groups.platform.openConversationId } : {}),
      })
      const seen = answerOf(pressed)
      if (refusal) {
        expect(seen.tips).toContain(refusal.sentence)
        expect(seen.title).toContain(STATE_BEFORE[action])
        if (refusal.lead) expect(seen.buttons[0]).toMatchObject({ text: refusal.lead })
      } else {
        expect(seen.title).toContain(STATE_AFTER[action])
      }
    }

    const [record, ...others] = await recordOf(incident, person)
    expect(others).toEqual([])
    if (refusal) {
      expect(record).toMatchObject({ event_type: action, status: 'failed', reason_code: refusal.reason })
      expect(view(world, card, world.people.zhang).title).toContain(STATE_BEFORE[action])
    } else {
      expect(record).toMatchObject({ event_type: action, status: 'success', reason_code: null })
      expect(record?.note ?? null).toBe(who === 'not in the group' && action !== 'reopen' ? 'PRESSED_ELSEWHERE' : null)
      expect(actsOn(world, incident).length - acts).toBe(action === 'refresh' ? 0 : 1)
      await everybodySees(world, card, STATE_AFTER[action])
    }
  })

  afterAll(() => {
    expectSilence(scene.world, scene.app.lines, { errors: ['click-failed'] })
  })
}
