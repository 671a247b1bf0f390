import type { ParseOptions } from './blocks.ts'
import { parseMarkdown } from './blocks.ts'
import type { Block, Link, Looks, Piece } from './tree.ts'

/** Stands in `text` for what is a picture there: an image, an emoticon. */
export const PICTURE = '\u{FFFC}'

/** What a person reads. */
export type Reading = {
  /** The lines, with line breaks between them. */
  text: string
  /**
   * A line for each `<br>`, paragraph, heading, row and line of a fence, and for each item of a list with its sign (`•` or
   * its number). The cells of a row stand apart by a tab. Blanks are single but in fences; dividers and quotes leave no sign.
   */
  lines: string[]
  /** All of these in the order in which they stand. `text` of a link: what it is written on. */
  links: { text: string; address: string }[]
  images: { alt: string; address: string }[]
  emoticons: string[]
  mentions: { userId: string; name: string }[]
  /** `color`: the token. */
  colors: { text: string; color: string }[]
  sizes: { text: string; size: string }[]
  bold: string[]
  italic: string[]
  /** What is shown as it was sent. */
  fences: { language: string; text: string }[]
}

/** For tests that ask what a person reads on a card, e.g. whether a text is shown letter by letter. */
export function readMarkdown(text: string, options?: ParseOptions): Reading {
  const reader = new Reader()
  reader.readBlocks(parseMarkdown(text, options), '')
  return { ...reader.reading, text: reader.reading.lines.join('\n') }
}

class Reader {
  readonly reading: Reading = {
    text: '',
    lines: [],
    links: [],
    images: [],
    emoticons: [],
    mentions: [],
    colors: [],
    sizes: [],
    bold: [],
    italic: [],
    fences: [],
  }

  /** @param sign of the item that they stand in: goes before the first line */
  readBlocks(blocks: Block[], sign: string): void {
    const first = this.reading.lines.length
    for (const block of blocks) this.#readBlock(block)
    if (sign === '') return
    if (this.reading.lines.length === first) this.reading.lines.push(sign)
    else this.reading.lines[first] = `${sign} ${this.reading.lines[first]}`
  }

  #readBlock(block: Block): void {
    const { lines, fences } = this.reading
    switch (block.kind) {
      case 'divider':
        return
      case 'quote':
        return this.readBlocks(block.blocks, '')
      case 'list':
        return block.items.forEach((item, index) => this.readBlocks(item, block.ordered ? `${index + 1}.` : '•'))
      case 'table':
        for (const row of block.rows) lines.push(row.map((cell) => this.#readPieces(cell)).join('\t'))
        return
      case 'fence':
        fences.push({ language: block.language, text: block.text })
        for (const line of block.text.split('\n')) lines.push(line)
        return
      case 'heading':
      case 'paragraph':
        for (const line of this.#readPieces(block.content).split('\n')) lines.push(line)
    }
  }

  #readPieces(pieces: Piece[]): string {
    const { links, images, emoticons, mentions, colors, sizes, bold, italic } = this.reading
    for (const piece of pieces) {
      if (piece.kind === 'image') images.push({ alt: piece.alt, address: piece.address })
      if (piece.kind === 'emoticon') emoticons.push(piece.name)
      if (piece.kind === 'mention') mentions.push({ userId: piece.userId, name: piece.name })
    }
    for (const { value, text } of stretchesOf<Link>(pieces, ({ link }) => link)) {
      links.push({ text, address: value.address })
    }
    for (const { value, text } of stretchesOf(pieces, ({ color }) => color)) colors.push({ text, color: value })
    for (const { value, text } of stretchesOf(pieces, ({ size }) => size)) sizes.push({ text, size: value })
    for (const { text } of stretchesOf(pieces, (looks) => looks.bold || undefined)) bold.push(text)
    for (const { text } of stretchesOf(pieces, (looks) => looks.italic || undefined)) italic.push(text)
    return pieces.map(lettersOf).join('')
  }
}

/** What is read of a piece; a name is called with `@`. */
function lettersOf(piece: Piece): string {
  switch (piece.kind) {
    case 'text':
      return piece.text
    case 'break':
      return '\n'
    case 'mention':
      return `@${piece.name}`
    case 'image':
    case 'emoticon':
      return PICTURE
  }
}

/** Pieces beside each other that look alike, and what is read on them. Line breaks belong to what goes on behind them. */
function stretchesOf<T>(pieces: Piece[], lookOf: (looks: Looks) => T | undefined): { value: T; text: string }[] {
  const found: { value: T; parts: string[] }[] = []
  let current: T | undefined
  let breaks = ''
  for (const piece of pieces) {
    if (piece.kind === 'break') {
      breaks += '\n'
      continue
    }
    const value = lookOf(piece.looks)
    if (value !== undefined && value === current) found.at(-1)?.parts.push(breaks, lettersOf(piece))
    else if (value !== undefined) found.push({ value, parts: [lettersOf(piece)] })
    current = value
    breaks = ''
  }
  return found.map(({ value, parts }) => ({ value, text: parts.join('') }))
}
