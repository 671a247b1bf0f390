import { hasHtml, htmlText } from '../../domain/html-text.ts'
import { fence } from '../../domain/literal.ts'
import { beginningOf, MAX_READ, sendable } from '../../domain/text.ts'
import { cutMarkdown } from './cut-markdown.ts'
import { inLine } from './in-line.ts'
import { wideStars } from './stars.ts'

/*
 * Markdown from outside as the Markdown that a card is documented to read (page "markdown-variable-new"): blocks apart by
 * blank lines, lines of a paragraph by `<br>`, lists with `*`, dividers as `***`, code in fences of three backticks.
 * A line that is no such block is text.
 */

const FENCE = /^ {0,3}(?:(`{3,})([^`]*)|(~{3,})(.*))$/
/** Inside a list it may stand further to the right. */
const FENCE_IN_LIST = /^\s{0,12}(?:(`{3,})([^`]*)|(~{3,})(.*))$/
/** Written small: other words are the first line of what somebody quoted. */
const LANGUAGE = /^[a-z][a-z0-9+#.-]{0,19}$/
const DIVIDER = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/
const HEADING = /^ {0,3}(#{1,6})[ \t]+(\S.*)$/
const QUOTE = /^ {0,3}>/
const ITEM = /^(\s*)(?:([-+*])[ \t]+(?=\S)|(\d{1,30}\.)(?:[ \t]+|$))/
/** Of a line without blanks at its ends. */
const DELIMITERS = /^\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?$/
const BREAK = /<br\s{0,8}\/?>/gi
/** Stands for a break of HTML that was read; `<br>` is text then. No text from outside has one. */
const BROKEN = '\u2028'
/** What moves a line to the right in print, such as two wide blanks, is nothing of Markdown. */
const OTHER_BLANKS = /^[ \t]*[^\S \t]\s*/
/** More levels look like none. */
const MAX_LEVEL = 4
const MAX_HEADING = 5
const MAX_INDENT = 24

/** Pure: a text of Markdown, HTML or neither, so that a card shows it as it was meant. */
export function prose(text: string): string {
  const lines = sendable(beginningOf(text, MAX_READ)).split('\n')
  const blocks: string[] = []
  let from = 0
  for (let at = 0; at < lines.length; at++) {
    if (!FENCE.test(lines[at] ?? '')) continue
    blocks.push(...blocksOf(lines.slice(from, at)))
    const code = readFence(lines, at)
    blocks.push(code.block)
    from = code.next
    at = code.next - 1
  }
  blocks.push(...blocksOf(lines.slice(from)))
  return blocks.filter(Boolean).join('\n\n')
}

/** The beginning of it in at most so many UTF-16 units. */
export function cutProse(text: string, length: number): { text: string; truncated: boolean } {
  const whole = prose(text)
  const { text: shown, truncated } = cutMarkdown(whole, length)
  if (!truncated) return { text: shown, truncated: text.length > MAX_READ }
  if (shown.endsWith('```') || shown.endsWith('\n***') || shown === '***') return { text: shown, truncated }
  // A sign whose other half is gone is a letter now; that of an item is none of those.
  const from = shown.lastIndexOf('\n') + 1
  const words = from + (SIGN_OF_ITEM.exec(shown.slice(from))?.[0].length ?? 0)
  return { text: shown.slice(0, words) + wideStars(shown.slice(words)), truncated }
}

const SIGN_OF_ITEM = /^ *\* /

function blocksOf(lines: string[]): string[] {
  const text = lines.join('\n')
  // Written at the end of a line, one break is meant.
  return hasHtml(text)
    ? readBlocks(htmlText(text.replaceAll(/<br\s{0,8}\/?>[ \t]*\n/gi, '<br>'), BROKEN).split('\n'), true)
    : readBlocks(lines, false)
}

type Block = { block: string; next: number }
/** The lines that breaks make of one. @param goesOn whether another follows, so that a break at its end says nothing more */
type Draw = (line: string, goesOn?: boolean) => string[]

/** @param isDecoded whether character references were read already */
function readBlocks(given: string[], isDecoded: boolean): string[] {
  const lines = given.map((line) => line.replace(OTHER_BLANKS, ''))
  const draw: Draw = (line, goesOn = false) => {
    const parts = line.split(isDecoded ? BROKEN : BREAK)
    if (goesOn && parts.length > 1 && parts.at(-1)?.trim() === '') parts.pop()
    return parts.map((part) => inLine(part.trim(), isDecoded))
  }
  const blocks: string[] = []
  let at = 0
  while (at < lines.length) {
    const line = lines[at] ?? ''
    if (line.trim() === '') {
      at += 1
      continue
    }
    const { block, next } = FENCE.test(line)
      ? readFence(lines, at)
      : DIVIDER.test(line)
        ? { block: '***', next: at + 1 }
        : HEADING.test(line)
          ? { block: heading(line, draw), next: at + 1 }
          : isTable(lines, at)
            ? readTable(lines, at, draw)
            : QUOTE.test(line)
              ? readQuote(lines, at, draw)
              : isCode(line)
                ? readCode(lines, at)
                : ITEM.test(line)
                  ? readList(lines, at, draw)
                  : readParagraph(lines, at, draw)
    blocks.push(block)
    at = next
  }
  return blocks
}

function readFence(lines: string[], at: number): Block {
  const opening = lines[at] ?? ''
  const [, ticks, info = '', waves, waveInfo = ''] = FENCE_IN_LIST.exec(opening) ?? []
  const mark = ticks ?? waves ?? '```'
  const indent = opening.length - opening.trimStart().length
  const closing = new RegExp(`^\\s{0,12}\\${mark[0] ?? '`'}{${mark.length},}\\s*$`)
  let end = at + 1
  while (end < lines.length && !closing.test(lines[end] ?? '')) end += 1
  const code = lines
    .slice(at + 1, end)
    .map((line) => line.slice(Math.min(indent, line.length - line.trimStart().length)))
  const said = (info || waveInfo).trim()
  // A language says nothing where there is no code, and several words are the first line of what somebody quoted.
  const isLanguage = LANGUAGE.test(said) && code.some((line) => line.trim() !== '')
  const shown = isLanguage || said === '' ? code : [said, ...code]
  return { block: fence(shown.join('\n').trimEnd(), isLanguage ? said : ''), next: end + 1 }
}

/** Whoever breaks lines by tags means none of them as code, however far to the right they are. */
function isCode(line: string): boolean {
  return /^(?: {4}|\t)/.test(line) && line.search(BREAK) < 0
}

/** Lines further to the right after a blank one are code. */
function readCode(lines: string[], at: number): Block {
  let end = at
  while (end < lines.length && (isCode(lines[end] ?? '') || (lines[end] ?? '').trim() === '')) end += 1
  const code = lines.slice(at, end).join('\n').trimEnd().split('\n')
  return { block: fence(code.map((line) => line.replace(/^(?: {4}|\t)/, '')).join('\n')), next: end }
}

function heading(line: string, draw: Draw): string {
  const [, marks = '#', words = ''] = HEADING.exec(line) ?? []
  const shown = draw(words.trimEnd().replace(/(?<![ \t])[ \t]+#+$/, '')).join(' ')
  return `${'#'.repeat(Math.min(MAX_HEADING, marks.length))} ${wideStars(shown)}`
}

function readQuote(lines: string[], at: number, draw: Draw): Block {
  let end = at
  while (end < lines.length && QUOTE.test(lines[end] ?? '')) end += 1
  const said = lines.slice(at, end).flatMap((line) => draw(line.replace(/^ {0,3}> ?/, '')))
  return { block: `> ${wideStars(said.join('<br>'))}`, next: end }
}

/** A row, then the line that makes a table of it. */
function isTable(lines: string[], at: number): boolean {
  const [head = '', delimiters = ''] = lines.slice(at, at + 2)
  return (
    head.includes('|') &&
    delimiters.includes('-') &&
    DELIMITERS.test(delimiters.trim()) &&
    cellsOf(head).length === cellsOf(delimiters).length
  )
}

function readTable(lines: string[], at: number, draw: Draw): Block {
  let end = at + 2
  while (end < lines.length && (lines[end] ?? '').includes('|')) end += 1
  const width = cellsOf(lines[at] ?? '').length
  const rows = lines.slice(at, end).map((line, index) => {
    const cells = cellsOf(line).map((cell) =>
      index === 1 ? cell : wideStars(draw(cell).join('<br>').replaceAll('|', '｜')),
    )
    // What stands beyond the head would not be shown.
    const [first, rest] = [cells.slice(0, width - 1), cells.slice(width - 1)]
    return `| ${[...first, rest.join('｜')].join(' | ')} |`
  })
  return { block: rows.join('\n'), next: end }
}

/** An upright line behind a backslash is a letter of its cell. */
function cellsOf(line: string): string[] {
  const row = line.trim().replaceAll('\\|', '｜').replace(/^\|/, '').replace(/\|$/, '')
  return row.split('|').map((cell) => cell.trim())
}

/**
 * Items of a list, with the lines that go on below them and those a blank line is between. Numbers do not nest, and a card
 * counts them from 1 itself: where that would tell another number, it is a word of its item.
 */
function readList(lines: string[], at: number, draw: Draw): Block {
  const items: { sign: string; words: string[] }[] = []
  const indents: number[] = []
  let number = 0
  let end = at
  while (end < lines.length) {
    const line = lines[end] ?? ''
    const found = ITEM.exec(line)
    if (found && !DIVIDER.test(line)) {
      const [whole, blanks = '', bullet, mark = bullet ?? ''] = found
      const level = levelOf(indents, blanks.replaceAll('\t', '    ').length)
      const isNext = level === 0 && mark === `${number + 1}.`
      if (level === 0) number = isNext ? number + 1 : 0
      const sign = isNext ? mark : /\d/.test(mark) ? `* ${mark}` : '*'
      items.push({ sign: `${'    '.repeat(level)}${sign} `, words: draw(line.slice(whole.length)) })
      end += 1
      continue
    }
    let next = end
    while (next < lines.length && (lines[next] ?? '').trim() === '') next += 1
    const following = lines[next] ?? ''
    if (next > end && ITEM.test(following) && !DIVIDER.test(following)) {
      end = next
      continue
    }
    if (!/^(?: {2}|\t)/.test(following) || FENCE_IN_LIST.test(following)) break
    items.at(-1)?.words.push(...draw(following.trim()))
    end = next + 1
  }
  const drawn = items.map(({ sign, words }) => `${sign}${wideStars(trimBreaks(words).join('<br>'))}`)
  return { block: drawn.join('\n'), next: Math.max(end, at + 1) }
}

/** How deep an item is, by those before it that are further to the left. */
function levelOf(indents: number[], indent: number): number {
  while (indents.length > 0 && (indents.at(-1) ?? 0) >= indent) indents.pop()
  indents.push(indent)
  return Math.min(MAX_LEVEL, indents.length - 1)
}

function readParagraph(lines: string[], at: number, draw: Draw): Block {
  let end = at + 1
  while (end < lines.length && !isStart(lines, end)) end += 1
  const said = lines.slice(at, end)
  // Whoever breaks lines by tags moves them to the right for the sake of the source.
  const isOfTags = said.some((line) => line.includes(BROKEN) || line.search(BREAK) >= 0)
  const words = said.flatMap((line, index) => {
    const [first = '', ...others] = draw(line, index < said.length - 1)
    return [index === 0 || first === '' || isOfTags ? first : `${indentOf(line)}${first}`, ...others]
  })
  return { block: wideStars(trimBreaks(words).join('<br>')), next: end }
}

/** How far to the right it is, in blanks that are shown: stack traces and lists of values are read by it. */
function indentOf(line: string): string {
  const blanks = line.slice(0, line.length - line.trimStart().length).replaceAll('\t', '    ')
  return '\u00a0'.repeat(Math.min(MAX_INDENT, blanks.length))
}

/** Whether something other than a paragraph begins there. */
function isStart(lines: string[], at: number): boolean {
  const line = lines[at] ?? ''
  return (
    line.trim() === '' ||
    FENCE.test(line) ||
    DIVIDER.test(line) ||
    HEADING.test(line) ||
    QUOTE.test(line) ||
    (ITEM.test(line) && !isCode(line)) ||
    isTable(lines, at)
  )
}

function trimBreaks(words: string[]): string[] {
  const first = words.findIndex((word) => word !== '')
  return first < 0 ? [] : words.slice(first, words.findLastIndex((word) => word !== '') + 1)
}
