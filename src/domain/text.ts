/*
 * Texts from outside become parts of what people read here. What leaves these functions holds no `<`, neither as it
 * stands nor as a character reference, so whatever tag a card shows (a mention, a colour) is ours; and its links lead to
 * web pages. Each text is cut to what can be shown of it before any expression looks at it, and every expression takes a
 * time that grows with its length and no faster: test/rules/linear.test.ts.
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

/** One line without what cannot be seen or sent: control characters, halves of surrogate pairs, turned writing order. */
export function oneLine(text: string): string {
  return sendable(beginningOf(text, MAX_READ)).replaceAll(/\s+/g, ' ').trim()
}

/** A value inside our Markdown: one line, links only to web pages, no tags. */
export function inline(text: string, plain = false): string {
  const line = oneLine(text)
  return plain ? unmarked(line) : harmless(line)
}

/** The same for names and titles, which hold no links: those can be cut anywhere. */
export function words(text: string, plain = false): string {
  return inline(text, plain).replaceAll(/\](\s?)\(/g, ']$1（')
}

/** A name, a title or a sentence of at most `length` letters, with no more of it read than that needs. */
export function shortWords(
  text: string,
  length: number,
  how: { plain?: boolean; unitsPerLetter?: number } = {},
): string {
  return shortened(text, length, how.unitsPerLetter, (read) => words(read, how.plain))
}

/** The same where nothing makes anything of Markdown or tags, as on pages: letter by letter what was sent. */
export function shortLine(text: string, length: number, unitsPerLetter?: number): string {
  return shortened(text, length, unitsPerLetter, oneLine)
}

/** The same with its line breaks, in UTF-16 units. */
export function shortText(text: string, units: number): string {
  const read = beginningOf(text, units)
  return sendable(read) + (read.length < text.length ? '…' : '')
}

function shortened(
  text: string,
  length: number,
  unitsPerLetter = UNITS_PER_LETTER,
  clean: (read: string) => string,
): string {
  // Even blanks are not passed over for ever.
  const whole = beginningOf(text, MAX_READ).trim()
  // What is shown may be written longer, with spaces and character references.
  const read = beginningOf(whole, length * unitsPerLetter * 2 + 200)
  const shown = clean(read)
  const isLonger = read.length < whole.length || text.length > MAX_READ
  return shown === '' ? '' : cut(`${shown}${isLonger ? '…' : ''}`, length, unitsPerLetter)
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

/** Markdown from outside as a part of our Markdown: kept, but for tags and for links to anything but web pages. */
export function block(text: string): string {
  const shown = sendable(beginningOf(text, MAX_READ))
    .replaceAll(/<br\s{0,8}\/?>/gi, '\n')
    // Colours are for us to give; what was coloured is worth keeping.
    .replaceAll(/<\/?font\b[^<>]*>/gi, '')
  return tidy(harmless(shown))
}

/** The same as mere text: no Markdown, no images, no addresses. */
export function plainBlock(text: string, omitted: string): string {
  const shown = sendable(beginningOf(text, MAX_READ))
    .replaceAll(/<br\s{0,8}\/?>/gi, '\n')
    .replaceAll(/<[^<>]*>/g, '')
    // Neither runs past where the next may begin.
    .replaceAll(/!\[[^\][\n]{0,200}\]\([^()\n]{0,1100}\)/g, '')
    .replaceAll(/\[([^\][\n]{0,200})\]\([^()\n]{0,1100}\)/g, '$1')
  return tidy(unmarked(shown.replaceAll(/[a-z0-9+.-]{1,30}:\/\/\S+/gi, `（${omitted}）`)))
}

/** The address of a web page as it may stand in a button or between brackets; undefined for anything else. */
export function webAddress(text: string | undefined): string | undefined {
  if (!text || text.length > MAX_ADDRESS || !URL.canParse(text)) return undefined
  const { protocol, href } = new URL(text)
  if ((protocol !== 'http:' && protocol !== 'https:') || href.length > MAX_ADDRESS) return undefined
  return href
}

const MAX_ADDRESS = 1_000

function sendable(text: string): string {
  return (
    text
      .replaceAll(/\p{Surrogate}/gu, '')
      .replaceAll(/\r\n?|[\u2028\u2029\u0085]/g, '\n')
      // oxlint-disable-next-line no-control-regex -- these are what is taken out
      .replaceAll(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/g, '')
  )
}

function harmless(text: string): string {
  return (
    withoutReferences(text)
      .replaceAll('<', '＜')
      // A link or image leads to a web page or is none.
      .replaceAll(/\](\s*)\((?!\s*https?:\/\/)/gi, ']$1（')
      // `[1]: address` anywhere makes `[1]` a link.
      .replaceAll(/\](\s*):/g, ']$1：')
      // DingTalk acts on these itself, one of them by saying something in the name of whoever presses it. Looked for
      // from the colon backwards, since each word and each gap ends at one colon only.
      .replaceAll(/:(?<=\b(?:dingtalk[\w-]*|dtmd|javascript|vbscript|data)\s*:)/gi, '：')
  )
}

/** `&lt;` and its many spellings would become `<` again in a client that reads character references first. */
function withoutReferences(text: string): string {
  return text
    .replaceAll(/&(?:lt|LT|nvlt);?|&#0*60(?!\d);?|&#[xX]0*3[cC](?![0-9a-fA-F]);?/g, '＜')
    .replaceAll(/&(?:gt|GT);?|&#0*62(?!\d);?/g, '>')
    .replaceAll(/&(?:quot|QUOT);?|&#0*34(?!\d);?/g, '"')
    .replaceAll(/&apos;|&#0*39(?!\d);?/g, "'")
}

const WIDE: Record<string, string> = { '[': '［', ']': '］', '(': '（', ')': '）', '>': '＞', '#': '＃', '|': '｜' }

/** Text in which no Markdown is left: what would be read as such is dropped or replaced by its wide form. */
function unmarked(text: string): string {
  return harmless(text)
    .replaceAll(/[*_~`\\]/g, '')
    .replaceAll(/^[ \t]*(?:[-+=]+[ \t]+)+/gm, '')
    .replaceAll(/^[ \t]*[-+=]+$/gm, '')
    .replaceAll(/[[\]()>#|]/g, (sign) => WIDE[sign] ?? sign)
}

/** Without blank lines at the ends and with at most one between paragraphs. */
function tidy(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .replaceAll(/\n{3,}/g, '\n\n')
    .replace(/^\n+/, '')
    .trimEnd()
}
