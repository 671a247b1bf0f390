import type { CardFace, DrawnCard, Overlay } from '../../domain/card.ts'
import { digest } from '../../domain/ids.ts'
import { shortWords } from '../../domain/text.ts'
import { pushText } from './facts.ts'
import { drawOwnCard } from './own-template.ts'
import { drawPublicCard, PUBLIC_TEMPLATE_ID } from './public-template.ts'

/** Letters of a sentence for the presser. */
const MAX_TIPS = 400

/**
 * Pure: equal faces give equal cards, drawn for the template the card was made with. `overlay` is for a press's answer.
 */
export function drawCard(face: CardFace, overlay?: Overlay): DrawnCard {
  const draw = face.templateId === PUBLIC_TEMPLATE_ID ? drawPublicCard : drawOwnCard
  const { variables, truncated } = draw(face, overlay && { ...overlay, tips: shortWords(overlay.tips, MAX_TIPS) })
  return {
    cardParamMap: variables(face.rev),
    pushText: pushText(face, face.locale),
    lastMessage: { 'zh-CN': pushText(face, 'zh-CN'), 'en-US': pushText(face, 'en-US') },
    notes: truncated ? ['CONTENT_TRUNCATED'] : [],
    hash: digest(24, JSON.stringify(variables(0))),
  }
}
