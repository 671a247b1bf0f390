import MarkdownIt from 'markdown-it'

/**
 * A client that knows more than the vendor documents: code in a line, underscores, backslashes, references, tables of any
 * kind, words that are crossed out, bare addresses, tags.
 */
const client = new MarkdownIt('commonmark', { html: true, linkify: true }).enable(['table', 'strikethrough', 'linkify'])

/** The lines that a person reads in it. Of tags it knows `br`, `font` and `a`; others are shown as they are written. */
export function readElsewhere(markdown: string): string[] {
  const lines: string[] = []
  for (const token of client.parse(markdown, {})) {
    if (token.type === 'inline') lines.push(...lettersOf(token.children ?? []).split('\n'))
    else if (token.type === 'fence') lines.push(...token.content.replace(/\n$/, '').split('\n'))
    else if (token.type === 'code_block' || token.type === 'html_block') lines.push(...token.content.trim().split('\n'))
  }
  return lines
}

type Token = ReturnType<typeof client.parse>[number]

function lettersOf(tokens: Token[]): string {
  return tokens
    .map(({ type, content, children }) => {
      if (type === 'softbreak') return ' '
      if (type === 'hardbreak') return '\n'
      if (type === 'image') return lettersOf(children ?? [])
      if (type !== 'html_inline') return content
      if (/^<br[ /]*>$/i.test(content)) return '\n'
      return /^<(?:a|font) |^<\/(?:a|font)>$/.test(content) ? '' : content
    })
    .join('')
}
