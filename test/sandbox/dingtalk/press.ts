import type { MonthlyBooks } from './books.ts'
import type { CardInstance, CardStore, PressAnswer } from './cards.ts'
import { applyPressAnswer } from './cards.ts'
import { oversize, readUpdateOptions } from './card-fields.ts'
import type { ButtonAction } from './card-view.ts'
import { findAction, renderCard } from './card-view.ts'
import type { Chat } from './chat.ts'
import type { Reply } from './stream-frames.ts'
import { callbackFrame, CARD_TOPIC } from './stream-frames.ts'
import type { Gateway } from './gateway.ts'
import { isRecord, isTextMap, parseRecord } from './fields.ts'
import type { MemoryJournal } from './journal.ts'
import type { DingTalkSettings, PressResult } from './types.ts'
import type { World } from './world.ts'

type Deps = {
  settings: DingTalkSettings
  world: World
  chat: Chat
  cards: CardStore
  gateway: Gateway
  journal: MemoryJournal
  books: MonthlyBooks
}

export type Press = { outTrackId: string; userId: string; buttonId: string; force?: boolean }

/** A press on a card: one callback push, its answer to the presser's view alone (D:event-callback-card). */
export async function press(deps: Deps, { outTrackId, userId, buttonId, force }: Press): Promise<PressResult> {
  const card = deps.cards.find(outTrackId)
  if (!card) throw new Error(`no card ${outTrackId}`)
  deps.world.getUser(userId)
  const conversationId = deps.chat.viewersOf(outTrackId).get(userId)
  const seen = conversationId === undefined ? undefined : findAction(card, userId, buttonId)
  if (!seen && force !== true) throw new Error(`${userId} has no button ${buttonId} on card ${outTrackId}`)
  if (card.callbackType !== 'STREAM') return { outcome: 'failed', tookMs: 0, reason: 'the card has no Stream callback' }

  if (!deps.books.admitPush()) return { outcome: 'failed', tookMs: 0, reason: 'the pushes of the month are used up' }

  const app = deps.world.getApp(card.clientId)
  const action = seen ?? { actionIds: [buttonId], params: { id: buttonId } }
  const data = callbackData(
    deps.world,
    card,
    userId,
    conversationId === undefined ? '' : deps.chat.wireId(conversationId),
    action,
  )
  const pushed = await deps.gateway.push(
    app.clientId,
    { type: 'CALLBACK', topic: CARD_TOPIC },
    (connectionId) => callbackFrame(app, connectionId, CARD_TOPIC, data),
    { attempt: 1, deadlineMs: deps.settings.cardDeadlineMs },
  )
  if (pushed.kind === 'miss') return { outcome: 'failed', tookMs: pushed.tookMs, reason: pushed.reason }
  const answer = readAnswer(pushed.reply)
  if (typeof answer === 'string') return { outcome: 'failed', tookMs: pushed.tookMs, reason: answer }
  applyPressAnswer(card, userId, answer.change)
  const view = renderCard(card, userId)
  deps.journal.add({ type: 'view', outTrackId, userId, cause: 'press-answer', card: view })
  return { outcome: 'answered', tookMs: pushed.tookMs, response: answer.response, view }
}

/** Both spellings of the same text, as Stream sends them (official card tutorial). */
function callbackData(world: World, card: CardInstance, userId: string, spaceId: string, action: ButtonAction): object {
  const content = JSON.stringify({ cardPrivateData: { actionIds: action.actionIds, params: action.params } })
  return {
    extension: '{}',
    corpId: world.corpId,
    spaceType: 'im',
    spaceId,
    userIdType: card.userIdType,
    userId: card.userIdType === 2 ? world.getUser(userId).unionId : userId,
    type: 'actionCallback',
    outTrackId: card.outTrackId,
    content,
    value: content,
  }
}

/** The `response` of the reply, or why the client shows the press as failed. */
function readAnswer(reply: Reply): { response: unknown; change: PressAnswer } | string {
  if (reply.code !== 200) return `reply has code ${JSON.stringify(reply.code)}`
  const response = parseRecord(reply.data)?.['response']
  if (!isRecord(response)) return 'reply data is not JSON text with a response object'
  const cardData = paramsOf(response['cardData'])
  const userPrivateData = paramsOf(response['userPrivateData'])
  if (cardData === 'broken' || userPrivateData === 'broken') return 'a cardParamMap of the response is not all strings'
  return { response, change: { cardData, userPrivateData, ...readUpdateOptions(response['cardUpdateOptions']) } }
}

function paramsOf(value: unknown): Record<string, string> | undefined | 'broken' {
  if (value === undefined || value === null) return undefined
  const map = isRecord(value) ? value['cardParamMap'] : value
  if (map === undefined || map === null) return undefined
  return isTextMap(map) && oversize(map) === undefined ? map : 'broken'
}
