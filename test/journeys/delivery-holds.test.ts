import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import type { Fault } from '../sandbox/dingtalk/types.ts'
import type { Incident, IncidentEvent } from '../sandbox/flashduty/types.ts'
import { eventually } from '../support/eventually.ts'
import { composeActs, composeIncident } from '../support/jobs.ts'
import {
  bootImpatient,
  cardsOf,
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
import { alertGroup, hit, messagesIn, outcomes, refusal, requestsAbout, rowsOf, takeIn } from '../support/story.ts'

let scene: Scene
/** By how much the daemon's clock goes ahead. */
let clockAheadMs = 0

/** What the app may do unless a test denies it. */
let allScopes: string[] = []

beforeAll(async () => {
  scene = await openScene()
  allScopes = [...scene.world.dingtalk.control.app(scene.world.dingtalkApp.clientId).scopes]
})
afterEach(() => {
  scene.world.dingtalk.control.clearFaults()
  grant(allScopes)
})
afterAll(async () => {
  await scene.close()
})

function grant(scopes: string[]): void {
  const { dingtalk, dingtalkApp } = scene.world
  dingtalk.control.updateApp(dingtalkApp.clientId, { scopes })
}

/** What Redis does by itself when the time of a pause is over. */
async function forgetPauses(): Promise<void> {
  const redis = new Redis(scene.world.redis.url, { maxRetriesPerRequest: 1 })
  try {
    const keys = await redis.keys('*:limiter')
    expect(keys).not.toEqual([])
    await redis.del(keys)
  } finally {
    redis.disconnect()
  }
}

describe('while somebody has to change something first', () => {
  type Hold = [reason: string, begin: () => void, end: () => void]
  const always = (code: string) => (): void => {
    const { control } = scene.world.dingtalk
    for (const api of ['createAndDeliver', 'updateCard'] as const) {
      control.addFault({ api, times: 1_000, effect: refusal(403, `Forbidden.AccessDenied.${code}`) })
    }
  }
  const clear = (): void => scene.world.dingtalk.control.clearFaults()
  const holds: Hold[] = [
    ['IM_QUOTA_EXCEEDED', always('ApiCountLimitForOrg'), clear],
    ['IP_NOT_ALLOWED', always('IpNotInWhiteList'), clear],
    [
      'APP_PERMISSION_MISSING',
      () => grant(allScopes.filter((scope) => scope !== 'Card.Instance.Write')),
      () => grant(allScopes),
    ],
  ]
  test.each(holds)(
    '%s: cards and updates are held with that reason, and come afterwards',
    async (reason, begin, end) => {
      const { world } = scene
      const chats = [inGroup(world.groups.oncall)]
      const known = await alertGroup(world, '之前')
      const held = await composeIncident(world, { title: '被挡住', chats })
      const closed = await composeIncident(world, { title: '挡住时已关', chats })
      const [acked] = (await composeActs(world, known.incident, ['ack'])) as [IncidentEvent]
      const acts = await composeActs(world, closed.incident, ['resolve'])

      begin()
      await takeIn(world, held.assigned, acked, closed.assigned, ...acts)
      const waits = async (incident: Incident, event: IncidentEvent) => {
        const rows = rowsOf(await recordsOf(world, incident), event)
        expect(rows).toMatchObject([{ status: 'retrying', reason }])
        return true
      }
      await eventually('the create waits', () => waits(held.incident, held.assigned))
      await eventually('the update waits', () => waits(known.incident, acked))
      // Looked at again and again, and still nobody was told.
      const asked = requestsAbout(world, held.incident).length
      await eventually('it is tried again', () => requestsAbout(world, held.incident).length > asked)
      expect(cardsOf(world, held.incident)).toEqual([])
      expect(view(world, known.card, world.people.li).title).toContain('待处理')

      end()
      const card = await theCardOf(world, held.incident)
      await everybodySees(world, known.card, '处理中')
      expect(Object.values(await outcomes(world, held.incident, held.assigned))).toEqual(['success'])
      expect(Object.values(await outcomes(world, known.incident, acked))).toEqual(['updated'])
      expect(messagesIn(world, card, world.groups.oncall)).toBe(1)
      expect(Object.values(await outcomes(world, closed.incident, closed.assigned))).toEqual(['ALREADY_CLOSED'])
      expect(cardsOf(world, closed.incident)).toEqual([])
    },
  )

  const bans: [what: string, effect: Fault['effect']][] = [
    [
      'with a page',
      {
        kind: 'answer',
        status: 403,
        contentType: 'text/html',
        body: '<html><body>{"status":1111,"wait":5,"source":"x5","punish":"deny"}</body></html>',
      },
    ],
    [
      'with status 1111',
      {
        kind: 'answer',
        status: 200,
        body: { status: 1111, wait: 5, source: 'x5', punish: 'deny', uuid: '0f0e' },
      },
    ],
  ]
  test.each(bans)(
    'the firewall bans this address (%s): no call for five minutes, then all of it',
    async (_what, ban) => {
      const { world } = scene
      const chats = [inGroup(world.groups.oncall)]
      const first = await composeIncident(world, { title: '撞上防火墙', chats })
      const closed = await composeIncident(world, { title: '防火墙时已关', chats })
      const acts = await composeActs(world, closed.incident, ['resolve'])
      hit(world, 'createAndDeliver', first.incident, ban, 1_000)
      await takeIn(world, first.assigned)
      await eventually('it is held', async () => {
        const rows = await recordsOf(world, first.incident)
        expect(rows).toMatchObject([{ status: 'retrying', reason_code: 'IM_RATE_LIMITED' }])
        return true
      })
      const second = await fire(world, { title: '禁封期间', chats })
      await takeIn(world, closed.assigned, ...acts)
      await eventually('its plan is stored', async () => (await recordsOf(world, second)).length > 0)
      await scene.app.stop()
      expect(requestsAbout(world, first.incident)).toHaveLength(1)
      expect(requestsAbout(world, second)).toEqual([])

      // Five minutes later: Redis has forgotten the pause, and the daemon's clock has moved on.
      world.dingtalk.control.clearFaults()
      await forgetPauses()
      const aheadMs = (clockAheadMs += 301_000)
      const earlier = scene.app.lines
      scene.app = await bootImpatient(world, { clock: { nowMs: () => Date.now() + aheadMs } })
      scene.app.lines.unshift(...earlier)
      for (const incident of [first.incident, second]) {
        const card = await theCardOf(world, incident)
        expect(messagesIn(world, card, world.groups.oncall)).toBe(1)
        const records = await settledRecords(world, incident)
        expect(records.filter(({ event_type: type }) => type === 'i_assign')).toMatchObject([
          { status: 'success', note: null },
        ])
      }
      expect(Object.values(await outcomes(world, closed.incident, closed.assigned))).toEqual(['ALREADY_CLOSED'])
      expect(requestsAbout(world, closed.incident)).toEqual([])
    },
  )
})

afterAll(() => {
  expectSilence(scene.world, scene.app.lines, {
    errors: ['card-create-failed', 'card-update-failed', 'dingtalk-ban-met'],
  })
})
