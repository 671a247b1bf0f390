import type { Params } from './cards.ts'
import { isRecord, type Json, parseRecord, textOf } from './fields.ts'

/** Which templates exist beside those that apps made for themselves, and what each draws of a card's variables. */

/** The public Markdown-with-buttons template of the vendor's Python SDK; any app may use it. */
export const PUBLIC_TEMPLATE = '1366a1eb-bc54-4859-ac88-517c56a9acb1.schema'
/** Its sibling for AI cards, with buttons too (same file). */
export const AI_TEMPLATE = '382e4302-551d-4880-bf29-a30acfab2e71.schema'

/** What a template draws, before anybody looks at its buttons. */
export type Layout = { title: string; facts: string[]; markdown: string; tips: string; buttons: unknown[] }

type Draw = (data: Params) => Layout

/** Ids that the vendor's Python SDK and channel SDK carry, usable by every app. */
const PUBLIC: Record<string, Draw> = {
  [PUBLIC_TEMPLATE]: (data) => ({ ...plain(data), buttons: listIn(data, 'msgButtons') }),
  '589420e2-c1e2-46ef-a5ed-b8728e654da9.schema': plain,
  [AI_TEMPLATE]: aiMarkdown,
  // The channel SDK's own, and the one for plugins of robots: nothing is known of how they look.
  '02fcf2f4-5e02-4a85-b672-46d1f715543e.schema': plain,
  '7f538f6d-ebb7-4533-a9ac-61a32da094cf.schema': plain,
}

export function isPublic(templateId: string): boolean {
  return Object.hasOwn(PUBLIC, templateId)
}

export function layOut(templateId: string, data: Params): Layout {
  return (PUBLIC[templateId] ?? ownLayout)(data)
}

function plain(data: Params): Layout {
  return {
    title: data['title'] ?? '',
    facts: [],
    markdown: data['markdown'] ?? '',
    tips: data['tips'] ?? '',
    buttons: [],
  }
}

/** `flowStatus` 3 = finished; until then it is a card that is being written, without buttons. `order` says what is shown. */
function aiMarkdown(data: Params): Layout {
  const order = listIn(data, 'order')
  const shown = (part: string): boolean => order.length === 0 || order.includes(part)
  const isFinished = data['flowStatus'] === '3'
  const parts = ['msgContent', 'staticMsgContent'].filter((part) => shown(part) && data[part])
  return {
    title: shown('msgTitle') ? (data['msgTitle'] ?? '') : '',
    facts: [],
    markdown: parts.map((part) => data[part]).join('\n\n'),
    tips: '',
    buttons: isFinished && shown('msgButtons') ? listIn(data, 'msgButtons') : [],
  }
}

/** The layout of docs/card-template.md: a head of dot, progress and title, a text row for each fact, the Markdown, two loops. */
function ownLayout(data: Params): Layout {
  return {
    title: `${data['dot'] ?? ''} ${data['progress_text'] ?? ''} · ${data['title'] ?? ''}`,
    facts: loopOf(data['facts']).map((fact) => `${textOf(fact['name'])}：${textOf(fact['value'])}`),
    markdown: data['markdown'] ?? '',
    tips: data['tips'] ?? '',
    buttons: [...loopOf(data['buttons']).map(loopButton), ...loopOf(data['links'])],
  }
}

/** In a loop the id of an action and its params come from the item, where they are bound to it (the vendor's loop example). */
function loopButton({ id, text, color }: Json): Json {
  return { id, text, color, request: true, params: { id } }
}

/** A list in the one variable that takes what is no text. */
function listIn(data: Params, key: string): unknown[] {
  const list = parseRecord(data['sys_full_json_obj'])?.[key]
  return Array.isArray(list) ? list : []
}

/** Loops are fed with the JSON text of a list. */
function loopOf(text: string | undefined): Json[] {
  const parsed = parseRecord(`{"list":${text ?? '[]'}}`)?.['list']
  return Array.isArray(parsed) ? parsed.filter(isRecord) : []
}
