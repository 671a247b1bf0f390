import type { CardInstance } from './cards.ts'
import { dataFor } from './cards.ts'
import { isRecord, parseRecord, textOf } from './fields.ts'
import type { Button, RenderedCard } from './types.ts'

/** The public Markdown-with-buttons template of the vendor's Python SDK; any app may use it. */
export const PUBLIC_TEMPLATE = '1366a1eb-bc54-4859-ac88-517c56a9acb1.schema'

/** Not documented; the reference assumes that further buttons are not drawn. */
const MAX_BUTTONS = 6

/** What a press on a callback button sends along. */
export type ButtonAction = { actionIds: string[]; params: Record<string, unknown> }

type Drawn = { button: Button; action?: ButtonAction }

export function renderCard(card: CardInstance, userId: string): RenderedCard {
  const data = dataFor(card, userId)
  return {
    outTrackId: card.outTrackId,
    cardTemplateId: card.cardTemplateId,
    title: data['title'] ?? '',
    markdown: data['markdown'] ?? '',
    tips: data['tips'] ?? '',
    buttons: drawButtons(data).map(({ button }) => button),
    data,
  }
}

/** The action behind a button of this viewer's card; undefined when they have no such button. */
export function findAction(card: CardInstance, userId: string, buttonId: string): ButtonAction | undefined {
  return drawButtons(dataFor(card, userId)).find(({ button }) => 'id' in button && button.id === buttonId)?.action
}

/** `sys_full_json_obj` is JSON text `{"msgButtons":[…]}`; anything else draws no buttons. */
function drawButtons(data: Record<string, string>): Drawn[] {
  const list = parseRecord(data['sys_full_json_obj'])?.['msgButtons']
  if (!Array.isArray(list)) return []
  return list
    .map(drawButton)
    .filter((drawn) => drawn !== undefined)
    .slice(0, MAX_BUTTONS)
}

/** With `request: true` a press calls back; with `url` it opens the page; with neither it is not drawn. */
function drawButton(raw: unknown): Drawn | undefined {
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
  return { button: { id, text, color }, action: { actionIds: ownId === '' ? [] : [ownId], params } }
}
