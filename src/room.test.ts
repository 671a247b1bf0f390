import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import type { InboundHandlers, InboundPress, PressAnswer } from './domain/inbound.ts'
import { InFlight } from './lifecycle.ts'
import { createLog } from './log.ts'
import { createRoom } from './room.ts'

const PRESS: InboundPress = {
  outTrackId: 'fd-1',
  userId: 'user1',
  ids: [{ by: 'actionIds', id: 'ack~7~' }],
  text: undefined,
  beside: false,
  corpId: undefined,
  spaceId: undefined,
  raw: { body: {} },
}

function rig(answerPress: InboundHandlers['answerPress']) {
  const lines: { level: string; msg: string }[] = []
  const log = createLog('trace', { write: (line: string) => void lines.push(JSON.parse(line) as (typeof lines)[0]) })
  const never = () => Promise.reject(new Error('not expected'))
  const inFlight = new InFlight(() => {})
  const room = createRoom({ takeEvent: never, takeMessage: never, answerPress }, log, inFlight)
  return { room, inFlight, logged: () => lines.map(({ level, msg }) => `${level} ${msg}`) }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a press whose handler is too late', () => {
  test.each([
    ['before it is stored', false, '服务暂不可用', 'error press-late'],
    ['after it is stored', true, '处理中', 'warn press-late'],
  ])('%s: the presser is told so, and the late answer counts as dropped', async (_when, taken, sentence, line) => {
    let finish: (answer: PressAnswer) => void = () => {}
    const { room, inFlight, logged } = rig((_press, { onTaken }) => {
      if (taken) onTaken()
      return new Promise((resolve) => (finish = resolve))
    })
    const answering = room.answerPress(PRESS, { ms: 50, waitedMs: 0 })
    await vi.advanceTimersByTimeAsync(50)
    expect((await answering).cardParamMap['tips']).toContain(sentence)
    expect(logged()).toEqual([line])

    const afterReply = vi.fn<PressAnswer['afterReply']>()
    let isIdle = false
    const idle = inFlight.idle().then(() => (isIdle = true))
    await vi.advanceTimersByTimeAsync(1_000)
    expect(isIdle).toBe(false)
    finish({ cardParamMap: {}, afterReply })
    await idle
    expect(afterReply).toHaveBeenCalledExactlyOnceWith(false)
  })
})

test('a handler that breaks after the press was stored leaves the presser with 处理中', async () => {
  const { room, logged } = rig(async (_press, { onTaken }) => {
    onTaken()
    throw new Error('broken')
  })
  const answer = await room.answerPress(PRESS, { ms: 50, waitedMs: 0 })
  expect(answer.cardParamMap['tips']).toContain('处理中')
  expect(logged()).toEqual(['error press-broken'])
})

test('the handler learns how long the press had waited', async () => {
  const answerPress = vi.fn<InboundHandlers['answerPress']>(async () => ({ cardParamMap: {}, afterReply: () => {} }))
  await rig(answerPress).room.answerPress(PRESS, { ms: 50, waitedMs: 1_600 })
  expect(answerPress.mock.calls[0]?.[1].waitedMs).toBe(1_600)
})
