import { Addresses } from './addresses.ts'
import type { Dialect } from './dialects.ts'
import { isEmoticon } from './names.ts'
import type { Font } from './tags.ts'
import { breakAt, closesFont, fontAt, mentionAt } from './tags.ts'

/** A sign that was met; whether it means anything turns out when the whole text was read. */
export type Token =
  | { kind: 'text'; text: string }
  /** One `*`, or two. */
  | { kind: 'stars'; count: 1 | 2 }
  | { kind: 'font'; tag: string; font: Font | undefined }
  | { kind: 'font-end'; tag: string }
  /** `[` or `![`. */
  | { kind: 'bracket'; sign: string }
  | { kind: 'link'; address: string }
  | { kind: 'link-end' }
  | { kind: 'image'; alt: string; address: string }
  | { kind: 'emoticon'; name: string }
  | { kind: 'mention'; userId: string; name: string }
  | { kind: 'break' }

const SIGNS = /\*+|!?\[|\]|<|\n/g

type Bracket = { token: number; behind: number; isImage: boolean }

/** Finds the signs of one block, in one pass. */
export class Scanner {
  readonly #text: string
  readonly #dialect: Dialect
  readonly #mentionable: ReadonlySet<string>
  readonly #tokens: Token[] = []
  readonly #addresses: Addresses
  /** Opened and not closed; closed without an address, which may still come for a later `]`. */
  readonly #open: Bracket[] = []
  readonly #closed: Bracket[] = []
  #hasNoMoreMentions = false
  #at = 0

  constructor(text: string, dialect: Dialect, mentionable: ReadonlySet<string>) {
    this.#text = text
    this.#dialect = dialect
    this.#mentionable = mentionable
    this.#addresses = new Addresses(text)
  }

  scan(): Token[] {
    SIGNS.lastIndex = 0
    for (let found = SIGNS.exec(this.#text); found !== null; found = SIGNS.exec(this.#text)) {
      const [sign] = found
      this.#addText(this.#text.slice(this.#at, found.index))
      this.#at = SIGNS.lastIndex
      if (sign.startsWith('*')) this.#addStars(sign.length)
      else if (sign === '\n') this.#addLineBreak(found.index)
      else if (sign === '<') this.#addTag(found.index)
      else if (sign === ']') this.#closeBracket(found.index)
      else this.#openBracket(sign)
      SIGNS.lastIndex = this.#at
    }
    this.#addText(this.#text.slice(this.#at))
    return this.#tokens
  }

  #addText(text: string): void {
    if (text !== '') this.#tokens.push({ kind: 'text', text })
  }

  #addStars(count: number): void {
    for (let left = count; left > 1; left -= 2) this.#tokens.push({ kind: 'stars', count: 2 })
    if (count % 2 === 1) this.#tokens.push({ kind: 'stars', count: 1 })
  }

  /** Robot messages: "建议\n前后分别加2个空格" (D:robot-message-type). Cards: a blank (D 6.4). */
  #addLineBreak(at: number): void {
    const breaks = this.#dialect.lineBreak === 'blanks' && at > 1 && this.#text.startsWith('  ', at - 2)
    if (breaks) this.#tokens.push({ kind: 'break' })
    else this.#addText(' ')
  }

  #addTag(at: number): void {
    const { fonts, mentions, lineBreak } = this.#dialect
    const behindBreak = lineBreak === 'tag' ? breakAt(this.#text, at) : undefined
    const font = fonts ? fontAt(this.#text, at) : undefined
    const fontEnd = fonts ? closesFont(this.#text, at) : undefined
    const mention = mentions && !this.#hasNoMoreMentions ? mentionAt(this.#text, at) : undefined
    if (behindBreak !== undefined) {
      this.#tokens.push({ kind: 'break' })
      this.#at = behindBreak
    } else if (font !== undefined) {
      this.#tokens.push({ kind: 'font', tag: font.tag, font: font.font })
      this.#at += font.tag.length - 1
    } else if (fontEnd !== undefined) {
      this.#tokens.push({ kind: 'font-end', tag: fontEnd })
      this.#at += fontEnd.length - 1
    } else if (mention !== undefined && this.#mentionable.has(mention.userId)) {
      const end = mention.findEnd()
      if (end === undefined) {
        this.#hasNoMoreMentions = true
        this.#addText('<')
      } else {
        this.#tokens.push({ kind: 'mention', userId: mention.userId, name: end.name })
        this.#at = end.behind
      }
    } else this.#addText('<')
  }

  #openBracket(sign: string): void {
    this.#open.push({ token: this.#tokens.length, behind: this.#at, isImage: sign === '![' })
    this.#tokens.push({ kind: 'bracket', sign })
  }

  #closeBracket(at: number): void {
    const isAny = this.#open.length > 0 || this.#closed.length > 0
    // Asked for only where it would be used, and then passed over: else the same text would be searched again and again.
    const address = isAny ? this.#addresses.at(this.#at) : undefined
    const bracket = this.#open.pop() ?? (address === undefined ? undefined : this.#closed.pop())
    const inside = bracket === undefined ? '' : this.#text.slice(bracket.behind, at)
    if (bracket === undefined) {
      this.#addText(']')
    } else if (address !== undefined) {
      this.#forgetFrom(bracket)
      this.#at = address.behind
      if (bracket.isImage) {
        this.#tokens.length = bracket.token
        this.#tokens.push({ kind: 'image', alt: inside, address: address.text })
      } else {
        this.#tokens[bracket.token] = { kind: 'link', address: address.text }
        this.#tokens.push({ kind: 'link-end' })
      }
    } else if (this.#dialect.emoticons && isEmoticon(inside)) {
      this.#tokens.length = bracket.token
      if (bracket.isImage) this.#addText('!')
      this.#tokens.push({ kind: 'emoticon', name: inside })
    } else {
      this.#closed.push(bracket)
      this.#addText(']')
    }
  }

  /** Those inside of what has become a link or an image are done with. */
  #forgetFrom({ token }: Bracket): void {
    while ((this.#closed.at(-1)?.token ?? -1) > token) this.#closed.pop()
  }
}
