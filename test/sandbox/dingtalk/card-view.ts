import { readMarkdown } from './card-markdown/read.ts'
import { layOut } from './card-templates.ts'
import type { CardInstance, Params } from './cards.ts'
import { dataFor } from './cards.ts'
import { isRecord, textOf } from './fields.ts'
import type { Button, RenderedCard } from './types.ts'

/** Not documented; the reference assumes that further buttons are not drawn. */
const MAX_BUTTONS = 6

/** What a press on a callback button may send along; how much of it does is for the layout to say. */
export type ButtonAction = {
  /** Empty where the button has none of its own. */
  id: string
  params: Record<string, unknown>
  text: string
  /** Its place in the list it was drawn from. */
  index: number
}

type Drawn = { button: Button; action?: ButtonAction }

export function renderCard(card: CardInstance, userId: string): RenderedCard {
  const data = dataFor(card, userId)
  const base = { outTrackId: card.outTrackId, cardTemplateId: card.cardTemplateId, data }
  if (!card.drawable) {
    return { ...base, title: '', facts: [], markdown: '', tips: '卡片加载失败', buttons: [], mentions: [] }
  }
  const { buttons: _, ...layout } = layOut(card.cardTemplateId, data)
  return {
    ...base,
    ...layout,
    buttons: drawButtons(card, data).map(({ button }) => button),
    mentions: mentionsIn(card, layout.markdown),
  }
}

/** The action behind a button of this viewer's card; undefined when they have no such button. */
export function findAction(card: CardInstance, userId: string, buttonId: string): ButtonAction | undefined {
  const drawn = drawButtons(card, dataFor(card, userId))
  return drawn.find(({ button }) => 'id' in button && button.id === buttonId)?.action
}

/** Tags name people only when the card was created with them in `cardAtUserIds`; others are shown as text. */
function mentionsIn(card: CardInstance, markdown: string): string[] {
  const { mentions } = readMarkdown(markdown, { mentionable: card.mentionable })
  return [...new Set(mentions.map(({ userId }) => userId))]
}

function drawButtons(card: CardInstance, data: Params): Drawn[] {
  if (!card.drawable) return []
  return layOut(card.cardTemplateId, data)
    .buttons.map((raw, index) => drawButton(raw, index))
    .filter((drawn) => drawn !== undefined)
    .slice(0, MAX_BUTTONS)
}

/** With `request: true` a press calls back; with `url` it opens the page; with neither it is not drawn. */
function drawButton(raw: unknown, index: number): Drawn | undefined {
  if (!isRecord(raw)) return undefined
  const text = textOf(raw['text'])
  const color = textOf(raw['color'])
  if (raw['request'] !== true) {
    const url = textOf(raw['url'])
    return url === '' ? undefined : { button: { url, text, color } }
  }
  const ownId = textOf(raw['id'])
  const params = isRecord(raw['params']) ? raw['params'] : {}
  const id = ownId === '' ? textOf(params['id']) : ownId
  if (id === '') return undefined
  return { button: { id, text, color }, action: { id: ownId, params, text, index } }
}
