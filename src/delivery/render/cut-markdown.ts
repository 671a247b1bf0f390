import { beginningOf } from '../../domain/text.ts'

/** What must not be cut through: images inside links, links, images, code in a line. None runs past where another may begin. */
const WHOLE =
  /!?\[(?:!\[[^\][\n]{0,200}\]\([^()\n]{0,1100}\)|\[[^\][\n]{0,200}\](?!\()|[^\][\n]){0,200}\]\((?:[^()\n]|\([^()\n]{0,200}\)){0,1100}\)|<br>|`[^`\n]{1,500}`|https?:\/\/[^\s)]{1,1100}/g
/** Units: longer than any of these in use. */
const LONGEST_WHOLE = 4_000
const FENCE = /^ {0,3}(`{3,}|~{3,})/

/**
 * Pure: the beginning of a Markdown text in at most `length` UTF-16 units, cut where it can be cut: between letters,
 * at a line's end where there is one close by, never through a link, an image or code in a line. A block of code that
 * is cut is closed again.
 */
export function cutMarkdown(text: string, length: number): { text: string; truncated: boolean } {
  if (text.length <= length && openFence(text) === undefined) return { text, truncated: false }
  const end = text.length <= length ? text.length : safeEnd(text, length)
  const kept = withoutBreaks(text.slice(0, end))
  const fence = openFence(kept)
  // The closing line has to have room; a block of which no more than its first line is left says nothing.
  if (fence === undefined) return { text: kept, truncated: end < text.length }
  const closing = `\n${fence.marker}`
  const body = kept.length + closing.length <= length ? kept : kept.slice(0, lastBreak(kept, length - closing.length))
  const whole = body.length > fence.firstLineEnd ? body + closing : text.slice(0, fence.start).trimEnd()
  return { text: whole, truncated: end < text.length || whole.length < text.length }
}

/** Without blanks and line breaks at its end. */
function withoutBreaks(text: string): string {
  let kept = text.trimEnd()
  while (kept.endsWith('<br>')) kept = kept.slice(0, -'<br>'.length).trimEnd()
  return kept
}

function safeEnd(text: string, length: number): number {
  let end = beginningOf(text, length).length
  for (const match of text.slice(0, end + LONGEST_WHOLE).matchAll(WHOLE)) {
    if (match.index >= end) break
    if (match.index + match[0].length > end) end = match.index
  }
  const lineEnd = text.lastIndexOf('\n', end)
  return lineEnd > end - NEARBY && lineEnd > 0 ? lineEnd : end
}

const NEARBY = 200

function lastBreak(text: string, length: number): number {
  const lineEnd = text.lastIndexOf('\n', Math.max(0, length))
  return Math.max(0, lineEnd)
}

/** The block of code that the text ends in. */
function openFence(text: string): { marker: string; start: number; firstLineEnd: number } | undefined {
  let open: { marker: string; start: number; firstLineEnd: number } | undefined
  let start = 0
  for (const line of text.split('\n')) {
    const marker = FENCE.exec(line)?.[1]
    if (marker !== undefined && open === undefined) open = { marker, start, firstLineEnd: start + line.length }
    else if (marker !== undefined && open?.marker[0] === marker[0] && marker.length >= (open?.marker.length ?? 0)) {
      open = undefined
    }
    start += line.length + 1
  }
  return open
}
