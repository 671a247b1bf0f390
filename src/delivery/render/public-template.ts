import type { CardFace, Overlay } from '../../domain/card.ts'
import { severityColorToken } from '../../domain/messages.ts'
import { beginningOf } from '../../domain/text.ts'
import { type Body, drawBody } from './body.ts'
import { buttonsOf, type CardButton } from './buttons.ts'
import { dotOf, type Fact, factsOf, headline, progressWord, signs, tipsOf } from './facts.ts'
import { fence, isLiteral } from '../../domain/literal.ts'
import { cutProse } from './prose.ts'
import { fitting, reducedBody, reducedFacts, reducedText } from './reduced.ts'
import type { DrawnFor } from './template.ts'

/**
 * The vendor's Markdown-with-buttons template, usable by any app (DingTalk's Python SDK, card_instance.py).
 * Variables: `title`, `markdown`, `tips`, and `sys_full_json_obj` holding `{"msgButtons": […]}`.
 */
export const PUBLIC_TEMPLATE_ID = '1366a1eb-bc54-4859-ac88-517c56a9acb1.schema'

/** Units of the impact, which somebody wrote; a body has room for more. */
const MAX_IMPACT = 500

/** Pure: the values of the template's variables. Title and the line below are mere text. */
export const drawPublicCard: DrawnFor = (face, { detail, tips, lead }) => {
  const { markdown, truncated } = face.reduced ? drawReduced(face, detail) : drawWhole(face, detail)
  const text = face.reduced ? reducedText : (whole: string): string => whole
  return {
    truncated,
    variables: (revision) => ({
      title: text(`${dotOf(face)} ${progressWord(face)} · ${signs(face)}${headline(face)}`),
      markdown,
      tips: text(tips ?? tipsOf(face)),
      sys_full_json_obj: JSON.stringify({ msgButtons: buttonsFor(face, revision, lead) }),
    }),
  }
}

function drawWhole(face: CardFace, detail: boolean): Body {
  const body = drawBody(face, detail)
  const facts = drawFacts(face, factsOf(face))
  const markdown = [...facts, ...(body.markdown === '' ? [] : ['***', body.markdown])].join('\n\n')
  return { markdown, truncated: body.truncated }
}

function drawReduced(face: CardFace, detail: boolean): Body {
  return reducedBody(face, drawFacts(face, reducedFacts(factsOf(face))), detail)
}

/** A line for each, but for words that Markdown would make something of: those stand in a fence behind the others. */
function drawFacts(face: CardFace, facts: Fact[]): string[] {
  const literal = facts.filter(({ kind, value }) => kind === 'words' && !isLiteral(value))
  const others = facts.filter((fact) => !literal.includes(fact)).map((fact) => drawFact(face, fact))
  return literal.length === 0
    ? others
    : [...others, fence(literal.map(({ name, value }) => `${name}：${value}`).join('\n'))]
}

function drawFact({ incident, plain }: CardFace, { name, value, kind }: Fact): string {
  if (kind === 'severity') {
    const token = severityColorToken(incident.incident_severity)
    return `**${name}**：<font colorTokenV2=${token}>${value}</font>`
  }
  if (kind !== 'prose') return `**${name}**：${value}`
  if (plain) return `**${name}**：\n\n${fence(beginningOf(value, MAX_IMPACT))}`
  const { text, truncated } = cutProse(value, MAX_IMPACT)
  const shown = truncated ? `${text}…` : text
  return isBlock(shown) ? `**${name}**：\n\n${shown}` : `**${name}**：${shown}`
}

/** Whether it has to begin at the beginning of a line. */
function isBlock(markdown: string): boolean {
  return /\n|^(?:#{1,5} |\* |\d+\. |> |\*\*\*$)/.test(markdown)
}

function buttonsFor(face: CardFace, revision: number, lead: Overlay['lead']): object[] {
  const buttons = buttonsOf(face, revision, lead).map((button: CardButton) => {
    const { text, color } = button
    if ('url' in button) return { text, color, url: button.url, iosUrl: button.url }
    // Both forms of naming a press; the template passes back whichever it honours.
    return { text, color, id: button.id, request: true, params: { id: button.id } }
  })
  return face.reduced ? fitting(buttons, (msgButtons) => JSON.stringify({ msgButtons })) : buttons
}
