import type { CardInstance, CardStore } from './cards.ts'
import { applyPut } from './cards.ts'
import {
  readCardAtUserIds,
  readOpenSpaceId,
  readOutTrackId,
  readParams,
  readPrivateData,
  readUpdateOptions,
  readUserIdType,
} from './card-fields.ts'
import { checkDeliverModels, deliver, findDeliverModel, readSpaces } from './card-spaces.ts'
import { isPublic } from './card-templates.ts'
import { renderCard } from './card-view.ts'
import type { Chat } from './chat.ts'
import { refuse } from './errors.ts'
import type { Json } from './fields.ts'
import { textOf } from './fields.ts'
import type { MemoryJournal } from './journal.ts'
import { throttled } from './limits.ts'
import type { App, DingTalkSettings, JournalEntry } from './types.ts'
import type { World } from './world.ts'

const MAX_PRIVATE_USERS = 500

type Deps = { settings: DingTalkSettings; world: World; chat: Chat; cards: CardStore; journal: MemoryJournal }
type ViewCause = Extract<JournalEntry, { type: 'view' }>['cause']

/** The four card calls (D:interface-for-creating-a-card-instance and its siblings). Bodies in, answers out. */
export class CardApi {
  #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  create(app: App, body: Json): Json {
    const card = this.#readNewCard(app, body)
    this.#deps.cards.add(card)
    return { success: true, result: card.outTrackId }
  }

  createAndDeliver(app: App, body: Json): Json {
    const card = this.#readNewCard(app, body)
    const spaces = readOpenSpaceId(body)
    checkDeliverModels(body)
    this.#deps.cards.add(card)
    const call = { app, body, card, userIdType: card.userIdType }
    const deliverResults = deliver(this.#deps.world, this.#deps.chat, call, spaces)
    this.#journalViews(card, 'create')
    return { success: true, result: { outTrackId: card.outTrackId, deliverResults } }
  }

  deliver(app: App, body: Json): Json {
    const outTrackId = readOutTrackId(body)
    const spaces = readOpenSpaceId(body)
    if (spaces.some(({ type }) => !findDeliverModel(body, type))) refuse('param.spaceDeliverModelEmpty')
    checkDeliverModels(body)
    const card = this.#getOwn(app, outTrackId)
    const call = { app, body, card, userIdType: readUserIdType(body) }
    const result = deliver(this.#deps.world, this.#deps.chat, call, spaces)
    this.#journalViews(card, 'deliver')
    return { success: true, result }
  }

  update(app: App, body: Json): Json {
    const outTrackId = readOutTrackId(body)
    const userIdType = readUserIdType(body)
    const cardData = readParams(body['cardData'], 'cardData')
    const privateData = readPrivateData(this.#deps.world, body, userIdType)
    if (!cardData && !privateData) refuse('param.cardDataAndPrivateDataBothEmpty')
    const card = this.#getOwn(app, outTrackId)
    this.#keepSpacing(card)
    this.#limitPrivateUsers(new Set([...card.privateData.keys(), ...(privateData?.keys() ?? [])]).size)
    applyPut(card, { cardData, privateData, ...readUpdateOptions(body['cardUpdateOptions']) })
    this.#journalViews(card, 'put')
    return { success: true, result: true }
  }

  /** D 6.1: one variable of an AI card, whole or what comes next of it. */
  stream(app: App, body: Json): Json {
    const outTrackId = textOf(body['outTrackId'])
    if (outTrackId === '') refuse('param.outTrackIdEmpty')
    const card = this.#deps.cards.find(outTrackId)
    if (card?.clientId !== app.clientId) refuse('param.stream.outTrackId')
    const key = textOf(body['key'])
    const content = textOf(body['content'])
    if (key === '' || textOf(body['guid']) === '') refuse('param.empty')
    this.#keepSpacing(card)
    const before = body['isFull'] === true ? '' : (card.publicData[key] ?? '')
    const cardData = { [key]: before + content }
    applyPut(card, { cardData, privateData: undefined, byKey: true, privateByKey: true })
    this.#journalViews(card, 'put')
    return { success: true, result: true }
  }

  #readNewCard(app: App, body: Json): CardInstance {
    const outTrackId = readOutTrackId(body)
    const cardTemplateId = textOf(body['cardTemplateId'])
    if (cardTemplateId === '') refuse('param.cardTemplateIdEmpty')
    const userIdType = readUserIdType(body)
    const publicData = readParams(body['cardData'], 'cardData') ?? refuse('param.cardPublicDataEmpty')
    const privateData = readPrivateData(this.#deps.world, body, userIdType) ?? new Map()
    const callbackType = readCallbackType(body)
    const spaces = readSpaces(body)
    if (!isPublic(cardTemplateId) && !this.#deps.world.templates.has(cardTemplateId)) {
      refuse('param.templateNotExist')
    }
    if (this.#deps.cards.find(outTrackId)) refuse('param.cardAlreadyExist')
    return {
      outTrackId,
      clientId: app.clientId,
      cardTemplateId,
      callbackType,
      callbackRouteKey: textOf(body['callbackRouteKey']),
      userIdType,
      publicData,
      privateData,
      overlays: new Map(),
      spaces,
      // Another app's template goes through here and cannot be drawn there (D 6.9).
      drawable: isPublic(cardTemplateId) || this.#deps.world.templates.get(cardTemplateId) === app.clientId,
      mentionable: readCardAtUserIds(this.#deps.world, body, userIdType),
      lastPutAtMs: undefined,
    }
  }

  /** Cards of another app do not exist for this one. */
  #getOwn(app: App, outTrackId: string): CardInstance {
    const card = this.#deps.cards.find(outTrackId)
    return card?.clientId === app.clientId ? card : refuse('param.cardNotExist')
  }

  #keepSpacing(card: CardInstance): void {
    const now = performance.now()
    if (now - (card.lastPutAtMs ?? -Infinity) < this.#deps.settings.cardUpdateSpacingMs) throw throttled()
    card.lastPutAtMs = now
  }

  #limitPrivateUsers(users: number): void {
    if (users > MAX_PRIVATE_USERS) refuse('param.invalid', 'private data for more than 500 users')
  }

  #journalViews(card: CardInstance, cause: ViewCause): void {
    for (const userId of this.#deps.chat.viewersOf(card.outTrackId).keys()) {
      const view = { outTrackId: card.outTrackId, userId, cause, card: renderCard(card, userId) }
      this.#deps.journal.add({ type: 'view', ...view })
    }
  }
}

/** Fixed for the life of the card (D:event-callback-card). Without one, presses reach nobody. */
function readCallbackType(body: Json): CardInstance['callbackType'] {
  const type = body['callbackType']
  if (type === undefined || type === null) return undefined
  if (type !== 'STREAM' && type !== 'HTTP') refuse('param.invalid', 'callbackType is STREAM or HTTP')
  if (type === 'HTTP' && textOf(body['callbackRouteKey']) === '') refuse('param.callbackRouteKeyEmpty')
  return type
}
