import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import type { Space } from '../domain/card.ts'
import { createAndDeliver, deliverCard, type DeliverRow, matchResults, openSpaceId, updateCard } from './cards.ts'
import type { DingTalkClient } from './client.ts'
import { useProperties } from '../../test/support/properties.ts'

useProperties()

const A: Space = { kind: 'group', targetId: 'cidA==' }
const B: Space = { kind: 'group', targetId: 'cidB==' }
const LI: Space = { kind: 'person', targetId: 'user0002' }

type Call = { method: string; path: string; body: Record<string, unknown> }

/** DingTalk with one answer to everything. */
function clientThatAnswers(answer: unknown): DingTalkClient & { calls: Call[] } {
  const calls: Call[] = []
  return {
    clientId: 'dingapp',
    calls,
    call: (method, path, body) => {
      calls.push({ method, path, body: body as Record<string, unknown> })
      return Promise.resolve(answer)
    },
  }
}

const card = {
  outTrackId: 'fd-1',
  templateId: 't.schema',
  callbackType: 'STREAM' as const,
  robotCode: 'dingapp',
  drawn: {
    cardParamMap: { title: 'x' },
    pushText: '[严重] x',
    lastMessage: { 'zh-CN': '[严重] x', 'en-US': '[Critical] x' },
  },
}
const ok = (space: Space): DeliverRow => ({
  spaceId: space.targetId,
  success: true,
  carrierId: `carrier of ${space.targetId}`,
})
const refused = (spaceId: string, errorMsg: string): DeliverRow => ({ spaceId, success: false, errorMsg })
const delivered = (space: Space) => ({ space, outcome: 'delivered', carrierId: `carrier of ${space.targetId}` })

test('spaces are named with their kinds', () => {
  expect(openSpaceId([A, LI])).toBe('dtv1.card//IM_GROUP.cidA==;IM_ROBOT.user0002')
})

describe('requests', () => {
  test.each<[Space[], string[]]>([
    [[A], ['imGroupOpenDeliverModel']],
    [[LI], ['imRobotOpenDeliverModel']],
    [
      [A, LI],
      ['imGroupOpenDeliverModel', 'imRobotOpenDeliverModel'],
    ],
  ])('%j needs the deliver models of its kinds, and a new card both space models', async (spaces, models) => {
    const client = clientThatAnswers({ success: true, result: spaces.map(ok) })
    await createAndDeliver(client, { ...card, spaces })
    await deliverCard(client, { ...card, spaces })
    const [create, deliver] = client.calls.map(({ body }) => Object.keys(body).filter((key) => key.startsWith('im')))
    expect(create?.sort()).toEqual(['imGroupOpenSpaceModel', 'imRobotOpenSpaceModel', ...models].sort())
    expect(deliver).toEqual(models)
    expect(client.calls.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /v1.0/card/instances/createAndDeliver',
      'POST /v1.0/card/instances/deliver',
    ])
  })

  test('groups mention people, a person’s own chat nobody; each client reads the list line in its language', async () => {
    const client = clientThatAnswers({ success: true, result: [ok(A), ok(LI)] })
    const mentions = [{ userId: 'li', name: '李四' }]
    await createAndDeliver(client, { ...card, spaces: [A, LI], mentions })
    await createAndDeliver(client, { ...card, spaces: [LI], mentions })
    expect(client.calls[0]?.body).toMatchObject({
      cardAtUserIds: ['li'],
      imGroupOpenDeliverModel: { atUserIds: { li: '李四' } },
      imGroupOpenSpaceModel: {
        lastMessageI18n: { ZH_CN: '[严重] x', EN_US: '[Critical] x' },
        notification: { alertContent: '[严重] x' },
      },
    })
    expect(JSON.stringify(client.calls[1]?.body)).not.toContain('tUserIds')
  })

  test('an update replaces single values, never all', async () => {
    const client = clientThatAnswers({ success: true, result: true })
    await updateCard(client, { outTrackId: 'fd-1', cardParamMap: { title: 'x' } })
    expect(client.calls[0]?.body).toMatchObject({
      cardUpdateOptions: { updateCardDataByKey: true },
    })
  })
})

describe('answers', () => {
  test.each<[string, unknown]>([
    ['nested in deliverResults', { success: true, result: { outTrackId: 'fd-1', deliverResults: [ok(A), ok(LI)] } }],
    ['as the result itself', { success: true, result: [ok(A), ok(LI)] }],
    ['without success', { result: [ok(A), ok(LI)] }],
    ['in another order', { success: true, result: [ok(LI), ok(A)] }],
    ['with one of a space nobody named', { success: true, result: [ok(B), ok(LI), ok(A)] }],
  ])('rows %s', async (_how, answer) => {
    const expected = [delivered(A), delivered(LI)]
    expect(await createAndDeliver(clientThatAnswers(answer), { ...card, spaces: [A, LI] })).toEqual(expected)
    expect(await deliverCard(clientThatAnswers(answer), { ...card, spaces: [A, LI] })).toEqual(expected)
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['no result', { success: true }],
    ['a null result', { success: true, result: null }],
    ['a result without rows', { success: true, result: { outTrackId: 'fd-1' } }],
    ['a result that is true', { success: true, result: true }],
    ['rows without success', { success: true, result: [{ spaceId: 'cidA==' }] }],
  ])('%s leaves the outcome unknown', async (_what, answer) => {
    await expect(createAndDeliver(clientThatAnswers(answer), { ...card, spaces: [A] })).rejects.toMatchObject({
      failure: { kind: 'unknown-outcome' },
    })
  })

  test.each<[string, unknown]>([
    ['success', { success: true, result: true }],
    ['success without a result', { success: true }],
  ])('an update is confirmed by %s', async (_what, answer) => {
    await expect(updateCard(clientThatAnswers(answer), { outTrackId: 'x', cardParamMap: {} })).resolves.toBeUndefined()
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['an empty object', {}],
    ['success false', { success: false }],
    ['a false result', { success: true, result: false }],
  ])('an update is not confirmed by %s', async (_what, answer) => {
    await expect(updateCard(clientThatAnswers(answer), { outTrackId: 'x', cardParamMap: {} })).rejects.toMatchObject({
      failure: { kind: 'unknown-outcome' },
    })
  })
})

describe('which row is whose', () => {
  test('each space by its exact id, whatever the order', () => {
    expect(matchResults([A, B], [refused('cidB==', 'spaceId is illegal'), ok(A)])).toEqual([
      delivered(A),
      { space: B, outcome: 'failed', reason: 'CHAT_NOT_FOUND', detail: 'spaceId is illegal' },
    ])
  })

  test('by position when the rows name no ids but are as many', () => {
    expect(matchResults([A, LI], [{ success: true }, { success: false, errorMsg: 'spaceId is illegal' }])).toEqual([
      { space: A, outcome: 'delivered', carrierId: undefined },
      { space: LI, outcome: 'failed', reason: 'IM_USER_NOT_FOUND', detail: 'spaceId is illegal' },
    ])
  })

  test('the only space, by the only row, whatever id that has', () => {
    expect(matchResults([A], [refused('IM_ALL', 'spaces of card is empty')])).toEqual([
      { space: A, outcome: 'failed', reason: 'IM_ERROR', detail: 'spaces of card is empty' },
    ])
  })

  test.each<[string, DeliverRow[]]>([
    ['one row for all', [{ spaceId: 'IM_ALL', success: true }]],
    ['no rows', []],
    ['a row too many without ids', [{ success: true }, { success: true }, { success: true }]],
  ])('%s tells nothing about two spaces', (_what, rows) => {
    expect(matchResults([A, B], rows)).toEqual([
      { space: A, outcome: 'unknown' },
      { space: B, outcome: 'unknown' },
    ])
  })

  test('a failure without a text is a failure', () => {
    expect(matchResults([A], [{ spaceId: 'cidA==', success: false }])).toMatchObject([
      { outcome: 'failed', reason: 'IM_ERROR', detail: '' },
    ])
  })

  test('each space has one result in the order asked for; shuffled rows with ids change nothing', () => {
    const spaces = fc.uniqueArray(
      fc.record({ kind: fc.constantFrom('group' as const, 'person' as const), targetId: fc.uuid() }),
      { selector: ({ targetId }) => targetId, minLength: 1, maxLength: 8 },
    )
    const shuffled = spaces.chain((list) => {
      const rows = fc.tuple(
        ...list.map((space) => fc.boolean().map((success) => ({ spaceId: space.targetId, success }))),
      )
      return rows.chain((inOrder) =>
        fc.tuple(
          fc.constant(list),
          fc.constant(inOrder),
          fc.shuffledSubarray(inOrder, { minLength: inOrder.length, maxLength: inOrder.length }),
        ),
      )
    })
    fc.assert(
      fc.property(shuffled, ([list, inOrder, rows]) => {
        const results = matchResults(list, rows)
        expect(results.map(({ space }) => space)).toEqual(list)
        expect(results.map(({ outcome }) => outcome === 'delivered')).toEqual(inOrder.map(({ success }) => success))
      }),
    )
  })
})
