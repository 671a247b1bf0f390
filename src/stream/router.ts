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
export type Deadlines = { eventMs: number; pressMs: number }
export const DEADLINES: Deadlines = { eventMs: 2_500, pressMs: 1_850 }

export type Counters = { malformed: number; unknown: number }

/**
 * Turns one raw frame into at most one reply. Never throws.
 * @param reply writes the answer; false when the socket is gone
 * @param onDisconnect the gateway is about to end this connection
 */
export async function routeFrame(
  deps: RouterDeps,
  counters: Counters,
  raw: string,
  reply: (reply: Reply) => boolean,
  onDisconnect: (reason: string) => void,
): Promise<void> {
  const frame = parseFrame(raw)
  switch (frame.kind) {
    case 'malformed':
      counters.malformed += 1
      deps.log.warn({ why: frame.why, malformed: counters.malformed }, 'frame-malformed')
      return
    case 'noise':
      return
    case 'ping':
      if (frame.messageId !== undefined) reply({ code: 200, messageId: frame.messageId, data: frame.data })
      return
    case 'disconnect':
      if (frame.messageId !== undefined) reply({ code: 200, messageId: frame.messageId, data: '{}' })
      onDisconnect(frame.reason)
      return
    case 'unknown':
      counters.unknown += 1
      deps.log.warn({ messageId: frame.messageId, topic: frame.topic, why: frame.why }, 'frame-unknown')
      reply({ code: 404, messageId: frame.messageId, data: '{}' })
      return
    case 'event': {
      const ack = await deps.room.takeEvent(frame.event, { ms: deps.deadlines.eventMs })
      reply({ code: 200, messageId: frame.messageId, data: JSON.stringify(ack) })
      return
    }
    case 'press': {
      const answer = await deps.room.answerPress(frame.press, { ms: deps.deadlines.pressMs })
      const response = {
        cardUpdateOptions: { updateCardDataByKey: true, updatePrivateDataByKey: true },
        cardData: { cardParamMap: answer.cardParamMap },
      }
      answer.afterReply(reply({ code: 200, messageId: frame.messageId, data: JSON.stringify({ response }) }))
      return
    }
    case 'message':
      await deps.room.takeMessage(frame.message)
      // What stands in the reply is ignored; without one the message would come again.
      reply({ code: 200, messageId: frame.messageId, data: '{"response":null}' })
  }
}
