import MarkdownIt from 'markdown-it'

const markdown = new MarkdownIt({ html: false, linkify: false, breaks: false })

const openLink = markdown.renderer.rules.link_open
markdown.renderer.rules.link_open = (tokens, index, options, env, self) => {
  const link = tokens[index]
  link?.attrSet('href', clientLink(link.attrGet('href') ?? '') ?? '')
  link?.attrSet('target', '_blank')
  link?.attrSet('rel', 'noopener')
  return openLink?.(tokens, index, options, env, self) ?? self.renderToken(tokens, index, options)
}
markdown.validateLink = (url) => clientLink(url) !== undefined

/** `<a atId=user1>李雷</a>` names a person, the one piece of markup a card may hold (D:create-and-deliver-cards). */
markdown.inline.ruler.before('html_inline', 'mention', (state, silent) => {
  const found = /^<a atId=["']?[^"'>\s]+["']?>@?([^<]*)<\/a>/i.exec(state.src.slice(state.pos))
  if (found === null) return false
  if (!silent) {
    state.push('mention_open', 'b', 1).attrSet('class', 'mention')
    state.push('text', '', 0).content = `@${found[1]}`
    state.push('mention_close', 'b', -1)
  }
  state.pos += found[0].length
  return true
})

/** HTML of what a card or a robot says. Markup of its own in the text is shown as text. */
export function renderMarkdown(text: string): string {
  return markdown.render(text)
}

/**
 * Where a link leads on this desktop: `dingtalk://` wrappers are undone, as the client does when it opens them.
 * Undefined for anything that is no web page.
 */
export function clientLink(url: string): string | undefined {
  try {
    const parsed = new URL(url)
    if (parsed.protocol === 'http:' || parsed.protocol === 'https:') return parsed.href
    if (parsed.protocol !== 'dingtalk:') return undefined
    const inner =
      parsed.searchParams.get('url') ?? parsed.searchParams.get('pcLink') ?? parsed.searchParams.get('pageUrl')
    return inner === null || inner.startsWith('dingtalk:') ? undefined : clientLink(inner)
  } catch {
    return undefined
  }
}
