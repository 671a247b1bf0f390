import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { DEADLINES } from '../domain/deadlines.ts'
import type { Ack, InboundHandlers, PressAnswer } from '../domain/inbound.ts'
import { AppError } from '../errors.ts'
import { InFlight } from '../lifecycle.ts'
import { createLog } from '../log.ts'
import { TOPIC_CARD, TOPIC_ROBOT } from './frames.ts'
import { createRoom } from '../room.ts'
import { type Reply, routeFrame } from './router.ts'

const EVENT = JSON.stringify({
  type: 'EVENT',
  headers: { topic: '*', messageId: 'm1', eventType: 'chat_update_title', eventId: 'e1', eventCorpId: 'corp' },
  data: '{"title":"T"}',
})
const PRESS = JSON.stringify({
  type: 'CALLBACK',
  headers: { topic: TOPIC_CARD, messageId: 'm1' },
  data: JSON.stringify({
    outTrackId: 'fd-1',
    userId: 'user1',
    content: JSON.stringify({ cardPrivateData: { actionIds: ['ack~7'] } }),
  }),
})
const system = (topic: string, messageId?: string, data = '{}'): string =>
  JSON.stringify({ type: 'SYSTEM', headers: { topic, messageId }, data })

function rig(handlers: Partial<InboundHandlers> = {}) {
  const replies: Reply[] = []
  const reasons: string[] = []
  const lines: { level: string; msg: string; [key: string]: unknown }[] = []
  const counters = { malformed: 0, unknown: 0, overdue: 0, pushes: 0 }
  const log = createLog('trace', { write: (line: string) => void lines.push(JSON.parse(line) as (typeof lines)[0]) })
  const inFlight = new InFlight(() => {})
  const never = () => Promise.reject(new Error('not expected'))
  const room = createRoom({ takeEvent: never, answerPress: never, takeMessage: never, ...handlers }, log, inFlight)
  const deps = { log, room, deadlines: DEADLINES }
  let open = true
  return {
    replies,
    reasons,
    lines,
    counters,
    room,
    logged: (level: string) => lines.filter((line) => line.level === level).map((line) => line.msg),
    cut: () => (open = false),
    route: (raw: string, waitedMs = 0) =>
      routeFrame(deps, counters, raw, {
        reply(reply) {
          if (open) replies.push(reply)
          return open
        },
        waitedMs,
        flow: { enter: () => {}, leave: () => {} },
        onPing: () => {},
        onPush: () => void (counters.pushes += 1),
        onDisconnect: (reason) => void reasons.push(reason),
      }),
    dataOf: (index = 0) => JSON.parse(replies[index]?.data ?? 'null') as unknown,
  }
}

function later<T>() {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

const answerOf = (change: Partial<PressAnswer> = {}) => {
  const afterReply = vi.fn<(written: boolean) => void>()
  return { cardParamMap: { tips: '操作成功' }, afterReply, ...change }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('the deadlines are inside DingTalk’s: 3 s for events, 2 s for presses', () => {
  const { event, eventPush, press, message } = DEADLINES
  for (const { answerMs, tooLateMs } of Object.values(DEADLINES)) expect(answerMs).toBeLessThan(tooLateMs)
  expect(event.tooLateMs).toBeLessThan(3_000)
  expect(eventPush.answerMs).toBeLessThan(1_200)
  expect(eventPush.tooLateMs).toBeLessThan(2_500)
  expect(Math.max(press.tooLateMs, message.tooLateMs)).toBeLessThan(2_000)
})

describe('frames of the system', () => {
  test('a ping is answered with its own data', async () => {
    const { route, replies } = rig()
    await route(system('ping', 'm1', '{"opaque":"k3-77"}'))
    expect(replies).toEqual([{ code: 200, messageId: 'm1', data: '{"opaque":"k3-77"}' }])
  })

  test('a disconnect is answered and passed on', async () => {
    const { route, replies, reasons } = rig()
    await route(system('disconnect', 'm1', '{"reason":"connection is expired"}'))
    expect(replies).toEqual([{ code: 200, messageId: 'm1', data: '{}' }])
    expect(reasons).toEqual(['connection is expired'])
  })

  test('what has no message id gets no answer, and a disconnect still counts', async () => {
    const { route, replies, reasons } = rig()
    await route(system('ping'))
    await route(system('disconnect'))
    await route(system('CONNECTED', 'm1'))
    expect(replies).toEqual([])
    expect(reasons).toHaveLength(1)
  })
})

test('what cannot be read gets no answer; what nobody knows gets 404; both are counted and told', async () => {
  const { route, replies, counters, logged } = rig()
  await route('no JSON')
  await route(JSON.stringify({ type: 'CALLBACK', headers: { topic: '/other', messageId: 'm2' }, data: '{}' }))
  expect(replies).toEqual([{ code: 404, messageId: 'm2', data: '{}' }])
  expect(counters).toMatchObject({ malformed: 1, unknown: 1 })
  expect(logged('warn')).toEqual(['frame-malformed', 'frame-unknown'])
})

describe('events', () => {
  test.each<Ack>([
    { status: 'SUCCESS', message: 'ok' },
    { status: 'LATER', message: 'STORE_UNAVAILABLE' },
  ])('the answer is the handler’s: %j', async (ack) => {
    const takeEvent = vi.fn<InboundHandlers['takeEvent']>(() => Promise.resolve(ack))
    const { route, replies, dataOf } = rig({ takeEvent })
    await route(EVENT)
    expect(takeEvent).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({
        eventType: 'chat_update_title',
        eventId: 'e1',
        corpId: 'corp',
        fields: { title: 'T' },
      }),
    )
    expect(replies).toMatchObject([{ code: 200, messageId: 'm1' }])
    expect(dataOf()).toEqual(ack)
  })

  test('nothing is answered before the handler is done', async () => {
    const work = later<Ack>()
    const { route, replies } = rig({ takeEvent: () => work.promise })
    const routed = route(EVENT)
    await vi.advanceTimersByTimeAsync(DEADLINES.event.answerMs - 1)
    expect(replies).toEqual([])
    work.resolve({ status: 'SUCCESS', message: 'ok' })
    await routed
    expect(replies).toHaveLength(1)
  })

  test('a handler that takes too long is answered LATER, once', async () => {
    const work = later<Ack>()
    const { route, replies, dataOf, room, logged } = rig({ takeEvent: () => work.promise })
    const routed = route(EVENT)
    await vi.advanceTimersByTimeAsync(DEADLINES.event.answerMs)
    await routed
    expect(dataOf()).toMatchObject({ status: 'LATER' })
    work.resolve({ status: 'SUCCESS', message: 'ok' })
    await vi.advanceTimersByTimeAsync(10_000)
    expect(replies).toHaveLength(1)
    expect(room.late()).toBe(1)
    expect(logged('error')).toEqual(['event-late'])
  })

  test.each<[string, () => Promise<Ack>]>([
    ['rejects', () => Promise.reject(new Error('secret inside'))],
    [
      'throws',
      () => {
        throw new Error('secret inside')
      },
    ],
  ])('a handler that %s is answered LATER, and its error is not told to DingTalk', async (_how, takeEvent) => {
    const { route, replies, dataOf, logged } = rig({ takeEvent })
    await route(EVENT)
    expect(dataOf()).toMatchObject({ status: 'LATER' })
    expect(JSON.stringify(replies)).not.toContain('secret inside')
    expect(logged('error')).toEqual(['event-broken'])
  })

  test('a handler that fails after its deadline disturbs nobody', async () => {
    const work = later<Ack>()
    const { route, replies } = rig({ takeEvent: () => work.promise })
    const routed = route(EVENT)
    await vi.advanceTimersByTimeAsync(DEADLINES.event.answerMs)
    await routed
    work.reject(new Error('late'))
    await vi.advanceTimersByTimeAsync(1)
    expect(replies).toHaveLength(1)
  })
})

describe('presses', () => {
  test('the answer updates single values of the presser’s card', async () => {
    const answer = answerOf()
    const answerPress = vi.fn<InboundHandlers['answerPress']>(() => Promise.resolve(answer))
    const { route, replies, dataOf } = rig({ answerPress })
    await route(PRESS)
    expect(answerPress).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({
        outTrackId: 'fd-1',
        userId: 'user1',
        ids: [{ by: 'actionIds', id: 'ack~7' }],
        corpId: undefined,
        spaceId: undefined,
      }),
      expect.objectContaining({ waitedMs: 0 }),
    )
    expect(replies).toMatchObject([{ code: 200, messageId: 'm1' }])
    expect(dataOf()).toEqual({
      response: {
        cardUpdateOptions: { updateCardDataByKey: true },
        cardData: { cardParamMap: { tips: '操作成功' } },
      },
    })
    expect(answer.afterReply).toHaveBeenCalledExactlyOnceWith(true)
  })

  test('what follows the answer is told when the socket was gone', async () => {
    const answer = answerOf()
    const { route, cut, replies } = rig({ answerPress: () => Promise.resolve(answer) })
    cut()
    await route(PRESS)
    expect(replies).toEqual([])
    expect(answer.afterReply).toHaveBeenCalledExactlyOnceWith(false)
  })

  test('a handler that takes too long is answered with a sentence, and what follows is still done', async () => {
    const work = later<PressAnswer>()
    const answer = answerOf()
    const { route, replies, dataOf, room, logged } = rig({ answerPress: () => work.promise })
    const routed = route(PRESS)
    await vi.advanceTimersByTimeAsync(DEADLINES.press.answerMs - 1)
    expect(replies).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    await routed
    expect(dataOf()).toMatchObject({
      response: { cardData: { cardParamMap: { tips: expect.stringContaining('服务暂不可用') as unknown } } },
    })
    expect(answer.afterReply).not.toHaveBeenCalled()
    work.resolve(answer)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(answer.afterReply).toHaveBeenCalledExactlyOnceWith(false)
    expect(replies).toHaveLength(1)
    expect(room.late()).toBe(1)
    expect(logged('error')).toEqual(['press-late'])
  })

  test.each<[string, () => Promise<PressAnswer>]>([
    ['rejects', () => Promise.reject(new AppError({ kind: 'permanent', code: 'X' }, 'secret inside'))],
    [
      'throws',
      () => {
        throw new Error('secret inside')
      },
    ],
  ])('a handler that %s is answered with a sentence', async (_how, answerPress) => {
    const { route, replies, logged } = rig({ answerPress })
    await route(PRESS)
    expect(replies).toHaveLength(1)
    expect(replies[0]?.data).toContain('服务暂不可用')
    expect(replies[0]?.data).not.toContain('secret inside')
    expect(logged('error')).toEqual(['press-broken'])
  })

  test('a handler that fails after its deadline disturbs nobody', async () => {
    const work = later<PressAnswer>()
    const { route, replies } = rig({ answerPress: () => work.promise })
    const routed = route(PRESS)
    await vi.advanceTimersByTimeAsync(DEADLINES.press.answerMs)
    await routed
    work.reject(new Error('late'))
    await vi.advanceTimersByTimeAsync(1)
    expect(replies).toHaveLength(1)
  })
})

const MESSAGE = JSON.stringify({
  type: 'CALLBACK',
  headers: { topic: TOPIC_ROBOT, messageId: 'm1' },
  data: JSON.stringify({ msgId: 'msg-1', conversationId: 'cid', conversationType: '2' }),
})

describe('messages', () => {
  test.each<[Ack['status'], number]>([
    ['SUCCESS', 200],
    ['LATER', 500],
  ])('%s is told as %d', async (status, code) => {
    const { route, replies } = rig({ takeMessage: () => Promise.resolve({ status, message: '' }) })
    await route(MESSAGE)
    expect(replies).toEqual([{ code, messageId: 'm1', data: '{"response":null}' }])
  })

  test('one that takes too long is answered once, inside its deadline and so that it comes again', async () => {
    const work = later<Ack>()
    const { route, replies } = rig({ takeMessage: () => work.promise })
    const routed = route(MESSAGE)
    await vi.advanceTimersByTimeAsync(DEADLINES.message.answerMs)
    await routed
    work.resolve({ status: 'SUCCESS', message: 'ok' })
    await vi.advanceTimersByTimeAsync(10_000)
    expect(replies).toEqual([{ code: 500, messageId: 'm1', data: '{"response":null}' }])
  })
})

describe('after we stood still', () => {
  const all: Partial<InboundHandlers> = {
    takeEvent: () => Promise.resolve({ status: 'SUCCESS', message: 'ok' }),
    answerPress: () => Promise.resolve(answerOf()),
    takeMessage: () => Promise.resolve({ status: 'SUCCESS', message: 'ok' }),
  }

  test('a frame that lay there past its deadline is carried out and not answered', async () => {
    const answer = answerOf()
    const { route, replies, counters, logged } = rig({ ...all, answerPress: () => Promise.resolve(answer) })
    await route(EVENT, DEADLINES.event.tooLateMs)
    await route(PRESS, DEADLINES.press.tooLateMs)
    await route(MESSAGE, DEADLINES.message.tooLateMs)
    expect(replies).toEqual([])
    expect(counters).toMatchObject({ pushes: 3, overdue: 3 })
    expect(answer.afterReply).toHaveBeenCalledExactlyOnceWith(false)
    expect(logged('warn')).toEqual(['frame-overdue', 'frame-overdue', 'frame-overdue'])
  })

  test('the handler of a press is told how long it had waited, and has what is left of its time', async () => {
    const answerPress = vi.fn<InboundHandlers['answerPress']>(() => new Promise(() => {}))
    const { route, replies } = rig({ answerPress })
    const routed = route(PRESS, 1_000)
    expect(answerPress.mock.calls[0]?.[1].waitedMs).toBe(1_000)
    await vi.advanceTimersByTimeAsync(DEADLINES.press.answerMs - 1_000 - 1)
    expect(replies).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    await routed
    expect(replies).toHaveLength(1)
  })

  test('what nobody waits for any more has all the time it needs, and is no lateness of ours', async () => {
    const work = later<PressAnswer>()
    const answer = answerOf()
    const { route, replies, room } = rig({ answerPress: () => work.promise })
    const routed = route(PRESS, DEADLINES.press.tooLateMs)
    await vi.advanceTimersByTimeAsync(DEADLINES.press.answerMs - 1)
    work.resolve(answer)
    await routed
    expect(replies).toEqual([])
    expect(room.late()).toBe(0)
    expect(answer.afterReply).toHaveBeenCalledExactlyOnceWith(false)
  })

  test('one whose deadline still runs is answered, in what is left of it', async () => {
    const { route, replies } = rig({ ...all, takeEvent: () => new Promise(() => {}) })
    await route(PRESS, DEADLINES.press.tooLateMs - 1)
    const routed = route(EVENT, 2_000)
    await vi.advanceTimersByTimeAsync(DEADLINES.event.tooLateMs - 2_000 - 1)
    await routed
    expect(replies).toHaveLength(2)
  })
})

test('no timer is left behind by an answer in time', async () => {
  const { route } = rig({
    takeEvent: () => Promise.resolve({ status: 'SUCCESS', message: 'ok' }),
    answerPress: () => Promise.resolve(answerOf()),
  })
  await route(EVENT)
  await route(PRESS)
  expect(vi.getTimerCount()).toBe(0)
})
