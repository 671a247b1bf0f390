/** The card instances and what each viewer's copy of the data looks like. */

export type SpaceType = 'IM_GROUP' | 'IM_ROBOT' | 'IM_SINGLE' | 'ONE_BOX'

export type Params = Record<string, string>

/** What the answer to a viewer's own press changed for that viewer alone, until the next PUT. */
type PressOverlay = {
  publicBase?: Params
  publicChanged: Params
  privateBase?: Params
  privateChanged: Params
}

export type CardInstance = {
  outTrackId: string
  clientId: string
  cardTemplateId: string
  callbackType: 'STREAM' | 'HTTP' | undefined
  /** Of HTTP cards: names the address their presses go to. */
  callbackRouteKey: string
  /** 1 = userId, 2 = unionId; also what callbacks carry. */
  userIdType: number
  publicData: Params
  /** By userId. */
  privateData: Map<string, Params>
  overlays: Map<string, PressOverlay>
  /** Spaces for which creation brought a space model, with the texts a chat list shows for it. */
  spaces: Map<SpaceType, { alertContent: string; lastMessage: string }>
  /** false = clients show that it could not be loaded. */
  drawable: boolean
  /** Whom the card's mention tags may name. */
  mentionable: Set<string>
  lastPutAtMs: number | undefined
}

export type CardChange = {
  cardData: Params | undefined
  /** By userId. */
  privateData: Map<string, Params> | undefined
  byKey: boolean
  privateByKey: boolean
}

export type PressAnswer = {
  cardData: Params | undefined
  userPrivateData: Params | undefined
  byKey: boolean
  privateByKey: boolean
}

export class CardStore {
  #cards = new Map<string, CardInstance>()

  add(card: CardInstance): void {
    this.#cards.set(card.outTrackId, card)
  }

  find(outTrackId: string): CardInstance | undefined {
    return this.#cards.get(outTrackId)
  }

  ids(): string[] {
    return [...this.#cards.keys()]
  }
}

/** A PUT replaces what it names unless it says by key, and everybody's view starts from it again. */
export function applyPut(card: CardInstance, change: CardChange): void {
  if (change.cardData) card.publicData = { ...(change.byKey ? card.publicData : {}), ...change.cardData }
  if (change.privateData) {
    if (!change.privateByKey) card.privateData.clear()
    for (const [userId, params] of change.privateData) {
      card.privateData.set(userId, { ...card.privateData.get(userId), ...params })
    }
  }
  card.overlays.clear()
}

/** D:message-card-sending-and-updating: what a press is answered with reaches the presser only. */
export function applyPressAnswer(card: CardInstance, userId: string, answer: PressAnswer): void {
  const overlay = card.overlays.get(userId) ?? { publicChanged: {}, privateChanged: {} }
  if (answer.cardData && answer.byKey) Object.assign(overlay.publicChanged, answer.cardData)
  if (answer.cardData && !answer.byKey) Object.assign(overlay, { publicBase: answer.cardData, publicChanged: {} })
  if (answer.userPrivateData && answer.privateByKey) Object.assign(overlay.privateChanged, answer.userPrivateData)
  if (answer.userPrivateData && !answer.privateByKey) {
    Object.assign(overlay, { privateBase: answer.userPrivateData, privateChanged: {} })
  }
  card.overlays.set(userId, overlay)
}

/** Public data and over it the private, each with what the viewer's own press changed of it (D:public-private-and-local-data). */
export function dataFor(card: CardInstance, userId: string): Params {
  const overlay = card.overlays.get(userId)
  return {
    ...(overlay?.publicBase ?? card.publicData),
    ...overlay?.publicChanged,
    ...(overlay?.privateBase ?? card.privateData.get(userId)),
    ...overlay?.privateChanged,
  }
}
