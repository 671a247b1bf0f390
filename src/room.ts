import type { Ack, InboundEvent, InboundHandlers, InboundMessage, InboundPress, PressAnswer } from './domain/inbound.ts'
import { say } from './domain/messages.ts'
import { within } from './lifecycle.ts'
import type { Log } from './log.ts'

/**
 * The one room behind both doors: nothing here throws, and every answer comes inside the time its door has for it.
 * A late handler's result is dropped, since a reply after DingTalk's deadline can block its side of a connection.
 */
export type Room = {
  takeEvent(event: InboundEvent, within: { ms: number }): Promise<Ack>
  answerPress(press: InboundPress, within: { ms: number }): Promise<PressAnswer>
  takeMessage(message: InboundMessage, within: { ms: number }): Promise<Ack>
  /** How many handlers were too late for their answer. */
  late(): number
}

/** The room as one door sees it, with an ear for what came through. */
export function throughDoor(room: Room, heard: (what: 'event' | 'press' | 'message') => void): Room {
  return {
    late: () => room.late(),
    takeEvent(event, time) {
      heard('event')
      return room.takeEvent(event, time)
    },
    answerPress(press, time) {
      heard('press')
      return room.answerPress(press, time)
    },
    takeMessage(message, time) {
      heard('message')
      return room.takeMessage(message, time)
    },
  }
}

export function createRoom(handlers: InboundHandlers, log: Log): Room {
  let late = 0
  /** After silence DingTalk pushes it again too, but only once its own deadline has run out. */
  const acknowledge = async (what: 'event' | 'message', ids: object, ms: number, take: () => Promise<Ack>) => {
    try {
      const ack = await within(ms, take())
      if (ack !== 'timeout') return ack
      late += 1
      log.error(ids, `${what}-late`)
      return { status: 'LATER', message: 'busy' } satisfies Ack
    } catch (error) {
      log.error({ ...ids, err: error }, `${what}-broken`)
      return { status: 'LATER', message: 'internal error' } satisfies Ack
    }
  }
  return {
    late: () => late,

    takeEvent(event, { ms }) {
      return acknowledge('event', { eventId: event.eventId }, ms, () => handlers.takeEvent(event))
    },

    /** Silence would show the presser a failed request and no reason, so whatever happens they get a sentence. */
    async answerPress(press, { ms }) {
      const { outTrackId } = press
      try {
        const answering = handlers.answerPress(press)
        const answer = await within(ms, answering)
        if (answer !== 'timeout') return answer
        late += 1
        log.error({ outTrackId }, 'press-late')
        answering.then((dropped) => dropped.afterReply(false)).catch(() => {})
      } catch (error) {
        log.error({ outTrackId, err: error }, 'press-broken')
      }
      return { cardParamMap: { tips: say('zh-CN', 'press.STORE_UNAVAILABLE') }, afterReply: () => {} }
    },

    takeMessage(message, { ms }) {
      return acknowledge('message', { msgId: message.msgId }, ms, () => handlers.takeMessage(message))
    },
  }
}
