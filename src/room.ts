import type {
  Ack,
  Door,
  InboundEvent,
  InboundHandlers,
  InboundMessage,
  InboundPress,
  PressAnswer,
} from './domain/inbound.ts'
import { say } from './domain/messages.ts'
import { type InFlight, within } from './lifecycle.ts'
import type { Log } from './log.ts'

/** `ms`: how long the answer may take from now on; `waitedMs`: how long what came had lain unread, at the most. */
export type TimeLeft = { ms: number; waitedMs: number }

/**
 * The one room behind both doors: nothing here throws, and every answer comes inside the time its door has for it.
 * A late handler's result is dropped, since a reply after DingTalk's deadline can block its side of a connection.
 */
export type Room = {
  takeEvent(event: InboundEvent, left: TimeLeft): Promise<Ack>
  answerPress(press: InboundPress, left: TimeLeft): Promise<PressAnswer>
  takeMessage(message: InboundMessage, left: TimeLeft): Promise<Ack>
  /** How many handlers were too late for their answer. */
  late(): number
}

/** The room as one door sees it, with an ear for what came through. */
export function throughDoor(room: Room, door: Door, heard: (what: 'event' | 'press' | 'message') => void): Room {
  return {
    late: () => room.late(),
    takeEvent(event, left) {
      heard('event')
      return room.takeEvent(event, left)
    },
    answerPress(press, left) {
      heard('press')
      return room.answerPress({ ...press, door }, left)
    },
    takeMessage(message, left) {
      heard('message')
      return room.takeMessage(message, left)
    },
  }
}

/** @param inFlight keeps what was too late for its answer and still goes on */
export function createRoom(handlers: InboundHandlers, log: Log, inFlight: Pick<InFlight, 'add'>): Room {
  let late = 0
  const goOn = (work: Promise<unknown>): void => {
    late += 1
    inFlight.add(work.catch(() => {}))
  }
  /** After silence DingTalk pushes it again too, but only once its own deadline has run out. */
  const acknowledge = async (what: 'event' | 'message', ids: object, ms: number, take: () => Promise<Ack>) => {
    try {
      const taking = take()
      const ack = await within(ms, taking)
      if (ack !== 'timeout') return ack
      goOn(taking)
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
    async answerPress(press, { ms, waitedMs }) {
      const { outTrackId } = press
      let taken = false
      try {
        const answering = handlers.answerPress(press, { waitedMs, onTaken: () => (taken = true) })
        const answer = await within(ms, answering)
        if (answer !== 'timeout') return answer
        goOn(answering.then((dropped) => dropped.afterReply(false)))
        // Once it is stored the presser gets the truth a little later, and nobody has to do anything about it.
        if (taken) log.warn({ outTrackId }, 'press-late')
        else log.error({ outTrackId }, 'press-late')
      } catch (error) {
        log.error({ outTrackId, err: error }, 'press-broken')
      }
      const tips = say('zh-CN', taken ? 'press.working' : 'press.STORE_UNAVAILABLE')
      return { cardParamMap: { tips }, afterReply: () => {} }
    },

    takeMessage(message, { ms }) {
      return acknowledge('message', { msgId: message.msgId }, ms, () => handlers.takeMessage(message))
    },
  }
}
