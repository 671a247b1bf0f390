import type { CardFace } from '../../domain/card.ts'
import { say } from '../../domain/messages.ts'
import { cutMarkdown } from './cut-markdown.ts'
import { block, cut, inline, oneLine, plainBlock, webAddress } from './text.ts'

/** UTF-16 units. A card is read in a chat; Flashduty's own rendering is somebody's choice and may be longer. */
const MAX_RENDERED = 10_000
const MAX_DESCRIPTION = 3_000
const MAX_LABELS = 4_000
const MAX_LABEL_NAME = 60
const MAX_LABEL = 500
const MAX_IMAGES = 5
const MAX_IMAGE_LINES = 3_000
/** What is longer than this is not even looked at. */
const MAX_READ = 50_000

/** Drawn markdown; empty when there is nothing to say. */
type Body = { markdown: string; truncated: boolean }

/** Pure: Flashduty's own rendering, or what its default template shows: description, resource, other labels, images. */
export function drawBody(face: CardFace): Body {
  const { rendered, locale, plain } = face
  const { markdown, truncated } = !plain && rendered?.body ? cutBlock(rendered.body, MAX_RENDERED) : builtIn(face)
  if (!truncated) return { markdown, truncated }
  return { markdown: [markdown, say(locale, 'card.truncated')].filter(Boolean).join('\n\n'), truncated }
}

function builtIn(face: CardFace): Body {
  const { incident, plain, locale } = face
  const { body_text: bodyText, resource, ...others } = incident.labels ?? {}
  const description = bodyText?.trim() ? bodyText : incident.description
  const text = plain
    ? cutShown(plainBlock(description.slice(0, MAX_READ), say(locale, 'card.link.omitted')), MAX_DESCRIPTION)
    : cutBlock(description, MAX_DESCRIPTION)
  const labels = drawLabels([['resource', resource ?? ''], ...Object.entries(others)], plain)
  const images = plain ? { lines: [], truncated: false } : drawImages(face)
  return {
    markdown: [text.markdown, ...labels.lines, ...images.lines].filter(Boolean).join('\n\n'),
    truncated: text.truncated || description.length > MAX_READ || labels.truncated || images.truncated,
  }
}

function cutBlock(text: string, length: number): Body {
  const body = cutShown(block(text.slice(0, MAX_READ)), length)
  return { ...body, truncated: body.truncated || text.length > MAX_READ }
}

function cutShown(shown: string, length: number): Body {
  const { text, truncated } = cutMarkdown(shown, length)
  return { markdown: text, truncated }
}

type Lines = { lines: string[]; truncated: boolean }

function drawLabels(labels: [string, string][], plain: boolean): Lines {
  const lines: string[] = []
  let room = MAX_LABELS
  let truncated = false
  for (const [name, value] of labels) {
    const whole = inline(value.slice(0, MAX_READ), plain)
    if (whole === '') continue
    const shown = cutValue(whole, plain)
    const line = `**${cut(inline(name.slice(0, MAX_READ), true), MAX_LABEL_NAME)}**：${shown}`
    truncated ||= shown !== whole
    if (line.length > room) return { lines, truncated: true }
    room -= line.length
    lines.push(line)
  }
  return { lines, truncated }
}

function cutValue(whole: string, plain: boolean): string {
  if (plain) return cut(whole, MAX_LABEL)
  const { text, truncated } = cutMarkdown(whole, MAX_LABEL)
  return truncated ? `${text}…` : text
}

/** Only pictures on the web: Flashduty's own tokens mean nothing to DingTalk. */
function drawImages({ incident }: CardFace): Lines {
  const lines = (Array.isArray(incident.images) ? incident.images : []).flatMap(({ src, href, alt }) => {
    const picture = bracketed(webAddress(src))
    if (picture === undefined) return []
    const image = `![${cut(inline(alt ?? '', true), MAX_LABEL_NAME)}](${picture})`
    const page = bracketed(webAddress(href))
    return [page === undefined ? image : `[${image}](${page})`]
  })
  let room = MAX_IMAGE_LINES
  const shown = lines.slice(0, MAX_IMAGES).filter((line) => {
    room -= line.length
    return room >= 0
  })
  return { lines: shown, truncated: shown.length < lines.length }
}

/** As it may stand between the brackets of a Markdown link. */
function bracketed(address: string | undefined): string | undefined {
  return address && oneLine(address).replaceAll('(', '%28').replaceAll(')', '%29')
}
