import type { CardFace, Overlay } from '../../domain/card.ts'
import { severityColorToken } from '../../domain/messages.ts'
import { beginningOf } from '../../domain/text.ts'
import { type Body, drawBody } from './body.ts'
import { buttonsOf, type CardButton } from './buttons.ts'
import { dotOf, type Fact, factsOf, headline, progressWord, signs } from './facts.ts'
import { fence, isLiteral } from '../../domain/literal.ts'
import { cutProse } from './prose.ts'
import { fitting, reducedBody, reducedFacts, reducedText } from './reduced.ts'

/*
 * What the vendor's public templates have in common: one line of title, one Markdown for facts and body, one list of
 * buttons.
 */

/** Units of the impact, which somebody wrote; a body has room for more. */
const MAX_IMPACT = 500
/** Of a reduced face, with room for what a template says beside them. */
const MAX_BUTTON_BYTES = 930

/** Mere text. */
export function drawTitle(face: CardFace): string {
  const title = `${dotOf(face)} ${progressWord(face)} · ${signs(face)}${headline(face)}`
  return face.reduced ? reducedText(title) : title
}

/** The facts, and below them the body. */
export function drawMarkdown(face: CardFace, hasDetail: boolean): Body {
  if (face.reduced) return reducedBody(face, drawFacts(face, reducedFacts(factsOf(face))), hasDetail)
  const body = drawBody(face, hasDetail)
  const facts = drawFacts(face, factsOf(face))
  const markdown = [...facts, ...(body.markdown === '' ? [] : ['***', body.markdown])].join('\n\n')
  return { markdown, truncated: body.truncated }
}

/** As `msgButtons` wants them. */
export function drawMsgButtons(face: CardFace, revision: number, lead: Overlay['lead']): object[] {
  const buttons = buttonsOf(face, revision, lead).map((button: CardButton) => {
    const { text, color } = button
    if ('url' in button) return { text, color, url: button.url, iosUrl: button.url }
    // Both forms of naming a press; the template passes back whichever it honours.
    return { text, color, id: button.id, request: true, params: { id: button.id } }
  })
  return face.reduced
    ? fitting(buttons, (msgButtons) => JSON.stringify({ order: [], msgButtons }), MAX_BUTTON_BYTES)
    : buttons
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
