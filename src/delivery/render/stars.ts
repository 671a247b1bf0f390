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

/** Where the stars are that are letters, in their order, and how many others there are. */
function starsIn(text: string): { literal: number[]; signs: number } {
  const [line] = markdown.parseInline(text, {})
  const literal: number[] = []
  let signs = 0
  let at = 0
  for (const { type, content, markup } of line?.children ?? []) {
    const isCode = type === 'code_inline'
    if (type !== 'text' && !isCode) {
      const found = text.indexOf(markup, at)
      if (markup.startsWith('*')) signs += markup.length
      at = found < 0 ? at : found + markup.length
      continue
    }
    if (isCode) at = Math.max(at, text.indexOf(markup, at) + markup.length)
    for (const letter of content) {
      if (letter !== '*') continue
      const found = text.indexOf('*', at)
      if (found < 0) break
      literal.push(found)
      at = found + 1
    }
    if (isCode) at = Math.max(at, text.indexOf(markup, at) + markup.length)
  }
  return { literal, signs }
}
