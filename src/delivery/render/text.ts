/*
 * Texts from outside become parts of a card here. What leaves these functions holds no `<`, neither as it stands nor as
 * a character reference, so whatever tag a card shows (a mention, a colour) is ours; and its links lead to web pages.
 */

const letters = new Intl.Segmenter()

/** A letter may carry any number of marks, so what letters take up is bounded too. */
const UNITS_PER_LETTER = 4

/** At most `length` letters as people count them; `…` says that something is missing. */
export function cut(text: string, length: number, unitsPerLetter = UNITS_PER_LETTER): string {
  if (text.length <= length) return text
  let count = 0
  let end = 0
  for (const { segment, index } of letters.segment(text)) {
    count += 1
    if (count <= length) end = index
    if (count > length || index + segment.length > length * unitsPerLetter) return `${text.slice(0, end)}…`
  }
  return text
}

/** One line without what cannot be seen or sent: control characters, halves of surrogate pairs, turned writing order. */
export function oneLine(text: string): string {
  return sendable(text).replaceAll(/\s+/g, ' ').trim()
}

/** A value inside our Markdown: one line, links only to web pages, no tags. */
export function inline(text: string, plain = false): string {
  const line = oneLine(text)
  return plain ? unmarked(line) : harmless(line)
}

/** The same for names and titles, which hold no links: those can be cut anywhere. */
export function words(text: string, plain = false): string {
  return inline(text, plain).replaceAll(/\](\s*)\(/g, ']$1（')
}

/** Markdown from outside as a part of our Markdown: kept, but for tags and for links to anything but web pages. */
export function block(text: string): string {
  const shown = sendable(text)
    .replaceAll(/<br\s*\/?>/gi, '\n')
    // Colours are for us to give; what was coloured is worth keeping.
    .replaceAll(/<\/?font\b[^<>]*>/gi, '')
  return tidy(harmless(shown))
}

/** The same as mere text: no Markdown, no images, no addresses. */
export function plainBlock(text: string, omitted: string): string {
  const shown = sendable(text)
    .replaceAll(/<br\s*\/?>/gi, '\n')
    .replaceAll(/<[^<>]*>/g, '')
    .replaceAll(/!\[[^\]]{0,200}\]\([^)]{0,1100}\)/g, '')
    .replaceAll(/\[([^\]]{0,200})\]\([^)]{0,1100}\)/g, '$1')
  return tidy(unmarked(shown.replaceAll(/\b[a-z][a-z0-9+.-]*:\/\/\S+/gi, `（${omitted}）`)))
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
      // DingTalk acts on these itself, one of them by saying something in the name of whoever presses it.
      .replaceAll(/\b(dingtalk[\w-]*|dtmd|javascript|vbscript|data)(\s*):/gi, '$1$2：')
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
    .replaceAll(/[*_~`\\]|^\s*[-+=]{1,}\s/gm, '')
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
