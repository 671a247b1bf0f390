import { type Locale, say } from '../../domain/messages.ts'

/** Addresses make a content filter wary, and clients make links of them. */
export function withoutAddresses(text: string, locale: Locale): string {
  return text.replaceAll(/[a-z0-9+.-]{1,30}:\/\/\S+/gi, `（${say(locale, 'card.link.omitted')}）`)
}
