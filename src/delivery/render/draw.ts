import type { CardFace, DrawnCard, Overlay } from '../../domain/card.ts'
import { AI_TEMPLATE_ID, PUBLIC_TEMPLATE_ID } from '../../domain/card-template.ts'
import { digest } from '../../domain/ids.ts'
import { shortLine } from '../../domain/text.ts'
import { drawAiCard } from './ai-template.ts'
import { hasDetail } from './buttons.ts'
import { pushText } from './facts.ts'
import { drawOwnCard } from './own-template.ts'
import { drawPublicCard } from './public-template.ts'
import type { DrawnFor } from './template.ts'

/** Any other template is one of the administrator's own. */
const VENDORS = new Map<string, DrawnFor>([
  [PUBLIC_TEMPLATE_ID, drawPublicCard],
  [AI_TEMPLATE_ID, drawAiCard],
])

/** Letters of a sentence for the presser. */
const MAX_TIPS = 400

/**
 * Pure: equal faces give equal cards, drawn for the template the card was made with. `overlay` is for a press's answer.
 */
export function drawCard(face: CardFace, overlay?: Overlay): DrawnCard {
  const draw = VENDORS.get(face.templateId) ?? drawOwnCard
  const detail = hasDetail(face, overlay?.lead)
  const said = typeof overlay?.tips === 'function' ? overlay.tips({ detail }) : overlay?.tips
  const tips = said === undefined ? undefined : shortLine(said, MAX_TIPS)
  const { variables, markdownIn, truncated } = draw(face, { detail, tips, lead: overlay?.lead })
  return {
    cardParamMap: variables(face.rev),
    markdownIn,
    pushText: pushText(face, face.locale),
    lastMessage: { 'zh-CN': pushText(face, 'zh-CN'), 'en-US': pushText(face, 'en-US') },
    notes: truncated ? ['CONTENT_TRUNCATED'] : [],
    hash: digest(24, JSON.stringify(variables(0))),
  }
}
