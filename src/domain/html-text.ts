import { Parser } from 'htmlparser2'

import { between, fence } from './literal.ts'
import { webAddress } from './web-address.ts'

/** What begins and ends a line of its own; those of `APART` stand apart by a blank line. */
const LINES = new Set(['div', 'li', 'tr', 'dt', 'dd', 'section', 'article', 'header', 'footer', 'main', 'caption'])
const APART = new Set(['p', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'blockquote', 'ul', 'ol', 'dl', 'table', 'center'])
/** What changes how words look, or nothing. */
const WORDS = new Set(
  'b strong i em u s a span code font small big sub sup del ins strike tt kbd samp mark abbr label html body'.split(
    ' ',
  ),
)
const PARTS_OF_TABLES = new Set(['td', 'th', 'thead', 'tbody', 'tfoot', 'colgroup', 'col'])
const UNSEEN = new Set(['script', 'style', 'head'])
/** What may go without an end of its own; `o:p` is what Outlook writes paragraphs with. */
const UNENDED = new Set(['br', 'hr', 'img', 'p', 'li', 'dt', 'dd', 'tr', 'td', 'th', 'o:p'])

const TAG = /<\/?([a-z][a-z0-9]{0,15})(?=[\s/>])/gi
/** Deeper lists look like no list. */
const MAX_DEPTH = 4

/** Whether there is anything of HTML in it but line breaks. */
export function hasHtml(text: string): boolean {
  const names = Array.from(text.matchAll(TAG), ([tag, name = '']) => ({
    name: name.toLowerCase(),
    ends: tag[1] === '/',
  }))
  const ended = new Set(names.flatMap(({ name, ends }) => (ends ? [name] : [])))
  return names.some(({ name }) => name !== 'br' && isHtml(name, ended))
}

/** An end tag tells HTML from words in pointed brackets, such as `<b>` in a template. */
function isHtml(name: string, ended: ReadonlySet<string>): boolean {
  if (name === 'pre' || LINES.has(name) || APART.has(name) || WORDS.has(name) || PARTS_OF_TABLES.has(name)) {
    return ended.has(name) || UNENDED.has(name)
  }
  return UNENDED.has(name) || (UNSEEN.has(name) && ended.has(name))
}

/** A line that begins or ends code, in which HTML is somebody's example. */
const FENCE = /^\s{0,12}(`{3,}|~{3,})/

/** Pure: Markdown whose HTML has become text; code in fences is left alone. */
export function withoutHtml(text: string): string {
  if (!hasHtml(text)) return text
  const parts: string[] = []
  let lines: string[] = []
  let mark: string | undefined
  const end = (): void => {
    const part = lines.join('\n')
    if (lines.length > 0) parts.push(mark === undefined && hasHtml(part) ? htmlText(part) : part)
    lines = []
  }
  for (const line of text.split('\n')) {
    const found = FENCE.exec(line)?.[1]
    if (mark === undefined && found !== undefined) {
      end()
      mark = found
      lines.push(line)
    } else {
      lines.push(line)
      if (mark === undefined || !found?.startsWith(mark)) continue
      end()
      mark = undefined
    }
  }
  end()
  return parts.join('\n')
}

/** `shown` = whether the tags are HTML, and not to be shown as they were written. */
type Open = { name: string; shown: boolean; from: number; href?: string | undefined }

/**
 * Pure: the text of HTML in Markdown, with line breaks where HTML has them, links, pictures and lists. What is no HTML, such
 * as `<no value>`, stays as it was written, as do line breaks that no element is around.
 * @param lineBreak what stands for `<br>`, so that it can be told from the end of a line
 */
export function htmlText(source: string, lineBreak = '\n'): string {
  const ended = new Set(
    Array.from(source.matchAll(/<\/([a-z][a-z0-9]{0,15})/gi), ([, name = '']) => name.toLowerCase()),
  )
  const writer = new Writer(lineBreak)
  const open: Open[] = []
  let covered = 0
  let unseen = 0
  let inside = 0
  let inPre = 0
  /** The lists around, outermost first, and how many of their items. */
  const lists: List[] = []
  let inItem = 0

  const parser: Parser = new Parser(
    {
      onopentag(name, attributes, isImplied) {
        if (isImplied) return
        catchUp()
        if (
          !isHtml(name, ended) ||
          (name === 'a' && !('href' in attributes)) ||
          (name === 'img' && !attributes['src'])
        ) {
          asWritten()
          open.push({ name, shown: true, from: writer.length })
          return
        }
        open.push({ name, shown: false, from: writer.length, href: attributes['href'] })
        if (UNSEEN.has(name)) unseen += 1
        if (LINES.has(name) || APART.has(name) || name === 'pre') inside += 1
        if (name === 'pre') inPre += 1
        if (unseen > 0) return
        begin(name, attributes)
        const element = open.at(-1)
        if (element) element.from = writer.length
      },
      ontext(text) {
        catchUp()
        if (unseen > 0) return
        if (inPre > 0) writer.verbatim(text)
        else writer.words(text, inside > 0)
      },
      onclosetag(name, isImplied) {
        if (!isImplied) catchUp()
        const index = open.findLastIndex((one) => one.name === name)
        if (index < 0) return
        const [element] = open.splice(index, 1)
        if (element === undefined) return
        if (element.shown) {
          if (!isImplied) asWritten()
          return
        }
        if (UNSEEN.has(name)) unseen -= 1
        if (LINES.has(name) || APART.has(name) || name === 'pre') inside -= 1
        if (name === 'pre') inPre -= 1
        if (unseen === 0) end(element)
      },
      oncomment() {
        catchUp()
        // Anything else that is skipped like one, such as the first line of XML, is somebody's text.
        if (!source.startsWith('<!--', parser.startIndex)) asWritten()
      },
      onprocessinginstruction(name) {
        catchUp()
        if (name !== '!doctype') asWritten()
      },
    },
    { decodeEntities: true, lowerCaseTags: true },
  )

  /** The reader passes over what it can make nothing of, such as an end without a beginning. */
  function catchUp(): void {
    if (parser.startIndex > covered) skipped(source.slice(covered, parser.startIndex))
    covered = Math.max(covered, parser.endIndex + 1)
  }
  function asWritten(): void {
    if (unseen === 0) writer.words(source.slice(parser.startIndex, parser.endIndex + 1), inside > 0)
  }
  function skipped(text: string): void {
    const words = text.replaceAll(/<\/([a-z][a-z0-9]{0,15})\s*>/gi, (tag, name: string) =>
      isHtml(name.toLowerCase(), ended) ? '' : tag,
    )
    if (unseen === 0) writer.words(words, inside > 0)
  }

  function begin(name: string, attributes: Record<string, string>): void {
    if (name === 'br') writer.breakLine()
    else if (name === 'hr') writer.apart('***')
    else if (name === 'img') writer.words(picture(attributes), true)
    else if (name === 'li') {
      inItem += 1
      writer.item(lists)
    } else if (name === 'td' || name === 'th') writer.cell()
    else if (name === 'pre') writer.standApart()
    else stand(name)
    if (name === 'ul' || name === 'ol') lists.push({ isNumbered: name === 'ol', items: 0 })
  }
  function end({ name, from, href }: Open): void {
    if (name === 'ul' || name === 'ol') lists.pop()
    if (name === 'li') inItem = Math.max(0, inItem - 1)
    if (name === 'a') writer.link(from, href ?? '')
    else if (name === 'pre') writer.code(from)
    else stand(name)
  }
  /** A list in a list, or a paragraph in one, does not end it. */
  function stand(name: string): void {
    if (APART.has(name) && inItem === 0) writer.standApart()
    else if (APART.has(name) || LINES.has(name)) writer.startLine()
  }

  parser.end(source)
  if (covered < source.length) skipped(source.slice(covered))
  return writer.text
}

function picture({ src, alt = '' }: Record<string, string>): string {
  const address = webAddress(src)?.replaceAll('(', '%28').replaceAll(')', '%29')
  return address === undefined ? alt : `![${between(alt.replaceAll(/\s+/g, ' '))}](${address})`
}

type List = { isNumbered: boolean; items: number }

class Writer {
  readonly #parts: string[] = []
  readonly #lineBreak: string
  #last = ''
  #isNewRow = true

  constructor(lineBreak: string) {
    this.#lineBreak = lineBreak
  }

  get length(): number {
    return this.#parts.length
  }

  get text(): string {
    return this.#parts.join('')
  }

  /** @param folded whether line breaks are mere spaces */
  words(text: string, folded: boolean): void {
    const words = folded ? text.replaceAll(/\s+/g, ' ') : text
    this.#add((this.#last === '' || this.#isAtStart()) && folded ? words.trimStart() : words)
  }

  verbatim(text: string): void {
    this.#add(text)
  }

  breakLine(): void {
    this.#add(this.#lineBreak)
  }

  startLine(): void {
    if (this.#last !== '' && !this.#last.endsWith('\n')) this.#add('\n')
    this.#isNewRow = true
  }

  standApart(): void {
    this.startLine()
    if (this.#last !== '') this.#add('\n')
  }

  apart(line: string): void {
    this.standApart()
    this.#add(`${line}\n\n`)
  }

  /** @param lists those around it, outermost first */
  item(lists: List[]): void {
    const depth = Math.min(MAX_DEPTH, Math.max(0, lists.length - 1))
    this.startLine()
    const list = lists.at(-1)
    if (list) list.items += 1
    this.#add(`${'    '.repeat(depth)}${list?.isNumbered ? `${list.items}.` : '*'} `)
  }

  cell(): void {
    if (!this.#isNewRow) this.#add(' | ')
    this.#isNewRow = false
  }

  link(from: number, href: string): void {
    const words = this.#take(from)
    const address = webAddress(href)?.replaceAll('(', '%28').replaceAll(')', '%29')
    const shown = words.trim()
    if (address === undefined || shown === '' || /[[\]\n\u2028]/.test(shown) || /^https?:\/\//i.test(shown))
      this.#add(words)
    else this.#add(words.replace(shown, () => `[${shown}](${address})`))
  }

  code(from: number): void {
    const code = this.#take(from).replaceAll(this.#lineBreak, '\n')
    this.standApart()
    this.#add(`${fence(code.replace(/^\n/, '').trimEnd())}\n\n`)
  }

  #isAtStart(): boolean {
    return this.#last.endsWith('\n') || this.#last.endsWith(this.#lineBreak)
  }

  #take(from: number): string {
    const taken = this.#parts.splice(from).join('')
    this.#last = this.#parts.at(-1) ?? ''
    return taken
  }

  #add(text: string): void {
    if (text === '') return
    this.#parts.push(text)
    this.#last = text
  }
}
