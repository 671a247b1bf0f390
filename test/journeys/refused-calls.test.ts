import { afterEach, beforeAll, describe, expect, test, afterAll } from 'vitest'

import type { ApiName, Group } from '../sandbox/dingtalk/types.ts'
import type { Incident } from '../sandbox/flashduty/types.ts'
import { eventually } from '../support/eventually.ts'
import {
  callsFor,
  cardsOf,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  installInMany,
  type OperationRecord,
  recordsOf,
  type Scene,
  settledRecords,
  theCardOf,
  useScene,
} from '../support/journey.ts'

/** While somebody has to change something first, the daemon looks this often. */
const LOOK_MS = 500

/** A code that DingTalk's pages do not mention. */
const UNLISTED = 'something.new.today'

const scene = useScene({ overrides: { delivery: { blockedRetryMs: LOOK_MS } } })
afterEach(() => {
  scene.world.dingtalk.control.clearFaults()
})

function refuse(api: ApiName, code: string, options: { bodyContains?: string; times?: number; status?: number } = {}) {
  const { status = 400, times = 1_000, ...only } = options
  const effect = { kind: 'answer', status, body: { code, message: code, requestid: 'R-1' } } as const
  scene.world.dingtalk.control.addFault({ api, times, effect, ...only })
}

function act(incident: Incident, what: Parameters<Scene['world']['flashduty']['control']['act']>[1]) {
  const { world } = scene
  return world.flashduty.control.act(incident.incident_id, what, world.people.zhang.member.member_id)
}

/** Of the event that names the groups: i_new may be taken in after it, and is on record then too. */
const isAssignment = ({ kind, event_type: type }: OperationRecord): boolean => kind === 'group' && type === 'i_assign'

const bodyOf = (request: { body: unknown }) => request.body as { outTrackId?: string; openSpaceId?: string }

describe('one group among twenty for which DingTalk refuses the whole call', () => {
  let groups: Group[]
  beforeAll(async () => {
    groups = await installInMany(scene.world, 20, '成员群')
  })

  test.each([
    [3, 'invalid.openConversationId', 'CHAT_NOT_FOUND'],
    [16, 'param.openSpaceIdInvalid', 'IM_ERROR'],
    [20, UNLISTED, 'IM_ERROR'],
  ])('no. %d, with %s: stands alone after few calls, and all others get the card', async (number, code, reason) => {
    const { world } = scene
    const { journal, control } = world.dingtalk
    const bad = groups[number - 1]?.openConversationId ?? ''
    for (const api of ['createAndDeliver', 'deliver'] as const) refuse(api, code, { bodyContains: bad })
    const incident = await fire(world, { chats: groups.map((group) => inGroup(group)) })
    await eventually('nineteen groups have the card', () => {
      const places = cardsOf(world, incident).flatMap((card) => Object.keys(control.placementsOf(card)))
      expect(places.sort()).toEqual(
        groups
          .map((group) => group.openConversationId)
          .filter((id) => id !== bad)
          .sort(),
      )
      return true
    })
    const records = (await settledRecords(world, incident)).filter(isAssignment)
    expect(records).toHaveLength(20)
    const others = records.filter(({ status }) => status !== 'success')
    expect(others).toMatchObject([{ target_id: bad, status: 'failed', reason_code: reason }])
    expect(others[0]?.detail).toContain(code)

    const calls = (['createAndDeliver', 'deliver'] as const)
      .flatMap((api) => journal.requests(api))
      .filter((call) => String(bodyOf(call).outTrackId).includes(incident.incident_id))
    // A refusal whose meaning nobody knows is worth one call more.
    expect(calls.length).toBeLessThanOrEqual((code === UNLISTED ? 2 : 1) + 2 * Math.ceil(Math.log2(20)))
    const alone = calls.filter((call) => bodyOf(call).openSpaceId === `dtv1.card//IM_GROUP.${bad}`)
    expect(alone).toHaveLength(1)
  })

  test('all twenty still get the next one by one call', async () => {
    const { world } = scene
    const incident = await fire(world, { chats: groups.map((group) => inGroup(group)) })
    const card = await theCardOf(world, incident)
    await settledRecords(world, incident)
    expect(Object.keys(world.dingtalk.control.placementsOf(card))).toHaveLength(20)
    expect(callsFor(world, 'createAndDeliver', card)).toHaveLength(1)
  })
})

describe('a refusal that is listed nowhere', () => {
  const creates = (incident: Incident) =>
    scene.world.dingtalk.journal
      .requests('createAndDeliver')
      .filter((call) => String(bodyOf(call).outTrackId).includes(incident.incident_id))

  test.each([
    [1, 'success', null],
    [1_000, 'failed', 'IM_ERROR'],
  ] as const)('of a new card (%d times): is tried exactly once more', async (times, status, reason) => {
    const { world } = scene
    refuse('createAndDeliver', UNLISTED, { times })
    const incident = await fire(world, { chats: [inGroup(world.groups.oncall)] })
    await eventually('two tries', () => creates(incident).length === 2)
    const records = await settledRecords(world, incident)
    const group = records.filter(isAssignment)
    expect(group).toMatchObject([{ status, reason_code: reason }])
    expect(creates(incident)).toHaveLength(2)
  })

  test('of an update: is tried exactly once more, and so is the next update', async () => {
    const { world } = scene
    const incident = await fire(world, { chats: [inGroup(world.groups.oncall)] })
    const card = await theCardOf(world, incident)
    await settledRecords(world, incident)
    refuse('updateCard', UNLISTED, { bodyContains: card })
    await act(incident, 'ack')
    await eventually('two tries', () => callsFor(world, 'updateCard', card).length === 2)
    const acked = (await settledRecords(world, incident)).filter(({ event_type: type }) => type === 'i_ack')
    expect(acked).toMatchObject([{ status: 'failed', reason_code: 'IM_ERROR' }])
    expect(acked[0]?.detail).toContain(UNLISTED)

    world.dingtalk.control.clearFaults()
    refuse('updateCard', UNLISTED, { bodyContains: card, times: 1 })
    await act(incident, 'resolve')
    await everybodySees(world, card, '已关闭')
    await settledRecords(world, incident)
    expect(callsFor(world, 'updateCard', card)).toHaveLength(4)
  })
})

describe('what somebody has to put right first', () => {
  const FEW = 2
  const FORBIDDEN = 'Forbidden.AccessDenied.'
  const states: [what: string, count: number, api: ApiName, status: number, code: string, reason: string][] = [
    ['a permission', 10, 'createAndDeliver', 403, `${FORBIDDEN}AccessTokenPermissionDenied`, 'APP_PERMISSION_MISSING'],
    ['the list of addresses', FEW, 'createAndDeliver', 403, `${FORBIDDEN}IpNotInWhiteList`, 'IP_NOT_ALLOWED'],
    ['the monthly quota', FEW, 'createAndDeliver', 403, `${FORBIDDEN}ApiCountLimitForOrg`, 'IM_QUOTA_EXCEEDED'],
    ['the credentials', FEW, 'accessToken', 400, 'invalidClientIdOrSecret', 'APP_CREDENTIAL_INVALID'],
  ]

  test.each(states)(
    '%s: %i cards wait with one look now and then, and all arrive',
    async (_what, count, api, status, code, reason) => {
      const { world } = scene
      const { control, journal } = world.dingtalk
      // A token that was fetched before would hide that no other can be had.
      if (api === 'accessToken') control.revokeTokens(world.dingtalkApp.clientId)
      refuse(api, code, { status })
      const before = journal.requests(api).length
      const line = scene.app.lines.length
      const incidents = await Promise.all(
        Array.from({ length: count }, (_, index) =>
          fire(world, { title: `待处理 ${index + 1}`, chats: [inGroup(world.groups.oncall)] }),
        ),
      )
      const ofGroup = async () =>
        (await Promise.all(incidents.map((one) => recordsOf(world, one)))).flat().filter(isAssignment)
      await eventually('all are taken in, and one was tried', async () => {
        const waiting = await ofGroup()
        return waiting.length === count && waiting.some((record) => record.reason_code === reason)
      })
      const refusals = () => journal.requests(api).slice(before).length
      await eventually('it is tried again and again', () => refusals() >= 4)
      expect((await ofGroup()).filter((record) => !['pending', 'retrying'].includes(record.status))).toEqual([])

      const refused = refusals()
      control.clearFaults()
      for (const incident of incidents) {
        await theCardOf(world, incident)
        const records = await settledRecords(world, incident)
        expect(records.filter(isAssignment)).toMatchObject([{ status: 'success', reason_code: null }])
      }
      // After each refusal all the others wait as well.
      const pauses = scene.app.lines.slice(line).filter(({ msg }) => msg === 'pacer-throttled')
      expect(pauses.length).toBeGreaterThanOrEqual(api === 'accessToken' ? 1 : refused)
      expect(new Set(pauses.map(({ pauseMs }) => pauseMs))).toEqual(new Set([LOOK_MS]))
    },
  )
})

afterAll(() => {
  const errors = ['card-create-failed', 'card-deliver-failed', 'card-update-failed']
  expectSilence(scene.world, scene.app.lines, { errors })
})
