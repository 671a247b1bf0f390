/*
 * Texts from outside where nothing makes anything of Markdown or tags: letter by letter what was sent, without what cannot
 * be seen or sent. Each text is cut to what can be shown of it before any expression looks at it, and every expression takes
 * a time that grows with its length and no faster: test/rules/linear.test.ts.
 */

const letters = new Intl.Segmenter()

/** UTF-16 units; what is longer than this is not even looked at. */
export const MAX_READ = 50_000

/** A letter may carry any number of marks, so what letters take up is bounded too. */
const UNITS_PER_LETTER = 4
/** Families of emoji take up some ten units each. */
export const UNITS_PER_TITLE_LETTER = 16

/** How far around its end a text is looked at so that no letter is cut in two. */
const WINDOW = 128

/** The beginning of a text in at most so many UTF-16 units, up to the end of a letter. Takes no time to speak of. */
export function beginningOf(text: string, units: number): string {
  if (text.length <= units) return text
  const from = letterBefore(text, units)
  const index = letters.segment(text.slice(from, units + WINDOW)).containing(units - from)?.index ?? 0
  const end = from + index
  // One that is longer than that is cut in two all the same.
  if (end > 0 && units - end < WINDOW) return text.slice(0, end)
  return text.slice(0, isFirstHalf(text.charCodeAt(units - 1)) ? units - 1 : units)
}

/** Where a letter surely begins: at the last sign of plain English, which is never part of another letter. */
function letterBefore(text: string, end: number): number {
  const least = Math.max(0, end - WINDOW)
  for (let at = end - 1; at > least; at--) {
    const unit = text.charCodeAt(at)
    if (unit > 0x20 && unit < 0x7f) return at
  }
  return least
}

function isFirstHalf(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}

/** Signs that are a letter each, whatever follows: counting any others takes a hundred times as long. */
const ALONE = /^[\x20-\x7e\u3001-\u3020\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uff01-\uff9d]*$/

/** At most `length` letters as people count them; `…` says that something is missing. */
export function cut(text: string, length: number, unitsPerLetter = UNITS_PER_LETTER): string {
  if (text.length <= length) return text
  if (ALONE.test(text.slice(0, length + 1))) return `${text.slice(0, length - 1)}…`
  const mostUnits = length * unitsPerLetter
  let count = 0
  let end = 0
  for (const { segment, index } of letters.segment(text.slice(0, mostUnits + 1))) {
    count += 1
    if (count <= length) end = index
    if (count > length || index + segment.length > mostUnits) return `${text.slice(0, end)}…`
  }
  return text
}

/** One line of what can be seen and sent: several blanks and line breaks become one blank. */
export function oneLine(text: string): string {
  return sendable(beginningOf(text, MAX_READ))
    .replaceAll(/[ \t\n]+/g, ' ')
    .trim()
}

/**
 * A name, a title or a sentence on one line, of at most `length` letters, with no more of it read than that needs; empty
 * for one of which nothing can be seen.
 */
export function shortLine(text: string, length: number, unitsPerLetter = UNITS_PER_LETTER): string {
  // Even blanks are not passed over for ever.
  const whole = beginningOf(text, MAX_READ).trim()
  // What is shown may be written longer, with blanks.
  const read = beginningOf(whole, length * unitsPerLetter * 2 + 200)
  const shown = oneLine(read)
  const isLonger = read.length < whole.length || text.length > MAX_READ
  return isVisible(shown) ? cut(`${shown}${isLonger ? '…' : ''}`, length, unitsPerLetter) : ''
}

/** Whether any of it is seen: blanks, fillers and marks of direction alone look like nothing. */
export function isVisible(text: string): boolean {
  return /[^\s\p{Cc}\p{Cf}\p{Cs}\p{Zs}\p{Default_Ignorable_Code_Point}\u2800]/u.test(text)
}

/** The same with its line breaks, in UTF-16 units. */
export function shortText(text: string, units: number): string {
  const read = beginningOf(text, units)
  return sendable(read) + (read.length < text.length ? '…' : '')
}

/** Letters, digits and spaces, for a text that nothing better could be made of. */
export function bareWords(text: string, length: number): string {
  const read = Array.from(
    beginningOf(text, MAX_READ)
      .trim()
      .slice(0, length * 4),
    (letter) => (/[\p{L}\p{N}.%-]/u.test(letter) ? letter : ' '),
  )
  return read
    .join('')
    .split(' ')
    .filter(Boolean)
    .join(' ')
    .slice(0, length)
    .replace(/\p{Surrogate}$/u, '')
}

/**
 * The colon of an address that DingTalk's client acts on itself, one of them by saying something in the name of whoever
 * presses it. Looked for from the colon backwards, since each word and each gap ends at one colon only.
 */
export const OWN_ADDRESS = /:(?=\/\/)(?<=\b(?:dingtalk[\w-]{0,40}|dtmd):)/gi

/** Without what cannot be seen or sent: control characters, halves of surrogate pairs, turned writing order. */
export function sendable(text: string): string {
  return (
    text
      .replaceAll(/\p{Surrogate}/gu, '')
      .replaceAll(/\r\n?|[\u2028\u2029\u0085]/g, '\n')
      // oxlint-disable-next-line no-control-regex -- these are what is taken out
      .replaceAll(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/g, '')
  )
}
