import type { DrawnCard, Mention } from '../../domain/card.ts'
import { type Locale, say } from '../../domain/messages.ts'
import { shortLine } from '../../domain/text.ts'
import { between } from '../../domain/literal.ts'
import { fitting } from './reduced.ts'

const MAX_NAME = 30
/** What DingTalk's userIds are made of; any other could end the tag early. */
const SAFE_ID = /^[\w.@-]{1,64}$/

/**
 * Pure: the card as it is first put into groups, calling people by name. The first update draws the card
 * without this line, and so calls nobody a second time.
 */
export function withMentions(drawn: DrawnCard, locale: Locale, mentions: Mention[], reduced = false): DrawnCard {
  const tags = mentions
    .filter(({ userId }) => SAFE_ID.test(userId))
    .map(({ userId, name }) => `<a atId=${userId}>${between(shortLine(name, MAX_NAME) || userId)}</a>`)
  const write = (some: string[]): string =>
    [`${some.join(' ')} ${say(locale, 'card.mentions')}`, drawn.cardParamMap[drawn.markdownIn] ?? '']
      .filter(Boolean)
      .join('\n\n')
  const shown = reduced ? fitting(tags, write) : tags
  if (shown.length === 0) return drawn
  const markdown = write(shown)
  return { ...drawn, cardParamMap: { ...drawn.cardParamMap, [drawn.markdownIn]: markdown } }
}
