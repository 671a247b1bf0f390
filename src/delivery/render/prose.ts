import { MAX_READ, beginningOf, sendable } from '../../domain/text.ts'
import { hasHtml, htmlText } from '../../domain/html-text.ts'
import { cutMarkdown } from './cut-markdown.ts'
import { inLine } from './in-line.ts'
import { fence } from '../../domain/literal.ts'

import { wideStars } from './stars.ts'

/*
 * Markdown from outside as the Markdown that a card is documented to read (page "markdown-variable-new"): blocks apart by
 * blank lines, lines of a paragraph by `<br>`, lists with `*`, dividers as `***`, code in fences of three backticks.
 * A line that is no such block is text.
 */

const FENCE = /^ {0,3}(?:(`{3,})([^`]*)|(~{3,})(.*))$/
/** Inside a list it may stand further to the right. */
const FENCE_IN_LIST = /^\s{0,12}(?:(`{3,})([^`]*)|(~{3,})(.*))$/
const LANGUAGE = /^[\w+#.-]{1,20}$/
const DIVIDER = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/
const HEADING = /^ {0,3}(#{1,6})[ \t]+(\S.*)$/
const QUOTE = /^ {0,3}>/
const ITEM = /^(\s*)([-+*]|\d{1,9}\.)[ \t]+(?=\S)/
/** Of a line without blanks at its ends. */
const DELIMITERS = /^\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?$/
const BREAK = /<br\s{0,8}\/?>/gi
const BREAK_AT_END = /<br\s{0,8}\/?>[ \t]*$/i
/** More levels look like none. */
const MAX_LEVEL = 4
const MAX_HEADING = 5

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
  // A sign whose other half is gone is a letter now.
  const last = shown.lastIndexOf('\n') + 1
  const isCode = shown.endsWith('```')
  return { text: isCode ? shown : shown.slice(0, last) + wideStars(shown.slice(last)), truncated }
}

function blocksOf(lines: string[]): string[] {
  const text = lines.join('\n')
  // Written at the end of a line, one break is meant.
  return hasHtml(text)
    ? readBlocks(htmlText(text.replaceAll(/<br\s{0,8}\/?>[ \t]*\n/gi, '<br>')).split('\n'), true)
    : readBlocks(lines, false)
}

type Block = { block: string; next: number }

/** @param isDecoded whether character references were read already */
function readBlocks(lines: string[], isDecoded: boolean): string[] {
  const show = (text: string): string => inLine(text, isDecoded)
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
          ? { block: heading(line, show), next: at + 1 }
          : isTable(lines, at)
            ? readTable(lines, at, show)
            : QUOTE.test(line)
              ? readQuote(lines, at, show)
              : isCode(line)
                ? readCode(lines, at)
                : ITEM.test(line)
                  ? readList(lines, at, show)
                  : readParagraph(lines, at, show)
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
  const language = (info || waveInfo).trim()
  return { block: fence(code.join('\n'), LANGUAGE.test(language) ? language : ''), next: end + 1 }
}

function isCode(line: string): boolean {
  return /^(?: {4}|\t)/.test(line)
}

/** Lines further to the right after a blank one are code. */
function readCode(lines: string[], at: number): Block {
  let end = at
  while (end < lines.length && (isCode(lines[end] ?? '') || (lines[end] ?? '').trim() === '')) end += 1
  const code = lines.slice(at, end).join('\n').trimEnd().split('\n')
  return { block: fence(code.map((line) => line.replace(/^(?: {4}|\t)/, '')).join('\n')), next: end }
}

function heading(line: string, show: (text: string) => string): string {
  const [, marks = '#', words = ''] = HEADING.exec(line) ?? []
  const shown = broken(words.trimEnd().replace(/(?<![ \t])[ \t]+#+$/, ''), show).join(' ')
  return `${'#'.repeat(Math.min(MAX_HEADING, marks.length))} ${wideStars(shown)}`
}

function readQuote(lines: string[], at: number, show: (text: string) => string): Block {
  let end = at
  while (end < lines.length && QUOTE.test(lines[end] ?? '')) end += 1
  const said = lines.slice(at, end).flatMap((line) => broken(line.replace(/^ {0,3}> ?/, ''), show))
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

function readTable(lines: string[], at: number, show: (text: string) => string): Block {
  let end = at + 2
  while (end < lines.length && (lines[end] ?? '').includes('|')) end += 1
  const width = cellsOf(lines[at] ?? '').length
  const rows = lines.slice(at, end).map((line, index) => {
    const cells = cellsOf(line).map((cell) =>
      index === 1 ? cell : wideStars(broken(cell, show).join('<br>').replaceAll('|', '｜')),
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
function readList(lines: string[], at: number, show: (text: string) => string): Block {
  const items: { sign: string; words: string[] }[] = []
  const indents: number[] = []
  let number = 0
  let end = at
  while (end < lines.length) {
    const line = lines[end] ?? ''
    const found = ITEM.exec(line)
    if (found && !DIVIDER.test(line)) {
      const [whole, blanks = '', mark = ''] = found
      const level = levelOf(indents, blanks.replaceAll('\t', '    ').length)
      const isNext = level === 0 && mark === `${number + 1}.`
      if (level === 0) number = isNext ? number + 1 : 0
      const sign = isNext ? mark : /\d/.test(mark) ? `* ${mark}` : '*'
      items.push({ sign: `${'    '.repeat(level)}${sign} `, words: broken(line.slice(whole.length), show) })
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
    items.at(-1)?.words.push(...broken(following.trim(), show))
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

function readParagraph(lines: string[], at: number, show: (text: string) => string): Block {
  let end = at + 1
  while (end < lines.length && !isStart(lines, end)) end += 1
  const said = lines.slice(at, end)
  const words = said.flatMap((line, index) =>
    broken(index < said.length - 1 ? line.replace(BREAK_AT_END, '') : line, show),
  )
  return { block: wideStars(trimBreaks(words).join('<br>')), next: end }
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

function broken(line: string, show: (text: string) => string): string[] {
  return line.split(BREAK).map((part) => show(part.trim()))
}

function trimBreaks(words: string[]): string[] {
  const first = words.findIndex((word) => word !== '')
  return first < 0 ? [] : words.slice(first, words.findLastIndex((word) => word !== '') + 1)
}
