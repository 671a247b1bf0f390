import type { CardFace, Overlay } from '../../domain/card.ts'

/** For one viewer: whether 查看详情 is drawn, and to a presser the sentence in place of the last line and the way out. */
export type For = { detail: boolean; tips: string | undefined; lead: Overlay['lead'] }

/**
 * How one template is drawn for. The revision shows in the ids of buttons and nowhere else; `markdownIn` is the variable that
 * the template shows as Markdown.
 */
export type DrawnFor = (
  face: CardFace,
  viewer: For,
) => { variables: (revision: number) => Record<string, string>; markdownIn: string; truncated: boolean }

/** Variables that hold what can be pressed, in any template that cards are drawn for; without `flowStatus` one has no buttons. */
const BUTTONS = ['sys_full_json_obj', 'flowStatus', 'buttons', 'links']

/** What is sent when DingTalk refuses whatever else a card says. */
export function onlyButtons(variables: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => BUTTONS.includes(name)))
}
