import type { CardFace } from '../../domain/card.ts'
import { say } from '../../domain/messages.ts'
import {
  beginningOf,
  block,
  cut,
  inline,
  MAX_READ,
  oneLine,
  plainBlock,
  shortWords,
  webAddress,
} from '../../domain/text.ts'
import { cutMarkdown } from './cut-markdown.ts'

/** UTF-16 units. A card is read in a chat; Flashduty's own rendering is somebody's choice and may be longer. */
const MAX_RENDERED = 10_000
const MAX_DESCRIPTION = 3_000
const MAX_LABELS = 4_000
const MAX_LABEL_NAME = 60
const MAX_LABEL = 500
const MAX_IMAGES = 5
const MAX_IMAGE_LINES = 3_000
/** As far as it is looked at: what is shown may be written longer. */
const MAX_LABEL_READ = 2_000
const MAX_LABELS_READ = 200
const MAX_IMAGES_READ = 50

/** Drawn markdown; empty when there is nothing to say. */
type Body = { markdown: string; truncated: boolean }

/** Pure: Flashduty's own rendering, or what its default template shows: description, resource, other labels, images. */
export function drawBody(face: CardFace): Body {
  const { rendered, locale, plain } = face
  if (face.minimal) return { markdown: '', truncated: false }
  const { markdown, truncated } = !plain && rendered?.body ? cutBlock(rendered.body, MAX_RENDERED) : builtIn(face)
  if (!truncated) return { markdown, truncated }
  return { markdown: [markdown, say(locale, 'card.truncated')].filter(Boolean).join('\n\n'), truncated }
}

function builtIn(face: CardFace): Body {
  const { incident, plain, locale } = face
  const { body_text: bodyText, resource, ...others } = incident.labels ?? {}
  const description = bodyText?.trim() ? bodyText : incident.description
  const text = plain
    ? cutShown(plainBlock(description, say(locale, 'card.link.omitted')), MAX_DESCRIPTION)
    : cutBlock(description, MAX_DESCRIPTION)
  const labels = drawLabels([['resource', resource ?? ''], ...Object.entries(others)], plain)
  const images = plain ? { lines: [], truncated: false } : drawImages(face)
  return {
    markdown: [text.markdown, ...labels.lines, ...images.lines].filter(Boolean).join('\n\n'),
    truncated: text.truncated || description.length > MAX_READ || labels.truncated || images.truncated,
  }
}

function cutBlock(text: string, length: number): Body {
  const body = cutShown(block(text), length)
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
  for (const [name, value] of labels.slice(0, MAX_LABELS_READ)) {
    const sent = beginningOf(value, MAX_READ).trim()
    const read = beginningOf(sent, MAX_LABEL_READ)
    const whole = inline(read, plain)
    if (whole === '') continue
    const shown = cutValue(whole, plain)
    const line = `**${shortWords(name, MAX_LABEL_NAME, { plain: true })}**：${shown}`
    truncated ||= shown !== whole || read.length < sent.length
    if (line.length > room) return { lines, truncated: true }
    room -= line.length
    lines.push(line)
  }
  return { lines, truncated: truncated || labels.length > MAX_LABELS_READ }
}

function cutValue(whole: string, plain: boolean): string {
  if (plain) return cut(whole, MAX_LABEL)
  const { text, truncated } = cutMarkdown(whole, MAX_LABEL)
  return truncated ? `${text}…` : text
}

/** Only pictures on the web: Flashduty's own tokens mean nothing to DingTalk. */
function drawImages({ incident }: CardFace): Lines {
  const images = Array.isArray(incident.images) ? incident.images : []
  const lines = images.slice(0, MAX_IMAGES_READ).flatMap(({ src, href, alt }) => {
    const picture = bracketed(webAddress(src))
    if (picture === undefined) return []
    const image = `![${shortWords(alt ?? '', MAX_LABEL_NAME, { plain: true })}](${picture})`
    const page = bracketed(webAddress(href))
    return [page === undefined ? image : `[${image}](${page})`]
  })
  let room = MAX_IMAGE_LINES
  const shown = lines.slice(0, MAX_IMAGES).filter((line) => {
    room -= line.length
    return room >= 0
  })
  return { lines: shown, truncated: shown.length < lines.length || images.length > MAX_IMAGES_READ }
}

/** As it may stand between the brackets of a Markdown link. */
function bracketed(address: string | undefined): string | undefined {
  return address && oneLine(address).replaceAll('(', '%28').replaceAll(')', '%29')
}
