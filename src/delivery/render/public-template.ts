import type { CardFace, Overlay } from '../../domain/card.ts'
import { drawBody } from './body.ts'
import { buttonsOf, type CardButton } from './buttons.ts'
import { dotOf, factsOf, headline, progressWord, signs, tipsOf } from './facts.ts'
import type { DrawnFor } from './template.ts'

/**
 * The vendor's Markdown-with-buttons template, usable by any app (DingTalk's Python SDK, card_instance.py).
 * Variables: `title`, `markdown`, `tips`, and `sys_full_json_obj` holding `{"msgButtons": […]}`.
 */
export const PUBLIC_TEMPLATE_ID = '1366a1eb-bc54-4859-ac88-517c56a9acb1.schema'

/** Pure: the values of the template's variables. */
export const drawPublicCard: DrawnFor = (face, overlay) => {
  const body = drawBody(face)
  const facts = factsOf(face).map(([name, value]) => `**${name}**：${value}`)
  const markdown = [...facts, ...(body.markdown === '' ? [] : ['---', body.markdown])].join('\n\n')
  return {
    truncated: body.truncated,
    variables: (revision) => ({
      title: `${dotOf(face)} ${progressWord(face)} · ${signs(face)}${headline(face)}`,
      markdown,
      tips: overlay?.tips ?? tipsOf(face),
      sys_full_json_obj: JSON.stringify({ msgButtons: buttonsFor(face, revision, overlay?.lead) }),
    }),
  }
}

function buttonsFor(face: CardFace, revision: number, lead: Overlay['lead']): object[] {
  return buttonsOf(face, revision, lead).map((button: CardButton) => {
    const { text, color } = button
    if ('url' in button) return { text, color, url: button.url, iosUrl: button.url }
    // Both forms of naming a press; the template passes back whichever it honours.
    return { text, color, id: button.id, request: true, params: { id: button.id } }
  })
}
