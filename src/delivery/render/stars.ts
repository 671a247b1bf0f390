import MarkdownIt from 'markdown-it'

/** Emphasis and code in a line alone: what else there is to a line has no stars that would be signs. */
const markdown = new MarkdownIt('zero').enable(['emphasis', 'backticks', 'balance_pairs'])

/**
 * Pure: Markdown in which no star that its author meant as a letter meets another one, such as those of `* / 5 * * *`. No page
 * says which stars belong together, so a card may take any two for a pair and show neither; those become wide ones. One that is
 * alone means nothing to anybody.
 */
export function wideStars(text: string): string {
  if (text.split('*', 3).length < 3) return text
  const { literal, signs } = starsIn(text)
  if (literal.length + (signs > 0 ? 1 : 0) < 2) return text
  let shown = ''
  let from = 0
  for (const at of literal) {
    shown += `${text.slice(from, at)}＊`
    from = at + 1
  }
  return shown + text.slice(from)
}

/**
 * Marks beside two stars, inside of them or out: whoever writes `**级别：**P1` or `**99%**的` means bold, though CommonMark takes
 * neither for that.
 */
const MARKS = /(?![ -~])[\p{P}\p{S}]|(?![*`\\])[\p{P}\p{S}](?=\*\*)|(?<=\*\*)(?![*`\\])[\p{P}\p{S}]/gu

/** What stands before a star in paths, patterns and queries (`/tmp/*.log`, `.*x.*`, `a.*`): behind it no emphasis begins. */
const BEFORE = /[/.=@|%$+^?&#\\-](?=\*(?!\*))/g

/** One between two letters or digits, as in `4*8G`, alone in brackets, as in `count(*)`, or before a slash, as cron writes it. */
const ALONE = /(?<=[0-9A-Za-z])\*(?=[0-9A-Za-z])|(?<=\()\*(?=\))|(?<!\*)\*(?=\/)/g

/** Where the stars are that are letters, in their order, and how many others there are. */
function starsIn(text: string): { literal: number[]; signs: number } {
  const joined = text.replaceAll(BEFORE, 'x')
  const literal = Array.from(joined.matchAll(ALONE), ({ index }) => index)
  const read = joined.replaceAll(ALONE, 'x').replaceAll(MARKS, (mark) => 'x'.repeat(mark.length))
  const [line] = markdown.parseInline(read, {})
  let signs = 0
  let at = 0
  for (const { type, content, markup } of line?.children ?? []) {
    const isCode = type === 'code_inline'
    if (type !== 'text' && !isCode) {
      const found = read.indexOf(markup, at)
      if (markup.startsWith('*')) signs += markup.length
      at = found < 0 ? at : found + markup.length
      continue
    }
    if (isCode) at = Math.max(at, read.indexOf(markup, at) + markup.length)
    for (const letter of content) {
      if (letter !== '*') continue
      const found = read.indexOf('*', at)
      if (found < 0) break
      literal.push(found)
      at = found + 1
    }
    if (isCode) at = Math.max(at, read.indexOf(markup, at) + markup.length)
  }
  return { literal: literal.toSorted((a, b) => a - b), signs }
}
