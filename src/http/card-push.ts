import type { HttpBindings } from '@hono/node-server'
import type { Context, Hono } from 'hono'

import { CARD_SIGNATURE, CARD_TIMESTAMP, judgeCardSignature } from '../domain/card-signature.ts'
import { digest } from '../domain/ids.ts'
import { type InboundPress, readObject, readPress } from '../domain/inbound.ts'
import { say } from '../domain/messages.ts'
import { AppError } from '../errors.ts'
import type { Room } from '../room.ts'
import type { CallbackId, Entered } from '../storage/card-callbacks.ts'
import { admitCallback, type CallbackDeps } from './callback-target.ts'

export const CARD_PATH = '/card/push/dingtalk'

export type CardPushDeps = CallbackDeps & {
  /** What DingTalk signs this integration's callbacks with; undefined = no address was ever registered. */
  findSecret: (integrationId: string) => Promise<string | undefined>
  /** @throws AppError `retryable` when the database takes nothing */
  enter: (id: CallbackId, bodyHash: string) => Promise<Entered>
  /** Goes on after the answer. */
  keepAnswer: (id: CallbackId, answer: Record<string, string>) => void
}

/** DingTalk's client shows a failed request after 2 s. */
const ANSWER_WITHIN_MS = 1_850

/**
 * `POST /card/push/dingtalk?integration_key=SECRET`: a press on an HTTP card. DingTalk signs the time and nothing else,
 * so a signature counts for five minutes and for one body; the same body once more gets the same answer.
 */
export function addCardPushRoute(app: Hono, deps: CardPushDeps): void {
  /** Presses that are being answered in this process, for those that come twice at once. */
  const answering = new Map<string, Promise<Record<string, string>>>()

  app.post(CARD_PATH, async (c) => {
    const admitted = await admitCallback(c, deps)
    if (admitted instanceof Response) return admitted
    const { integration, room, text, startedAt } = admitted
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
      return c.json({ error: 'UNREADABLE', problem: 'names no card, person or button' }, 400)
    }

    const id = { integrationId: integration.id, stamp: timestamp, signature }
    const remaining = (): number => Math.max(50, ANSWER_WITHIN_MS - (performance.now() - startedAt))
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
    const key = `${id.integrationId} ${timestamp} ${signature}`
    const known = answering.get(key)
    if (known) return c.json(responseOf(await known))
    const answer = answerOnce(c, room, press, remaining())
    answering.set(key, answer)
    try {
      const cardParamMap = await answer
      deps.keepAnswer(id, cardParamMap)
      return c.json(responseOf(cardParamMap))
    } finally {
      answering.delete(key)
    }
  })
}

/** What follows an answer waits until it is written, or cannot be any more. */
async function answerOnce(c: Context, room: Room, press: InboundPress, ms: number): Promise<Record<string, string>> {
  const { cardParamMap, afterReply } = await room.answerPress(press, { ms })
  const { outgoing } = c.env as HttpBindings
  if (outgoing.closed || outgoing.destroyed) afterReply(false)
  else outgoing.once('close', () => afterReply(outgoing.writableFinished))
  return cardParamMap
}

function responseOf(cardParamMap: Record<string, string>) {
  return {
    cardUpdateOptions: { updateCardDataByKey: true, updatePrivateDataByKey: true },
    cardData: { cardParamMap },
  }
}
