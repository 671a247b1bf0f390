/**
 * JSON whose texts may hold line breaks and other control characters as they are, as titles and messages that somebody pasted
 * have come from DingTalk.
 * @returns undefined for what is no JSON in that reading either
 */
export function parseLeniently(text: string): unknown {
  return parse(text) ?? (hasControls(text) ? parse(escapeControls(text)) : undefined)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const SPACE = 0x20

function hasControls(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) < SPACE) return true
  return false
}

/** Those inside of quotes; between them they are white space. */
function escapeControls(text: string): string {
  const parts: string[] = []
  let from = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (text[at] === '"') quoted = !quoted
    else if (quoted && text[at] === '\\') at += 1
    else if (quoted && unit < SPACE) {
      parts.push(text.slice(from, at), `\\u${unit.toString(16).padStart(4, '0')}`)
      from = at + 1
    }
  }
  return parts.join('') + text.slice(from)
}
