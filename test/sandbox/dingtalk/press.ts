import type { MonthlyBooks } from './books.ts'
import type { CardInstance, CardStore, PressAnswer } from './cards.ts'
import { applyPressAnswer } from './cards.ts'
import { oversize, readUpdateOptions } from './card-fields.ts'
import type { ButtonAction } from './card-view.ts'
import { findAction, renderCard } from './card-view.ts'
import type { CardCallback, CardRoutes } from './card-callback.ts'
import type { Chat } from './chat.ts'
import { callbackFrame, CARD_TOPIC } from './stream-frames.ts'
import type { Gateway } from './gateway.ts'
import { isRecord, isTextMap, type Json, parseRecord, textOf } from './fields.ts'
import type { MemoryJournal } from './journal.ts'
import type { CardForgery, DingTalkSettings, PressManner, PressResult } from './types.ts'
import type { World } from './world.ts'

type Deps = {
  settings: DingTalkSettings
  world: World
  chat: Chat
  cards: CardStore
  gateway: Gateway
  journal: MemoryJournal
  cardRoutes: CardRoutes
  cardCallback: CardCallback
  books: MonthlyBooks
}

export type Press = {
  outTrackId: string
  userId: string
  buttonId: string
  force?: boolean
  forgery?: CardForgery
  spaceId?: string
  /** Of the Stream connection that it goes to; usually any. */
  connectionId?: string
  corpId?: string
  manner?: PressManner
}

/** What a layout calls itself in the vendor's tutorial; every button of it says the same. */
const NODE = 'single_button_node_x'

/** A press on a card: one callback push, its answer to the presser's view alone (D:event-callback-card). */
export async function press(
  deps: Deps,
  { outTrackId, userId, buttonId, force, forgery, connectionId, manner, ...where }: Press,
): Promise<PressResult> {
  const card = deps.cards.find(outTrackId)
  if (!card) throw new Error(`no card ${outTrackId}`)
  deps.world.getUser(userId)
  const conversationId = deps.chat.viewersOf(outTrackId).get(userId)
  const seen = conversationId === undefined ? undefined : findAction(card, userId, buttonId)
  if (!seen && force !== true) throw new Error(`${userId} has no button ${buttonId} on card ${outTrackId}`)
  if (!card.callbackType) return { outcome: 'failed', tookMs: 0, reason: 'the card has no callback' }

  if (!deps.books.admitPush()) return { outcome: 'failed', tookMs: 0, reason: 'the pushes of the month are used up' }

  const app = deps.world.getApp(card.clientId)
  const action = seen ?? { id: buttonId, params: { id: buttonId }, text: buttonId, index: 0 }
  const data = callbackData(
    deps.world,
    card,
    userId,
    where.spaceId ?? (conversationId === undefined ? '' : deps.chat.wireId(conversationId)),
    contentOf(action, manner ?? mannerOf(deps, seen !== undefined)),
    where.corpId ?? deps.world.corpId,
  )
  if (card.callbackType === 'HTTP') {
    const answered = await callHttp(deps, card, data, forgery)
    return 'reason' in answered
      ? { outcome: 'failed', tookMs: answered.tookMs, reason: answered.reason }
      : show(deps, card, userId, answered)
  }
  const pushed = await deps.gateway.push(
    app.clientId,
    { type: 'CALLBACK', topic: CARD_TOPIC },
    (connectionId) => callbackFrame(app, connectionId, CARD_TOPIC, data),
    {
      attempt: 1,
      deadlineMs: deps.settings.cardDeadlineMs,
      ...(connectionId === undefined ? {} : { connectionId }),
    },
  )
  if (pushed.kind === 'miss') return { outcome: 'failed', tookMs: pushed.tookMs, reason: pushed.reason }
  if (pushed.reply.code !== 200) {
    return { outcome: 'failed', tookMs: pushed.tookMs, reason: `reply has code ${JSON.stringify(pushed.reply.code)}` }
  }
  // Vendor's clients answer with a mere word, or with nothing (Go's and the channel client): such an answer changes nothing.
  const response = parseRecord(pushed.reply.data)?.['response']
  return show(deps, card, userId, { response: isRecord(response) ? response : {}, tookMs: pushed.tookMs })
}

const MANNERS: PressManner[] = ['own-id', 'node', 'node-text', 'index', 'beside']
const pressesOf = new WeakMap<CardStore, number>()

function mannerOf({ settings, cards }: Deps, isDrawn: boolean): PressManner {
  if (settings.pressManner !== 'each-in-turn') return settings.pressManner
  // Nobody can say by its text alone what is not drawn.
  if (!isDrawn) return 'own-id'
  const before = pressesOf.get(cards) ?? 0
  pressesOf.set(cards, before + 1)
  return MANNERS[before % MANNERS.length] ?? 'own-id'
}

/** What was pressed, as a layout of this manner says it. */
function contentOf({ id, params, text, index }: ButtonAction, manner: PressManner): Json {
  const named = { ...(id === '' ? {} : { id }), ...params }
  const inner = (actionIds: string[], sent: Json): Json => ({ cardPrivateData: { actionIds, params: sent } })
  switch (manner) {
    case 'own-id':
      return inner(id === '' ? [] : [id], params)
    case 'node':
      return inner([NODE], named)
    case 'node-text':
      return inner([NODE], { text })
    case 'index':
      return inner([`${id === '' ? textOf(params['id']) : id}${index}`], {})
    case 'beside':
      return { ...inner([NODE], {}), params: named }
  }
}

/** Over HTTP the description of the button comes in one spelling, and what Stream says beside it not at all. */
async function callHttp(deps: Deps, card: CardInstance, data: Json, forgery: CardForgery | undefined) {
  const route = deps.cardRoutes.find(card.clientId, card.callbackRouteKey)
  if (!route) return { reason: `no address is registered for ${card.callbackRouteKey}`, tookMs: 0 }
  const { cardField } = deps.world.getApp(card.clientId)
  const { type, outTrackId, corpId, userId, content } = data
  const callback = { type, outTrackId, corpId, userId, [cardField]: content }
  const answered = await deps.cardCallback.call(route, callback, deps.settings.cardDeadlineMs, forgery)
  const { tookMs } = answered
  const [status, reason] = 'reason' in answered ? [answered.status, answered.reason] : [200, undefined]
  deps.journal.add({ type: 'http-push', clientId: card.clientId, kind: 'card', status, reason, tookMs })
  return answered
}

function show(
  deps: Deps,
  card: CardInstance,
  userId: string,
  { response, tookMs }: { response: Json; tookMs: number },
): PressResult {
  const change = readAnswer(response, deps.settings.answerWithoutOptions)
  if (typeof change === 'string') return { outcome: 'failed', tookMs, reason: change }
  applyPressAnswer(card, userId, change)
  const view = renderCard(card, userId)
  deps.journal.add({ type: 'view', outTrackId: card.outTrackId, userId, cause: 'press-answer', card: view })
  return { outcome: 'answered', tookMs, response, view }
}

/** Both spellings of the same text, as Stream sends them (official card tutorial). */
function callbackData(
  world: World,
  card: CardInstance,
  userId: string,
  spaceId: string,
  pressed: Json,
  corpId: string,
): Json {
  const content = JSON.stringify(pressed)
  return {
    extension: '{}',
    corpId,
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

/** What the response changes, or why the client shows the press as failed. */
function readAnswer(response: Json, withoutOptions: DingTalkSettings['answerWithoutOptions']): PressAnswer | string {
  const cardData = paramsOf(response['cardData'])
  const userPrivateData = paramsOf(response['userPrivateData'])
  if (cardData === 'broken' || userPrivateData === 'broken') return 'a cardParamMap of the response is not all strings'
  const merged = { byKey: true, privateByKey: true }
  const options = response['cardUpdateOptions'] ?? (withoutOptions === 'merge' ? undefined : {})
  return { cardData, userPrivateData, ...(options === undefined ? merged : readUpdateOptions(options)) }
}

function paramsOf(value: unknown): Record<string, string> | undefined | 'broken' {
  if (value === undefined || value === null) return undefined
  const map = isRecord(value) ? value['cardParamMap'] : value
  if (map === undefined || map === null) return undefined
  return isTextMap(map) && oversize(map) === undefined ? map : 'broken'
}
