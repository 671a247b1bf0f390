import type { PressAnswer } from '../actions/press.ts'
import type { EventAck, InboundEvent, InboundPress } from '../domain/inbound.ts'
import { say } from '../domain/messages.ts'
import { within } from '../lifecycle.ts'
import type { Log } from '../log.ts'
import { parseFrame } from './frames.ts'

/** One answer to one frame, on the socket the frame came from. */
export type Reply = { code: number; messageId: string; /** JSON text */ data: string }

export type RouterDeps = {
  log: Log
  takeEvent: (event: InboundEvent) => Promise<EventAck>
  answerPress: (press: InboundPress) => Promise<PressAnswer>
  deadlines: Deadlines
}

/** Milliseconds after a frame's arrival at which it is answered at the latest; DingTalk's own are a little later. */
export type Deadlines = { eventMs: number; pressMs: number }
export const DEADLINES: Deadlines = { eventMs: 2_500, pressMs: 1_850 }

export type Counters = { malformed: number; unknown: number; late: number }

/**
 * Turns one raw frame into at most one reply. Never throws; a late handler's result is dropped, since a reply after
 * the deadline can block DingTalk's side of the connection.
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
      const ack = await acknowledgeInTime(deps, counters, frame.messageId, frame.event)
      reply({ code: 200, messageId: frame.messageId, data: JSON.stringify(ack) })
      return
    }
    case 'press': {
      const answer = await answerInTime(deps, counters, frame.messageId, frame.press)
      const response = {
        cardUpdateOptions: { updateCardDataByKey: true, updatePrivateDataByKey: true },
        cardData: { cardParamMap: answer.cardParamMap },
      }
      answer.afterReply(reply({ code: 200, messageId: frame.messageId, data: JSON.stringify({ response }) }))
    }
  }
}

/** After silence DingTalk pushes the event again too, but only once its own deadline has run out. */
async function acknowledgeInTime(
  deps: RouterDeps,
  counters: Counters,
  messageId: string,
  event: InboundEvent,
): Promise<EventAck> {
  try {
    const ack = await within(deps.deadlines.eventMs, deps.takeEvent(event))
    if (ack !== 'timeout') return ack
    counters.late += 1
    deps.log.error({ messageId, eventId: event.eventId }, 'event-late')
    return { status: 'LATER', message: 'busy' }
  } catch (error) {
    deps.log.error({ messageId, eventId: event.eventId, err: error }, 'event-broken')
    return { status: 'LATER', message: 'internal error' }
  }
}

/** Silence would show the presser a failed request and no reason, so whatever happens they get a sentence. */
async function answerInTime(
  deps: RouterDeps,
  counters: Counters,
  messageId: string,
  press: InboundPress,
): Promise<PressAnswer> {
  const sorry = { cardParamMap: { tips: say('zh-CN', 'press.STORE_UNAVAILABLE') }, afterReply: () => {} }
  try {
    const answering = deps.answerPress(press)
    const answer = await within(deps.deadlines.pressMs, answering)
    if (answer !== 'timeout') return answer
    counters.late += 1
    deps.log.error({ messageId, outTrackId: press.outTrackId }, 'press-late')
    answering.then((late) => late.afterReply(false)).catch(() => {})
  } catch (error) {
    deps.log.error({ messageId, outTrackId: press.outTrackId, err: error }, 'press-broken')
  }
  return sorry
}
