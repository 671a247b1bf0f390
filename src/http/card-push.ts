import type { HttpBindings } from '@hono/node-server'
import type { Context, Hono } from 'hono'

import { CARD_SIGNATURE, CARD_TIMESTAMP, judgeCardSignature } from '../domain/card-signature.ts'
import type { Deadline } from '../domain/deadlines.ts'
import { digest } from '../domain/ids.ts'
import { type InboundPress, readObject, readPress } from '../domain/inbound.ts'
import { say } from '../domain/messages.ts'
import { AppError } from '../errors.ts'
import type { Room } from '../room.ts'
import type { CallbackId, Entered } from '../storage/card-callbacks.ts'
import { admitCallback, type CallbackDeps, timeLeft } from './callback-target.ts'

export const CARD_PATH = '/card/push/dingtalk'

export type CardPushDeps = CallbackDeps & {
  /** What DingTalk signs this integration's callbacks with; undefined = no address was ever registered. */
  findSecret: (integrationId: string) => Promise<string | undefined>
  /** @throws AppError `retryable` when the database takes nothing */
  enter: (id: CallbackId, bodyHash: string) => Promise<Entered>
  /** Goes on after the answer. */
  keepAnswer: (id: CallbackId, answer: Record<string, string>) => void
}

/**
 * `POST /card/push/dingtalk?integration_key=SECRET`: a press on an HTTP card. DingTalk signs the time and nothing else,
 * so a signature counts for five minutes and for one body; the same body once more gets the same answer.
 */
export function addCardPushRoute(app: Hono, deps: CardPushDeps): void {
  /** Presses that are being answered in this process, for those that come twice at once. */
  const answering = new Map<string, Promise<Record<string, string> | undefined>>()

  app.post(CARD_PATH, async (c) => {
    const admitted = await admitCallback(c, deps)
    if (admitted instanceof Response) return admitted
    const { integration, room, text, arrivedAt } = admitted
    const log = deps.log.child({ integrationId: integration.id })
    const timestamp = c.req.header(CARD_TIMESTAMP)
    const signature = c.req.header(CARD_SIGNATURE)
    const secret = await deps.findSecret(integration.id)
    const verdict =
      secret === undefined ? 'unregistered' : judgeCardSignature(secret, { timestamp, signature }, deps.nowMs())
    if (verdict !== 'good' || !timestamp || !signature) {
      log.warn({ why: verdict, skewMs: timestamp && deps.nowMs() - Number(timestamp) }, 'card-push-refused')
      return c.json({ error: 'REFUSED' }, 403)
    }
    const body = readObject(text)
    const press = body && readPress(body)
    if (!press) {
      log.warn('card-push-unreadable')
      return c.json({ error: 'UNREADABLE', problem: 'names no card' }, 400)
    }

    const id = { integrationId: integration.id, stamp: timestamp, signature }
    let entered: Entered
    try {
      entered = await deps.enter(id, digest(32, text))
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      log.error({ outTrackId: press.outTrackId, err: error }, 'press-not-stored')
      return c.json(responseOf({ tips: say('zh-CN', 'press.STORE_UNAVAILABLE') }))
    }
    if (entered.kind === 'another-body') {
      log.warn({ why: 'replayed with another body', outTrackId: press.outTrackId }, 'card-push-refused')
      return c.json({ error: 'REFUSED' }, 403)
    }
    if (entered.kind === 'duplicate') {
      log.info({ outTrackId: press.outTrackId }, 'card-push-duplicate')
      if (entered.answer) return c.json(responseOf(entered.answer))
    }
    const answered = (cardParamMap: Record<string, string> | undefined): Response =>
      cardParamMap ? c.json(responseOf(cardParamMap)) : c.json({ error: 'TOO_LATE' }, 503)
    const key = `${id.integrationId} ${timestamp} ${signature}`
    const known = answering.get(key)
    if (known) return answered(await known)
    const answer = answerOnce(c, room, press, deps.deadlines.press, arrivedAt)
    answering.set(key, answer)
    try {
      const cardParamMap = await answer
      if (cardParamMap) deps.keepAnswer(id, cardParamMap)
      else log.warn({ outTrackId: press.outTrackId }, 'card-push-overdue')
      return answered(cardParamMap)
    } finally {
      answering.delete(key)
    }
  })
}

/**
 * What follows an answer waits until it is written, or cannot be any more.
 * @returns undefined when it is too late for one
 */
async function answerOnce(
  c: Context,
  room: Room,
  press: InboundPress,
  deadline: Deadline,
  arrivedAt: number,
): Promise<Record<string, string> | undefined> {
  const { cardParamMap, afterReply } = await room.answerPress(press, timeLeft(deadline, arrivedAt))
  const { outgoing } = c.env as HttpBindings
  const inTime = performance.now() - arrivedAt < deadline.tooLateMs
  if (!inTime || outgoing.closed || outgoing.destroyed) afterReply(false)
  else outgoing.once('close', () => afterReply(outgoing.writableFinished))
  return inTime ? cardParamMap : undefined
}

function responseOf(cardParamMap: Record<string, string>) {
  return {
    cardUpdateOptions: { updateCardDataByKey: true },
    cardData: { cardParamMap },
  }
}
