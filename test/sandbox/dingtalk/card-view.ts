import { readMarkdown } from './card-markdown/read.ts'
import type { CardInstance, Params } from './cards.ts'
import { dataFor } from './cards.ts'
import type { Json } from './fields.ts'
import { isRecord, parseRecord, textOf } from './fields.ts'
import type { Button, RenderedCard } from './types.ts'

/** The public Markdown-with-buttons template of the vendor's Python SDK; any app may use it. */
export const PUBLIC_TEMPLATE = '1366a1eb-bc54-4859-ac88-517c56a9acb1.schema'

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
  const own = card.cardTemplateId !== PUBLIC_TEMPLATE
  const markdown = data['markdown'] ?? ''
  return {
    ...base,
    title: own ? ownTitle(data) : (data['title'] ?? ''),
    facts: own ? ownFacts(data) : [],
    markdown,
    tips: data['tips'] ?? '',
    buttons: drawButtons(card, data).map(({ button }) => button),
    mentions: mentionsIn(card, markdown),
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

/** The layout of docs/card-template.md: a head of dot, progress and title, a text row for each fact, the Markdown. */
function ownTitle(data: Params): string {
  return `${data['dot'] ?? ''} ${data['progress_text'] ?? ''} · ${data['title'] ?? ''}`
}

function ownFacts(data: Params): string[] {
  return listOf(data['facts']).map((fact) => `${textOf(fact['name'])}：${textOf(fact['value'])}`)
}

/** The public template has its buttons in `sys_full_json_obj`, one's own in two loops; anything else draws none. */
function drawButtons(card: CardInstance, data: Params): Drawn[] {
  if (!card.drawable) return []
  const list =
    card.cardTemplateId === PUBLIC_TEMPLATE
      ? parseRecord(data['sys_full_json_obj'])?.['msgButtons']
      : [...listOf(data['buttons']).map(loopButton), ...listOf(data['links'])]
  if (!Array.isArray(list)) return []
  return list
    .map((raw, index) => drawButton(raw, index))
    .filter((drawn) => drawn !== undefined)
    .slice(0, MAX_BUTTONS)
}

/** In a loop the id of an action and its params come from the item, where they are bound to it (the vendor's loop example). */
function loopButton({ id, text, color }: Json): Json {
  return { id, text, color, request: true, params: { id } }
}

/** Loops are fed with the JSON text of a list. */
function listOf(text: string | undefined): Json[] {
  const parsed = parseRecord(`{"list":${text ?? '[]'}}`)?.['list']
  return Array.isArray(parsed) ? parsed.filter(isRecord) : []
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
