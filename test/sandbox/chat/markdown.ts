import type { ParseOptions } from '../dingtalk/card-markdown/blocks.ts'
import { parseMarkdown } from '../dingtalk/card-markdown/blocks.ts'
import type { Align, Block, Link, Looks, Piece } from '../dingtalk/card-markdown/tree.ts'

/** HTML of what a card or a robot says. Whatever means nothing in its Markdown is shown as text. */
export function toHtml(text: string, options?: ParseOptions): string {
  return parseMarkdown(text, options).map(drawBlock).join('')
}

/** The same of a text that is no Markdown. */
export function plainHtml(text: string): string {
  return `<p>${escape(text)}</p>`
}

function drawBlock(block: Block): string {
  switch (block.kind) {
    case 'paragraph':
      return `<p>${drawPieces(block.content)}</p>`
    case 'heading':
      return `<h${block.level}>${drawPieces(block.content)}</h${block.level}>`
    case 'divider':
      return '<hr>'
    case 'quote':
      return `<blockquote>${block.blocks.map(drawBlock).join('')}</blockquote>`
    case 'list': {
      const tag = block.ordered ? 'ol' : 'ul'
      return `<${tag}>${block.items.map((item) => `<li>${item.map(drawBlock).join('')}</li>`).join('')}</${tag}>`
    }
    case 'table':
      return drawTable(block.aligns, block.rows)
    case 'fence':
      return `<pre tabindex="0"><code>${escape(block.text)}</code></pre>`
  }
}

/** Wide ones are scrolled, which takes a place that keys can reach. */
function drawTable(aligns: Align[], rows: Piece[][][]): string {
  const [head, ...body] = rows.map((row, index) => {
    const tag = index === 0 ? 'th' : 'td'
    const cells = aligns.map((align, at) => `<${tag} class="${align}">${drawPieces(row[at] ?? [])}</${tag}>`)
    return `<tr>${cells.join('')}</tr>`
  })
  return `<div class="table" tabindex="0"><table><thead>${head}</thead><tbody>${body.join('')}</tbody></table></div>`
}

/** Pieces of one link stand in one anchor. */
function drawPieces(pieces: Piece[]): string {
  let html = ''
  let open: Link | undefined
  let end = ''
  for (const piece of pieces) {
    const link = piece.kind === 'break' ? open : piece.looks.link
    if (link !== open) {
      const [start, nextEnd] = anchorOf(link)
      html += end + start
      open = link
      end = nextEnd
    }
    html += piece.kind === 'break' ? '<br>' : dress(drawPiece(piece), piece.looks)
  }
  return html + end
}

function anchorOf(link: Link | undefined): [start: string, end: string] {
  if (link === undefined) return ['', '']
  const target = clientLink(link.address)
  if (target === undefined) return ['<span class="dead-link" title="不是网页地址">', '</span>']
  return [`<a href="${escape(target)}" target="_blank" rel="noopener">`, '</a>']
}

function drawPiece(piece: Exclude<Piece, { kind: 'break' }>): string {
  switch (piece.kind) {
    case 'text':
      return escape(piece.text)
    case 'mention':
      return `<b class="mention">@${escape(piece.name.replace(/^@/, ''))}</b>`
    case 'emoticon':
      return `<span class="emoticon" role="img" aria-label="表情：${escape(piece.name)}">${escape(piece.name)}</span>`
    case 'image': {
      const source = clientLink(piece.address)
      const alt = escape(piece.alt)
      if (source === undefined) return `<span class="picture" role="img" aria-label="${alt}">图片</span>`
      return `<img src="${escape(source)}" alt="${alt}">`
    }
  }
}

/** Tokens are known names, and stand in the style sheet as classes. */
function dress(html: string, { bold, italic, size, color }: Looks): string {
  const classes = [size, color].filter((token) => token !== undefined).join(' ')
  let dressed = html
  if (classes !== '') dressed = `<span class="${classes}">${dressed}</span>`
  if (italic) dressed = `<em>${dressed}</em>`
  if (bold) dressed = `<strong>${dressed}</strong>`
  return dressed
}

const REFERENCES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

function escape(text: string): string {
  return text.replaceAll(/[&<>"]/g, (sign) => REFERENCES[sign] ?? sign)
}

/**
 * Where a link leads on this desktop: `dingtalk://` wrappers are undone, as the client does when it opens them.
 * Undefined for anything that is no web page.
 */
export function clientLink(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined
  const parsed = new URL(url)
  if (parsed.protocol === 'http:' || parsed.protocol === 'https:') return parsed.href
  if (parsed.protocol !== 'dingtalk:') return undefined
  const inner =
    parsed.searchParams.get('url') ?? parsed.searchParams.get('pcLink') ?? parsed.searchParams.get('pageUrl')
  return inner === null || inner.startsWith('dingtalk:') ? undefined : clientLink(inner)
}
