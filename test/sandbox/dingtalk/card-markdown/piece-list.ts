import type { Token } from './scanner.ts'
import type { Font } from './tags.ts'
import type { Link, Looks, Piece } from './tree.ts'

/** Makes pieces of tokens: keeps what is switched on, and draws blanks together. */
export class PieceList {
  readonly #pieces: Piece[] = []
  #bold = false
  #italic = false
  /** What holds inside of each that is open; `isText`: it is shown as text, and its end will be. */
  readonly #fonts: (Font & { isText: boolean })[] = []
  readonly #links: { link: Link; from: number }[] = []
  #looks: Looks | undefined
  /** Nothing has been shown on this line yet, or a blank last. */
  #afterBlank = true

  add(token: Token): void {
    switch (token.kind) {
      case 'text':
        return this.#addText(token.text)
      case 'bracket':
        return this.#addText(token.sign)
      case 'stars':
        return this.#switch(token.count)
      case 'font':
        return this.#openFont(token.tag, token.font)
      case 'font-end':
        return this.#closeFont(token.tag)
      case 'link':
        return this.#openLink(token.address)
      case 'link-end':
        return this.#closeLink()
      case 'break':
        this.#endLine()
        this.#pieces.push({ kind: 'break' })
        return
      case 'image':
      case 'emoticon':
      case 'mention':
        this.#pieces.push({ ...token, looks: this.#now() })
        this.#afterBlank = false
    }
  }

  end(): Piece[] {
    this.#endLine()
    return this.#pieces
  }

  #addText(text: string): void {
    const drawn = text.replaceAll(/[ \t\n\f]+/g, ' ')
    const shown = this.#afterBlank && drawn.startsWith(' ') ? drawn.slice(1) : drawn
    if (shown === '') return
    this.#afterBlank = shown.endsWith(' ')
    const looks = this.#now()
    const last = this.#pieces.at(-1)
    if (last?.kind === 'text' && last.looks === looks) last.text += shown
    else this.#pieces.push({ kind: 'text', text: shown, looks })
  }

  /** A blank at the end of a line is not seen. */
  #endLine(): void {
    const last = this.#pieces.at(-1)
    if (this.#afterBlank && last?.kind === 'text' && last.text.endsWith(' ')) last.text = last.text.slice(0, -1)
    this.#afterBlank = true
  }

  #switch(count: 1 | 2): void {
    if (count === 1) this.#italic = !this.#italic
    else this.#bold = !this.#bold
    this.#looks = undefined
  }

  #openFont(tag: string, font: Font | undefined): void {
    if (font === undefined) this.#addText(tag)
    const outer = this.#fonts.at(-1)
    this.#fonts.push({
      size: font?.size ?? outer?.size,
      color: font?.color ?? outer?.color,
      isText: font === undefined,
    })
    this.#looks = undefined
  }

  /** One that closes nothing is not shown, and one that is missing colours the rest (page: silent on both). */
  #closeFont(tag: string): void {
    const closed = this.#fonts.pop()
    this.#looks = undefined
    if (closed?.isText) this.#addText(tag)
  }

  #openLink(address: string): void {
    this.#links.push({ link: { address }, from: this.#pieces.length })
    this.#looks = undefined
  }

  #closeLink(): void {
    // A link of no letters leads somewhere all the same.
    if (this.#links.at(-1)?.from === this.#pieces.length) {
      this.#pieces.push({ kind: 'text', text: '', looks: this.#now() })
    }
    this.#links.pop()
    this.#looks = undefined
  }

  /** The same object as long as nothing is switched. */
  #now(): Looks {
    this.#looks ??= {
      bold: this.#bold,
      italic: this.#italic,
      size: this.#fonts.at(-1)?.size,
      color: this.#fonts.at(-1)?.color,
      link: this.#links.at(-1)?.link,
    }
    return this.#looks
  }
}
