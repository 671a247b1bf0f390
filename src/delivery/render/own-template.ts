import { standingOf } from '../../domain/card.ts'
import { severityColor } from '../../domain/messages.ts'
import { shortWords } from '../../domain/text.ts'
import { drawBody } from './body.ts'
import { buttonsOf } from './buttons.ts'
import type { DrawnFor } from './template.ts'
import { dotOf, factsOf, headline, progressWord, severityWord, signs, tipsOf } from './facts.ts'

/** Letters of what the template is told for its own decisions. */
const MAX_CODE = 20

/**
 * Pure: the values for a template that an administrator built by `docs/card-template.md`. All are public, and all are
 * always sent, so that none is left over from an earlier state; lists are JSON text, as DingTalk wants them.
 */
export const drawOwnCard: DrawnFor = (face, overlay) => {
  const { incident, locale } = face
  const body = drawBody(face)
  const progress = standingOf(face)
  const facts = factsOf(face).map(([name, value]) => ({ name, value }))
  return {
    truncated: body.truncated,
    variables(revision) {
      const buttons = buttonsOf(face, revision, overlay?.lead)
      return {
        title: `${signs(face)}${headline(face)}`,
        dot: dotOf(face),
        severity: shortWords(incident.incident_severity, MAX_CODE),
        severity_text: severityWord(face, locale),
        color: severityColor(progress === 'recovered' ? 'Ok' : incident.incident_severity),
        progress: face.superseded ? 'superseded' : face.gone ? 'gone' : progress,
        progress_text: progressWord(face),
        facts: JSON.stringify(facts),
        markdown: body.markdown,
        tips: overlay?.tips ?? tipsOf(face),
        toast: overlay?.tips ?? '',
        buttons: JSON.stringify(buttons.filter((button) => 'id' in button)),
        links: JSON.stringify(buttons.filter((button) => 'url' in button)),
      }
    },
  }
}
