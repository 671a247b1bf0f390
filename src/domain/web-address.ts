import { MAX_ADDRESS } from './limits.ts'

/** In UTF-16 units: what a card may hold of one. */
export const MAX_CARD_ADDRESS = 1_000

/**
 * The address of a web page or a picture as it may be followed; undefined for anything else, for one that is too long,
 * and for one with a password in it.
 */
export function webAddress(text: string | undefined, maxLength = MAX_CARD_ADDRESS): string | undefined {
  if (!text || text.length > maxLength || !/^\s*https?:\/\//i.test(text) || !URL.canParse(text)) return undefined
  const { protocol, href, username, password } = new URL(text)
  if (username !== '' || password !== '' || href.length > maxLength) return undefined
  return protocol === 'http:' || protocol === 'https:' ? href : undefined
}

const ADDRESS = new RegExp(
  `//[^\\s/?#<>"'\`{}|\\\\^，。；：！？、（）【】「」『』《》“”‘’][^\\s<>"\`{}|\\\\^，。；：！？、（）【】「」『』《》“”‘’]{0,${MAX_ADDRESS}}`,
  'y',
)

const MARKS = new Set(".,;:!?'*_~([-")

/** How far an address in a text goes on behind its scheme: to a space or a mark that ends a sentence. 0 = it is none. */
export function lengthOfAddress(text: string, from: number): number {
  ADDRESS.lastIndex = from
  const address = ADDRESS.exec(text)?.[0] ?? ''
  let open = 0
  for (let index = 0; index < address.length; index++) {
    if (address[index] === '(') open += 1
    else if (address[index] === ')' && --open < 0) return withoutMarks(address.slice(0, index))
  }
  return withoutMarks(address)
}

function withoutMarks(address: string): number {
  let length = address.length
  while (length > 2 && MARKS.has(address[length - 1] ?? '')) length -= 1
  return length > 2 ? length : 0
}
