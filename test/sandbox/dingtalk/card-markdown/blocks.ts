import type { Dialect } from './dialects.ts'
import { CARD } from './dialects.ts'
import { parseInline } from './inline.ts'
import {
  alignsOf,
  behindBullet,
  behindFence,
  behindIndent,
  behindNumber,
  behindQuote,
  cellsOf,
  endOf,
  endsFence,
  headingAt,
  isDivider,
} from './lines.ts'
import type { Align, Block, Piece } from './tree.ts'

/** Signs of quotes and lists further in are taken away like the others, and nothing is drawn further in for them. */
const MAX_DEPTH = 20

export type ParseOptions = {
  /** Default: that of cards. */
  dialect?: Dialect
  /** userIds whom tags may name; all others' tags are text. */
  mentionable?: Iterable<string>
}

/**
 * What DingTalk's clients make of a text, as far as the vendor says; everything else is text, letter by letter. Where the
 * vendor is silent, what is worst for whoever sends a text unescaped: then no test passes by luck. Takes a time that grows
 * with the length of the text and no faster.
 */
export function parseMarkdown(text: string, { dialect = CARD, mentionable = [] }: ParseOptions = {}): Block[] {
  const parser = new BlockParser(dialect, new Set(mentionable))
  for (const line of text.split(/\r\n|\r|\n/)) parser.addLine(line)
  return parser.end()
}

type List = Extract<Block, { kind: 'list' }>

/** What holds blocks: the text itself, a quote, an item of a list. */
type Frame = { kind: 'text' | 'quote' | 'item'; blocks: Block[]; list?: List | undefined }

/** The block that the next line may go on with. */
type Leaf =
  | { kind: 'paragraph'; lines: string[]; mayHoldTable: boolean }
  | { kind: 'table'; aligns: Align[]; rows: Piece[][][] }
  | { kind: 'fence'; language: string; lines: string[] }

class BlockParser {
  readonly #dialect: Dialect
  readonly #mentionable: ReadonlySet<string>
  readonly #root: Frame = { kind: 'text', blocks: [] }
  /** From the outermost to the innermost that is open. */
  #frames: Frame[] = [this.#root]
  #leaf: Leaf | undefined
  #afterBlank = true

  constructor(dialect: Dialect, mentionable: ReadonlySet<string>) {
    this.#dialect = dialect
    this.#mentionable = mentionable
  }

  end(): Block[] {
    this.#endLeaf()
    return this.#root.blocks
  }

  addLine(line: string): void {
    const { depth, at } = this.#goInto(line)
    if (this.#leaf?.kind === 'fence' && depth === this.#frames.length) {
      if (endsFence(line, at)) this.#endLeaf()
      else this.#leaf.lines.push(line.slice(at))
      return
    }
    if (endOf(line) <= at) {
      this.#endParagraph(depth)
      return
    }
    this.#open(line, at, depth)
    this.#afterBlank = false
  }

  /** How many of the open frames the line is still in, and where it goes on behind their signs. */
  #goInto(line: string): { depth: number; at: number } {
    const end = endOf(line)
    let at = 0
    for (let depth = 1; depth < this.#frames.length; depth++) {
      const inQuote = this.#frames[depth]?.kind === 'quote'
      // What is in a fence stays in the item that the fence is in.
      if (!inQuote && end <= at && this.#leaf?.kind === 'fence') continue
      const next = inQuote ? behindQuote(line, at) : behindIndent(line, at)
      if (next === undefined) return { depth, at }
      at = next
    }
    return { depth: this.#frames.length, at }
  }

  /** A blank line ends a list too: the page says nothing of items with one between them, so the next counts from 1. */
  #endParagraph(depth: number): void {
    const item = this.#frames.findIndex(({ kind }) => kind === 'item')
    this.#cut(item < 0 ? depth : Math.min(item, depth))
    this.#top().list = undefined
    this.#afterBlank = true
  }

  /** Signs of quotes and lists, then what stands behind them. Behind an item's sign may stand any other (page: silent). */
  #open(line: string, from: number, inside: number): void {
    let at = from
    let depth = inside
    let isNew = false
    let isNewItem = false
    const end = endOf(line)
    while (at < end && !this.#isDivider(line, at, end)) {
      const quote = behindQuote(line, at)
      const bullet = behindBullet(line, at, this.#dialect.bullet)
      const number = isNewItem ? undefined : behindNumber(line, at)
      if (quote !== undefined) {
        this.#cut(depth)
        this.#openQuote()
      } else if (bullet !== undefined) {
        this.#cut(depth)
        this.#openItem(false)
      } else if (number !== undefined) {
        // "有序列表不支持嵌套": however far in it stands, it is an item of the outer list.
        const holder = this.#frames.findLastIndex(({ kind }, index) => index < depth && kind !== 'item')
        this.#cut(holder + 1)
        this.#openItem(true)
      } else break
      at = quote ?? bullet ?? number ?? at
      depth = this.#frames.length
      isNew = true
      isNewItem = quote === undefined
    }
    if (at < end) this.#addRest(line, at, depth, isNew)
  }

  #addRest(line: string, at: number, depth: number, isNew: boolean): void {
    const fence = this.#dialect.fences ? behindFence(line, at) : undefined
    const heading = headingAt(line, at, this.#dialect.headingLevels)
    if (this.#isDivider(line, at, endOf(line))) {
      this.#cut(depth)
      this.#append({ kind: 'divider' })
    } else if (fence !== undefined) {
      this.#cut(depth)
      this.#leaf = { kind: 'fence', language: line.slice(fence).trim(), lines: [] }
    } else if (heading !== undefined) {
      this.#cut(depth)
      this.#append({ kind: 'heading', level: heading.level, content: this.#inline(line.slice(heading.behind)) })
    } else {
      this.#addText(line.slice(at), depth, isNew)
    }
  }

  #isDivider(line: string, at: number, end: number): boolean {
    return this.#dialect.dividers && isDivider(line, at, end)
  }

  #addText(text: string, depth: number, isNew: boolean): void {
    const leaf = this.#leaf
    const isInside = depth === this.#frames.length
    if (leaf?.kind === 'table' && isInside && !isNew) {
      this.#addRow(leaf, text)
    } else if (leaf?.kind === 'paragraph' && !isNew) {
      // A lone line break is a blank (D 6.4). A line without the sign of a quote or an item goes on with what stands in it.
      if (!isInside || !this.#becomesTable(leaf, text)) leaf.lines.push(text)
    } else {
      this.#cut(depth)
      const mayHoldTable = this.#dialect.tables && (this.#afterBlank || this.#top().blocks.length === 0)
      this.#leaf = { kind: 'paragraph', lines: [text], mayHoldTable }
    }
  }

  /** A line with cells and a blank line before it, and under it a line of hyphens for each of them. */
  #becomesTable({ lines, mayHoldTable }: Extract<Leaf, { kind: 'paragraph' }>, text: string): boolean {
    const [head = ''] = lines
    if (!mayHoldTable || lines.length > 1) return false
    const heads = cellsOf(head)
    const aligns = alignsOf(text)
    if (heads === undefined || aligns === undefined || heads.length !== aligns.length) return false
    this.#leaf = { kind: 'table', aligns, rows: [heads.map((cell) => this.#inline(cell))] }
    return true
  }

  /** Any line is a row until a blank one, and cells that have no head are not shown (page: silent on both). */
  #addRow({ rows, aligns }: Extract<Leaf, { kind: 'table' }>, text: string): void {
    const cells = cellsOf(text) ?? [text]
    rows.push(cells.slice(0, aligns.length).map((cell) => this.#inline(cell)))
  }

  #openQuote(): void {
    if (this.#frames.length > MAX_DEPTH) return
    const blocks: Block[] = []
    this.#append({ kind: 'quote', blocks })
    this.#frames.push({ kind: 'quote', blocks })
  }

  #openItem(ordered: boolean): void {
    if (this.#frames.length > MAX_DEPTH) return
    const blocks: Block[] = []
    const { list } = this.#top()
    if (list?.ordered === ordered) {
      list.items.push(blocks)
    } else {
      const begun: List = { kind: 'list', ordered, items: [blocks] }
      this.#append(begun)
      this.#top().list = begun
    }
    this.#frames.push({ kind: 'item', blocks })
  }

  #append(block: Block): void {
    const top = this.#top()
    top.blocks.push(block)
    top.list = undefined
  }

  #top(): Frame {
    return this.#frames.at(-1) ?? this.#root
  }

  /** Only the outer frames stay open; what was being read is done. */
  #cut(depth: number): void {
    this.#endLeaf()
    this.#frames.length = depth
  }

  #endLeaf(): void {
    const leaf = this.#leaf
    this.#leaf = undefined
    if (leaf?.kind === 'paragraph') {
      this.#append({ kind: 'paragraph', content: this.#inline(leaf.lines.join('\n')) })
    } else if (leaf?.kind === 'table') {
      this.#append({ kind: 'table', aligns: leaf.aligns, rows: leaf.rows })
    } else if (leaf?.kind === 'fence') {
      this.#append({ kind: 'fence', language: leaf.language, text: leaf.lines.join('\n') })
    }
  }

  #inline(text: string): Piece[] {
    return parseInline(text, this.#dialect, this.#mentionable)
  }
}
