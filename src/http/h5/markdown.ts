import { LRUCache } from 'lru-cache'
import MarkdownIt from 'markdown-it'

import { withoutHtml } from '../../domain/html-text.ts'
import { MAX_PAGE_TEXT } from '../../domain/limits.ts'
import { shortText } from '../../domain/text.ts'
import { lengthOfAddress } from '../../domain/web-address.ts'

/** HTML that is kept, with the texts it was made from, in UTF-16 units: of some dozens of the longest texts. */
const KEPT = 8_000_000
/** Other HTML costs less than finding it. */
const KEPT_FROM = 500

const WEB_PAGE = /^https?:\/\/[^/\s]/i

/**
 * Markdown from outside as HTML: no HTML of its own, links only to web pages and always into a window of their own,
 * pictures as links, since a page that loads them would tell their owner who looks at it.
 */
const markdown = new MarkdownIt({ html: false, linkify: true, breaks: true })
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false })
// Its own rule for addresses takes a time that grows with the square of the text, where brackets in them stay open.
for (const scheme of ['http:', 'https:']) markdown.linkify.add(scheme, { validate: lengthOfAddress })
// No web pages anyway.
for (const scheme of ['ftp:', 'mailto:', '//']) markdown.linkify.add(scheme, null)
markdown.validateLink = (url) => WEB_PAGE.test(url)
markdown.renderer.rules['link_open'] = (tokens, index, options, _env, self) => {
  // An address that is empty leads nowhere.
  if (!tokens[index]?.attrGet('href')) return '<a>'
  tokens[index]?.attrSet('target', '_blank')
  tokens[index]?.attrSet('rel', 'noopener noreferrer nofollow')
  return self.renderToken(tokens, index, options)
}
markdown.renderer.rules['image'] = (tokens, index) => {
  const address = tokens[index]?.attrGet('src') ?? ''
  const { escapeHtml } = markdown.utils
  const name = tokens[index]?.content || address
  if (address === '') return escapeHtml(name)
  return `<a href="${escapeHtml(address)}" target="_blank" rel="noopener noreferrer nofollow">${escapeHtml(name)}</a>`
}
// What is wider than the page is moved with the keys too.
for (const rule of ['fence', 'code_block', 'table_open'] as const) {
  const draw = markdown.renderer.rules[rule]
  markdown.renderer.rules[rule] = (tokens, index, options, env, self) =>
    (draw ? draw(tokens, index, options, env, self) : self.renderToken(tokens, index, options)).replace(
      /^<(pre|table)/,
      '<$1 tabindex="0"',
    )
}

const kept = new LRUCache<string, string>({
  maxSize: KEPT,
  sizeCalculation: (html, text) => html.length + text.length,
})

/**
 * The HTML of a text, or of so much of it; HTML in it counts as its text. What was drawn before is not drawn again: the longest text takes some tenths
 * of a second, and a page may be opened by a whole company at once.
 */
export function toHtml(text: string, maxLength = MAX_PAGE_TEXT): string {
  const shown = withoutHtml(shortText(text, maxLength))
  if (shown.length < KEPT_FROM) return markdown.render(shown)
  const html = kept.get(shown) ?? markdown.render(shown)
  kept.set(shown, html)
  return html
}
