import MarkdownIt from 'markdown-it'

import { shortText } from '../../domain/text.ts'

/** What is longer is cut: nobody reads it here, and reading Markdown takes its time. */
const MAX_LENGTH = 20_000

const WEB_PAGE = /^https?:\/\/[^/\s]/i

/**
 * Markdown from outside as HTML: no HTML of its own, links only to web pages and always into a window of their own,
 * pictures as links, since a page that loads them would tell their owner who looks at it.
 */
const markdown = new MarkdownIt({ html: false, linkify: true, breaks: true })
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false })
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

export function toHtml(text: string): string {
  return markdown.render(shortText(text, MAX_LENGTH))
}
