import type { CardFace } from '../../domain/card.ts'
import { say } from '../../domain/messages.ts'
import { beginningOf, cut, isVisible, MAX_READ, sendable, shortLine } from '../../domain/text.ts'
import { lengthOfAddress, webAddress } from '../../domain/web-address.ts'
import { hasHtml, htmlText } from '../../domain/html-text.ts'
import { withoutAddresses } from './addresses.ts'
import { bracketed } from './in-line.ts'
import { between, fence, isLiteral } from '../../domain/literal.ts'
import { cutProse } from './prose.ts'

/** UTF-16 units. A card is read in a chat; Flashduty's own rendering is somebody's choice and may be longer. */
const MAX_RENDERED = 10_000
const MAX_DESCRIPTION = 3_000
const MAX_LABELS = 4_000
const MAX_LABEL_NAME = 60
const MAX_LABEL = 500
const MAX_LINKS = 10
const MAX_LINK_LINE = 2_500
const MAX_IMAGES = 5
const MAX_IMAGE_LINES = 3_000
/** As far as it is looked at: what is shown may be written longer. */
const MAX_LABEL_READ = 2_000
const MAX_LABELS_READ = 200
const MAX_IMAGES_READ = 50

/** Drawn markdown; empty when there is nothing to say. */
export type Body = { markdown: string; truncated: boolean }

/**
 * Pure: Flashduty's own rendering, or what its default template shows: description, resource, other labels, images; then
 * what is missing.
 * @param hasDetail whether 查看详情 is drawn
 */
export function drawBody(face: CardFace, hasDetail: boolean): Body {
  const { rendered, locale, plain } = face
  if (face.minimal) return { markdown: '', truncated: false }
  const body = !plain && rendered?.body ? drawProse(rendered.body, MAX_RENDERED) : builtIn(face)
  const see = say(locale, hasDetail ? 'see.detail' : 'see.console')
  const parts = [body.markdown, body.truncated ? say(locale, 'card.truncated', { see }) : '', ...missingPages(face)]
  return { markdown: parts.filter(Boolean).join('\n\n'), truncated: body.truncated }
}

function builtIn(face: CardFace): Body {
  const { incident, plain } = face
  const { body_text: bodyText, resource, ...others } = incident.labels ?? {}
  const description = bodyText?.trim() ? bodyText : incident.description
  const text = plain ? cutPlain(face, description) : drawProse(description, MAX_DESCRIPTION)
  const labels = drawLabels([['resource', resource ?? ''], ...Object.entries(others)], face)
  const images = plain ? { lines: [], truncated: false } : drawImages(face)
  return {
    markdown: [text.markdown, ...labels.lines, ...images.lines].filter(Boolean).join('\n\n'),
    truncated: text.truncated || labels.truncated || images.truncated,
  }
}

function drawProse(text: string, length: number): Body {
  const { text: markdown, truncated } = cutProse(text, length)
  return { markdown, truncated }
}

/** Nothing of it is Markdown, a picture or an address. */
function cutPlain(face: CardFace, description: string): Body {
  const read = sendable(beginningOf(description, MAX_READ)).replaceAll(/<br\s{0,8}\/?>/gi, '\n')
  const text = withoutAddresses(hasHtml(read) ? htmlText(read) : read, face.locale)
  if (!isVisible(text)) return { markdown: '', truncated: false }
  const shown = beginningOf(text, MAX_DESCRIPTION)
  const truncated = shown.length < text.length || description.length > MAX_READ
  return { markdown: fence(shown.replace(/^\n+/, '').trimEnd()), truncated }
}

type Lines = { lines: string[]; truncated: boolean }

/** Names and values letter by letter, which only a fence shows; what is an address of a page can be followed below. */
function drawLabels(labels: [string, string][], face: CardFace): Lines {
  const listed: string[] = []
  const apart: string[] = []
  const links: string[] = []
  let room = MAX_LABELS
  let truncated = labels.length > MAX_LABELS_READ
  for (const [key, value] of labels.slice(0, MAX_LABELS_READ)) {
    const sent = beginningOf(value, MAX_READ)
    const read = sendable(beginningOf(sent, MAX_LABEL_READ)).replace(/^\n+/, '').trimEnd()
    if (!isVisible(read)) continue
    const name = shortLine(key, MAX_LABEL_NAME)
    const whole = face.plain ? withoutAddresses(read, face.locale) : read
    const isLonger = sent.trimEnd().length > MAX_LABEL_READ
    const shown = cut(isLonger ? `${whole}…` : whole, MAX_LABEL)
    if (room < name.length + shown.length) {
      truncated = true
      break
    }
    truncated ||= shown !== whole
    room -= name.length + shown.length + 3
    // One of several lines stands apart, so that none of them looks like a label of its own.
    if (shown.includes('\n')) apart.push(fence(`${name}:\n${shown}`))
    else listed.push(`${name}: ${shown}`)
    if (!face.plain) links.push(...linksIn(name, read))
  }
  const all = listed.length === 0 ? apart : [fence(listed.join('\n')), ...apart]
  return { lines: [...all, linkLine(links)].filter(Boolean), truncated }
}

/** The web pages that a label leads to, called by its name where that can be shown. */
function linksIn(name: string, value: string): string[] {
  const links: string[] = []
  for (const { 0: scheme, index } of value.matchAll(/https?:(?=\/\/)/gi)) {
    const from = index + scheme.length
    const address = webAddress(value.slice(index, from + lengthOfAddress(value, from)))
    if (address === undefined) continue
    const words = name !== '' && isLiteral(name) ? name : between(new URL(address).host)
    links.push(`[${words}](${bracketed(address)})`)
    if (links.length === MAX_LINKS) break
  }
  return links
}

function linkLine(links: string[]): string {
  let room = MAX_LINK_LINE
  const shown = [...new Set(links)].slice(0, MAX_LINKS).filter((link) => {
    room -= link.length + 3
    return room >= 0
  })
  return shown.join(' · ')
}

/** Only pictures on the web: Flashduty's own tokens mean nothing to DingTalk. Those that cannot be shown are counted. */
function drawImages({ incident, locale }: CardFace): Lines {
  const images = Array.isArray(incident.images) ? incident.images : []
  const lines = images.slice(0, MAX_IMAGES_READ).flatMap(({ src, href, alt }) => {
    const picture = webAddress(src)
    if (picture === undefined) return []
    const image = `![${between(shortLine(alt ?? '', MAX_LABEL_NAME))}](${bracketed(picture)})`
    const page = webAddress(href)
    return [page === undefined ? image : `[${image}](${bracketed(page)})`]
  })
  let room = MAX_IMAGE_LINES
  const shown = lines.slice(0, MAX_IMAGES).filter((line) => {
    room -= line.length
    return room >= 0
  })
  const count = Math.min(images.length, MAX_IMAGES_READ) - lines.length
  const missing = count === 0 ? [] : [say(locale, 'card.images.missing', { count })]
  return { lines: [...shown, ...missing], truncated: shown.length < lines.length || images.length > MAX_IMAGES_READ }
}

/** Pages that Flashduty names and no button can lead to. */
function missingPages({ incident, locale, superseded, gone }: CardFace): string[] {
  const isMissing = (address: string | undefined): boolean => !!address?.trim() && webAddress(address) === undefined
  const names = [
    ...(isMissing(incident.detail_url) ? [say(locale, 'button.detail')] : []),
    ...(isMissing(incident.silence_url) && !superseded && !gone ? [say(locale, 'button.silence')] : []),
  ]
  return names.map((button) => say(locale, 'card.page.missing', { button }))
}
