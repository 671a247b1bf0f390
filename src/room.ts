import type {
  EventAck,
  InboundEvent,
  InboundHandlers,
  InboundMessage,
  InboundPress,
  PressAnswer,
} from './domain/inbound.ts'
import { say } from './domain/messages.ts'
import { within } from './lifecycle.ts'
import type { Log } from './log.ts'

/**
 * The one room behind both doors: nothing here throws, and every answer comes inside the time its door has for it.
 * A late handler's result is dropped, since a reply after DingTalk's deadline can block its side of a connection.
 */
export type Room = {
  takeEvent(event: InboundEvent, within: { ms: number }): Promise<EventAck>
  answerPress(press: InboundPress, within: { ms: number }): Promise<PressAnswer>
  takeMessage(message: InboundMessage): Promise<void>
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
    takeMessage(message) {
      heard('message')
      return room.takeMessage(message)
    },
  }
}

export function createRoom(handlers: InboundHandlers, log: Log): Room {
  let late = 0
  return {
    late: () => late,

    /** After silence DingTalk pushes the event again too, but only once its own deadline has run out. */
    async takeEvent(event, { ms }) {
      const { eventId } = event
      try {
        const ack = await within(ms, handlers.takeEvent(event))
        if (ack !== 'timeout') return ack
        late += 1
        log.error({ eventId }, 'event-late')
        return { status: 'LATER', message: 'busy' }
      } catch (error) {
        log.error({ eventId, err: error }, 'event-broken')
        return { status: 'LATER', message: 'internal error' }
      }
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

    async takeMessage(message) {
      try {
        await handlers.takeMessage(message)
      } catch (error) {
        log.error({ msgId: message.msgId, err: error }, 'message-broken')
      }
    },
  }
}
