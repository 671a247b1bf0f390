import { standingOf } from '../../domain/card.ts'
import { severityColor } from '../../domain/messages.ts'
import { shortLine, shortText } from '../../domain/text.ts'
import { drawBody } from './body.ts'
import { buttonsOf } from './buttons.ts'
import { hasHtml, htmlText } from '../../domain/html-text.ts'
import { fitting, reducedBody, reducedFacts, reducedText } from './reduced.ts'
import type { DrawnFor } from './template.ts'
import { dotOf, type Fact, factsOf, headline, progressWord, severityWord, signs, tipsOf } from './facts.ts'

/** Letters of what the template is told for its own decisions. */
const MAX_CODE = 20
/** Units. */
const MAX_PROSE = 500

/**
 * Pure: the values for a template that an administrator built by `docs/card-template.md`. All are public, and all are
 * always sent, so that none is left over from an earlier state; lists are JSON text, as DingTalk wants them.
 */
export const drawOwnCard: DrawnFor = (face, { detail, tips, lead }) => {
  const { incident, locale } = face
  const { reduced = false } = face
  const all = factsOf(face)
  const small = reduced ? reducedFacts(all) : all
  const facts = small.map((fact) => ({ name: fact.name, value: valueOf(fact) }))
  const body = reduced ? reducedBody(face, [], detail) : drawBody(face, detail)
  const text = reduced ? reducedText : (whole: string): string => whole
  const list = (items: object[]): string => JSON.stringify(reduced ? fitting(items, JSON.stringify) : items)
  const progress = standingOf(face)
  return {
    truncated: body.truncated,
    markdownIn: 'markdown',
    variables(revision) {
      const buttons = buttonsOf(face, revision, lead)
      return {
        title: text(`${signs(face)}${headline(face)}`),
        dot: dotOf(face),
        severity: shortLine(incident.incident_severity, MAX_CODE),
        severity_text: severityWord(face, locale),
        color: severityColor(progress === 'recovered' ? 'Ok' : incident.incident_severity),
        progress: face.superseded ? 'superseded' : face.gone ? 'gone' : progress,
        progress_text: progressWord(face),
        facts: list(facts),
        markdown: body.markdown,
        tips: text(tips ?? tipsOf(face)),
        toast: text(tips ?? ''),
        buttons: list(buttons.filter((button) => 'id' in button)),
        links: list(buttons.filter((button) => 'url' in button)),
      }
    },
  }
}

/** A loop's words are mere text: Markdown is shown as it was written, with its line breaks. */
function valueOf({ value, kind }: Fact): string {
  if (kind !== 'prose') return value
  return shortText(hasHtml(value) ? htmlText(value) : value.replaceAll(/<br\s{0,8}\/?>/gi, '\n'), MAX_PROSE).trim()
}
