import { type Deadlines, leftMs } from '../domain/deadlines.ts'
import type { Log } from '../log.ts'
import type { Room, TimeLeft } from '../room.ts'
import { parseFrame } from './frames.ts'

/** One answer to one frame, on the socket the frame came from. */
export type Reply = { code: number; messageId: string; /** JSON text */ data: string }

export type RouterDeps = {
  log: Log
  room: Room
  deadlines: Deadlines
}

/** `overdue`: what was not answered any more. */
export type Counters = { malformed: number; unknown: number; overdue: number }

/** The connection a frame came from. */
export type Line = {
  /** Writes the answer; false when the socket is gone. */
  reply: (reply: Reply) => boolean
  /** How long the frame may have lain unread before; 0 while this process keeps up. */
  waitedMs: number
  /** Around the storing of an event; a press takes its time elsewhere. */
  flow: { enter(): void; leave(): void }
  onPing: () => void
  onPush: () => void
  /** The gateway is about to end this connection. */
  onDisconnect: (reason: string) => void
}

/** Turns one raw frame into at most one reply, and into none once its deadline has passed. Never throws. */
export async function routeFrame(deps: RouterDeps, counters: Counters, raw: string, line: Line): Promise<void> {
  const frame = parseFrame(raw)
  const { waitedMs } = line
  const arrivedAt = performance.now() - waitedMs
  const left = (what: keyof Deadlines): TimeLeft => ({ ms: leftMs(deps.deadlines[what], waitedMs), waitedMs })
  const answer = (what: keyof Deadlines, reply: Reply): boolean => {
    if (performance.now() - arrivedAt < deps.deadlines[what].tooLateMs) return line.reply(reply)
    counters.overdue += 1
    deps.log.warn({ messageId: reply.messageId, overdue: counters.overdue }, 'frame-overdue')
    return false
  }
  switch (frame.kind) {
    case 'malformed':
      counters.malformed += 1
      deps.log.warn({ why: frame.why, malformed: counters.malformed }, 'frame-malformed')
      return
    case 'noise':
      return
    case 'ping':
      line.onPing()
      if (frame.messageId !== undefined) line.reply({ code: 200, messageId: frame.messageId, data: frame.data })
      return
    case 'disconnect':
      if (frame.messageId !== undefined) line.reply({ code: 200, messageId: frame.messageId, data: '{}' })
      line.onDisconnect(frame.reason)
      return
    case 'unknown':
      line.onPush()
      counters.unknown += 1
      deps.log.warn({ messageId: frame.messageId, topic: frame.topic, why: frame.why }, 'frame-unknown')
      line.reply({ code: 404, messageId: frame.messageId, data: '{}' })
      return
    case 'event': {
      line.onPush()
      line.flow.enter()
      const ack = await deps.room.takeEvent(frame.event, left('event'))
      line.flow.leave()
      answer('event', { code: 200, messageId: frame.messageId, data: JSON.stringify(ack) })
      return
    }
    case 'press': {
      line.onPush()
      const pressed = await deps.room.answerPress(frame.press, left('press'))
      const response = {
        cardUpdateOptions: { updateCardDataByKey: true },
        cardData: { cardParamMap: pressed.cardParamMap },
      }
      const reply = { code: 200, messageId: frame.messageId, data: JSON.stringify({ response }) }
      pressed.afterReply(answer('press', reply))
      return
    }
    case 'message': {
      line.onPush()
      const ack = await deps.room.takeMessage(frame.message, left('message'))
      // What stands in the reply is ignored; without one that says 200 the message comes again.
      const code = ack.status === 'SUCCESS' ? 200 : 500
      answer('message', { code, messageId: frame.messageId, data: '{"response":null}' })
    }
  }
}
