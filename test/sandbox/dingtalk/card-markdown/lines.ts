import type { Align } from './tree.ts'

/*
 * What a line begins with. The page (D:markdown-variable-new) says nothing of blanks before a sign: here any number of
 * them may stand there, so that more lines of an unescaped text mean something.
 */

/** Where the text of a line ends: behind it are only blanks. */
export function endOf(line: string): number {
  let end = line.length
  while (end > 0 && isBlank(line[end - 1])) end -= 1
  return end
}

export function isBlank(sign: string | undefined): boolean {
  return sign === ' ' || sign === '\t'
}

/** "添加一个`>`符号和一个空格"; the page's own sample leaves the blank out (`>>`), so it is not needed here. */
const QUOTE = /[ \t]*>[ \t]?/y
/** A tab in the page's table of signs, four blanks in its sample. */
const INDENT = / {0,3}\t| {4}/y
const BULLETS = { '*': /[ \t]*\*(?:[ \t]|$)/y, '-': /[ \t]*-(?:[ \t]|$)/y }
/** "添加数字并紧跟一个英文句点和一个空格". */
const NUMBER = /[ \t]*\d+\.(?:[ \t]|$)/y
/** "添加`#`和一个空格"; a line of nothing but `#` counts as well. */
const HEADING = /[ \t]*(#+)(?:[ \t]|$)/y
/** "在代码块之前和之后的行上使用三个反引号，可在…旁边指定具体的语言类型": whatever follows the three is the language. */
const FENCE = /[ \t]*```(?!`)/y
/** More than three end one too, so that less of an unescaped text stays inside. */
const FENCE_END = /[ \t]*`{3,}[ \t]*$/y

/** Where the line goes on behind the sign; undefined when it is not there. */
function behind(sign: RegExp, line: string, at: number): number | undefined {
  sign.lastIndex = at
  return sign.test(line) ? sign.lastIndex : undefined
}

export const behindQuote = (line: string, at: number): number | undefined => behind(QUOTE, line, at)
export const behindIndent = (line: string, at: number): number | undefined => behind(INDENT, line, at)
export const behindNumber = (line: string, at: number): number | undefined => behind(NUMBER, line, at)
export const behindFence = (line: string, at: number): number | undefined => behind(FENCE, line, at)
export const endsFence = (line: string, at: number): boolean => behind(FENCE_END, line, at) !== undefined
export const behindBullet = (line: string, at: number, bullet: '*' | '-'): number | undefined =>
  behind(BULLETS[bullet], line, at)

/** Six `#` are text where only five levels are known. */
export function headingAt(line: string, at: number, levels: number): { level: number; behind: number } | undefined {
  HEADING.lastIndex = at
  const level = HEADING.exec(line)?.[1]?.length ?? 0
  return level > 0 && level <= levels ? { level, behind: HEADING.lastIndex } : undefined
}

/** "在单独一行上使用连续三个星号": neither two nor four of them, and no blanks between. */
export function isDivider(line: string, at: number, end: number): boolean {
  let from = at
  while (from < end && isBlank(line[from])) from += 1
  return end - from === 3 && line.startsWith('***', from)
}

/**
 * "`|`与内容间需要有至少一个空格": only a bar with a blank, or an end of the line, on either side parts two cells.
 * Undefined where there is none. The bars at the ends may be left out, of which the page says nothing.
 */
export function cellsOf(line: string): string[] | undefined {
  const row = line.trim()
  const cells: string[] = []
  let from = 0
  for (let at = row.indexOf('|'); at >= 0; at = row.indexOf('|', at + 1)) {
    const parts = (at === 0 || isBlank(row[at - 1])) && (at === row.length - 1 || isBlank(row[at + 1]))
    if (!parts) continue
    if (at > 0) cells.push(row.slice(from, at).trim())
    from = at + 1
  }
  if (from === 0) return undefined
  if (from < row.length) cells.push(row.slice(from).trim())
  return cells.length > 0 ? cells : undefined
}

/** "在标题行中的连字符的左侧，右侧或两侧添加冒号": the line under the heads; undefined when it is none. */
export function alignsOf(line: string): Align[] | undefined {
  const cells = cellsOf(line)
  if (!cells?.every((cell) => /^:?-+:?$/.test(cell))) return undefined
  return cells.map((cell) => (cell.endsWith(':') ? (cell.startsWith(':') ? 'center' : 'right') : 'left'))
}
