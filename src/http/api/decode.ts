import type { Ignored } from '../../domain/reading/reading.ts'

/** Names that senders use beside those of the standard. */
const OTHER_NAMES: Record<string, string> = {
  utf8mb4: 'utf-8',
  utf_8: 'utf-8',
  cp936: 'gb18030',
  ms936: 'gb18030',
  cp950: 'big5',
}

/** The newer one has all of the older ones, and says of more bytes that they are none of its own. */
const WIDER: Record<string, string> = { gbk: 'gb18030' }

const LONGEST_NAME = 40

/** Text of a body: by its mark, else by the charset it claims, else by how JSON begins. Never fails. */
export function decodeText(bytes: Buffer, contentType: string): { text: string; ignored: Ignored[] } {
  const claimed = charsetOf(contentType)
  const known = claimed === undefined ? undefined : findEncoding(claimed)
  const encoding = markOf(bytes) ?? known ?? beginningOf(bytes) ?? 'utf-8'
  const problems: string[] = []
  if (claimed !== undefined && known === undefined) {
    const name = claimed.replaceAll(/[^\w.:+-]/g, '?').slice(0, LONGEST_NAME)
    problems.push(`has a charset that is not known (${name}): read as ${encoding.toUpperCase()}`)
  }
  let text = decodeStrictly(bytes, encoding)
  if (text === undefined) {
    text = new TextDecoder(encoding).decode(bytes)
    // As the sender calls it, where that is what it was read as.
    const name = encoding !== 'utf-8' && claimed !== undefined && known === encoding ? claimed : encoding
    problems.push(`has bytes that are not valid ${name.toUpperCase()}: shown as \u{fffd}`)
  }
  if (encoding === 'windows-1252')
    text = text.replaceAll(/[\u{80}-\u{9f}]/gu, (one) => WINDOWS[one.charCodeAt(0) - 0x80] ?? one)
  return { text, ignored: problems.map((problem) => ({ path: '(body)', problem })) }
}

/** Node 20 leaves these bytes of it as they are. */
const WINDOWS = '€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ'

function charsetOf(contentType: string): string | undefined {
  const [, quoted, bare] = /;\s*charset\s*=\s*(?:"([^"]*)"|([^\s;]*))/i.exec(contentType) ?? []
  return (quoted ?? bare)?.trim().replaceAll(/^'|'$/g, '').toLowerCase() || undefined
}

function findEncoding(name: string): string | undefined {
  try {
    const { encoding } = new TextDecoder(OTHER_NAMES[name] ?? name)
    return WIDER[encoding] ?? encoding
  } catch {
    return undefined
  }
}

function markOf(bytes: Buffer): string | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be'
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  return undefined
}

/** JSON begins with an ASCII character and holds no zero. */
function beginningOf(bytes: Buffer): string | undefined {
  if (bytes.length < 2) return undefined
  if (bytes[0] === 0 && bytes[1] !== 0) return 'utf-16be'
  return bytes[0] !== 0 && bytes[1] === 0 ? 'utf-16le' : undefined
}

function decodeStrictly(bytes: Buffer, encoding: string): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}
