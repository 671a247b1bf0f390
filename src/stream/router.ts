import type { Log } from '../log.ts'
import type { Room } from '../room.ts'
import { parseFrame } from './frames.ts'

/** One answer to one frame, on the socket the frame came from. */
export type Reply = { code: number; messageId: string; /** JSON text */ data: string }

export type RouterDeps = {
  log: Log
  room: Room
  deadlines: Deadlines
}

/** Milliseconds after a frame's arrival at which it is answered at the latest; DingTalk's own are a little later. */
export type Deadlines = { eventMs: number; pressMs: number; messageMs: number }
export const DEADLINES: Deadlines = { eventMs: 2_500, pressMs: 1_850, messageMs: 1_850 }
/** Nothing is written after these: a reply past DingTalk's own deadline can block its side of the connection. */
export const TOO_LATE: Deadlines = { eventMs: 2_950, pressMs: 1_970, messageMs: 1_970 }
/** What a handler must leave of them. */
const MARGIN_MS = 70

/** `overdue`: what was not answered any more. */
export type Counters = { malformed: number; unknown: number; overdue: number }

/** The connection a frame came from. */
export type Line = {
  /** Writes the answer; false when the socket is gone. */
  reply: (reply: Reply) => boolean
  /** How long the frame may have lain unread before; 0 unless this process stood still. */
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
  const arrivedAt = performance.now() - line.waitedMs
  const leftMs = (deadline: keyof Deadlines): number =>
    Math.max(0, Math.min(deps.deadlines[deadline], TOO_LATE[deadline] - MARGIN_MS - line.waitedMs))
  const answer = (deadline: keyof Deadlines, reply: Reply): boolean => {
    if (performance.now() - arrivedAt < TOO_LATE[deadline]) return line.reply(reply)
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
      const ack = await deps.room.takeEvent(frame.event, { ms: leftMs('eventMs') })
      line.flow.leave()
      answer('eventMs', { code: 200, messageId: frame.messageId, data: JSON.stringify(ack) })
      return
    }
    case 'press': {
      line.onPush()
      const pressed = await deps.room.answerPress(frame.press, { ms: leftMs('pressMs') })
      const response = {
        cardUpdateOptions: { updateCardDataByKey: true, updatePrivateDataByKey: true },
        cardData: { cardParamMap: pressed.cardParamMap },
      }
      const reply = { code: 200, messageId: frame.messageId, data: JSON.stringify({ response }) }
      pressed.afterReply(answer('pressMs', reply))
      return
    }
    case 'message': {
      line.onPush()
      const ack = await deps.room.takeMessage(frame.message, { ms: leftMs('messageMs') })
      // What stands in the reply is ignored; without one that says 200 the message comes again.
      const code = ack.status === 'SUCCESS' ? 200 : 500
      answer('messageMs', { code, messageId: frame.messageId, data: '{"response":null}' })
    }
  }
}
