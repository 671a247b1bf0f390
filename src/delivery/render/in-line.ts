import { isEmoticon } from '../../domain/emoticons.ts'
import { OWN_ADDRESS } from '../../domain/text.ts'
import { lengthOfAddress, webAddress } from '../../domain/web-address.ts'
import { wideBackticks } from '../../domain/literal.ts'

/** Links and images are kept, code in a line too; an address by itself becomes a link. None runs past where another may begin. */
const PARTS =
  /!?\[(?:!\[[^\][\n]{0,200}\]\([^()\n]{0,1100}\)|\[[^\][\n]{0,200}\](?!\()|[^\][\n]){0,200}\]\((?:[^()\n]|\([^()\n]{0,200}\)){0,1100}\)|(?<!`)`[^`\n]{1,500}`(?!`)|https?:(?=\/\/)/gi
const LINK = /^(!?\[[^]*\])\(\s*(https?:\/\/[^\s"']+)\s*(?:(?<=\s)(?:"[^"]*"|'[^']*'|\([^()]*\))\s*)?\)$/i

/**
 * Pure: a line of Markdown from outside inside our own Markdown. Its letters stay; what would be a tag, a mention or a link to
 * anything but a web page is made visible as the text it is, and addresses of web pages can be followed.
 * @param isDecoded whether character references were read already
 */
export function inLine(text: string, isDecoded = false): string {
  const read = isDecoded ? text : withoutReferences(text.replaceAll(/<(https?:\/\/[^\s<>]{1,2000})>/gi, '$1'))
  return withLinks(harmless(read))
}

function withLinks(line: string): string {
  let shown = ''
  let from = 0
  for (const { 0: part, index } of line.matchAll(PARTS)) {
    // Within an address that was followed already.
    if (index < from) continue
    // What no link is around is no address of one.
    shown += wideBackticks(withoutEmoticons(line.slice(from, index).replace(/\]\((\s*)$/, ']（$1')))
    from = index + part.length
    if (part.endsWith(':')) {
      const length = lengthOfAddress(line, from)
      shown += length === 0 ? part : followed(line.slice(index, from + length))
      from += length
    } else if (part.startsWith('`')) shown += part
    // One with more than an address between its brackets is words.
    else shown += plainLink(part) ?? withLinks(part.replace(/^([^]*\])\(/, '$1（'))
  }
  return shown + wideBackticks(line.slice(from))
}

/** A bare address is documented for nothing, so it is written as a link to itself. */
function followed(text: string): string {
  const address = webAddress(text)
  if (address === undefined) return text
  return `[${text.replaceAll('[', '%5B').replaceAll(']', '%5D').replaceAll('*', '%2A')}](${bracketed(address)})`
}

/** As it may stand between the brackets of a link. */
export function bracketed(address: string): string {
  return address.replaceAll('(', '%28').replaceAll(')', '%29').replaceAll('*', '%2A')
}

/** Without a title, which no page documents; undefined for what is no link to a web page. */
function plainLink(link: string): string | undefined {
  const [, words, address] = LINK.exec(link) ?? []
  if (words === undefined || address === undefined) return undefined
  const picture = /^\[(!\[[^\][]*\])\(\s*(https?:\/\/[^\s"'()]+)[^()]*\)\]$/i.exec(words)
  const shown = picture ? `[${picture[1]}(${picture[2]})]` : words
  return `${shown}(${bracketed(address)})`
}

function harmless(text: string): string {
  return withoutEmoticons(
    text
      .replaceAll(/&(?=(?:lt|nvlt);?|#0{0,8}60(?!\d);?|#x0{0,8}3c(?![0-9a-f]);?)/gi, '＆')
      .replaceAll('<', '＜')
      // A link or image leads to a web page or is none.
      .replaceAll(/\]\((?!\s*https?:\/\/)|\](\s+)\((?=\s*[a-z][\w+.-]{0,40}:)(?!\s*https?:\/\/)/gi, ']$1（')
      // Nothing but a fence of ours begins with three of them.
      .replace(/^\s{0,12}~{3,}/, (waves) => waves.replaceAll('~', '～'))
      // `[1]: address` by itself makes `[1]` a link, and is not shown.
      .replace(/^(\s{0,3}\[[^\][]{1,200}\]):(?=\s*\S+(?:\s+["'(].*)?$)/, '$1：')
      .replaceAll(OWN_ADDRESS, '：'),
  )
}

/** Words in brackets that a card draws as a picture. */
function withoutEmoticons(text: string): string {
  return text.replaceAll(/\[([^\][\n]{1,30})\](?!\()/g, (whole, name: string) =>
    isEmoticon(name) ? `［${name}］` : whole,
  )
}

const NAMED: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'", nbsp: ' ' }

/** Character references are Markdown, but not of the kind that a card reads. */
function withoutReferences(text: string): string {
  return text.replaceAll(
    /&(?:#(\d{1,10})|#x([0-9a-f]{1,8})|(lt|gt|amp|quot|apos|nbsp));/gi,
    (whole, ...[ten, sixteen, name]: (string | undefined)[]) => {
      if (name !== undefined) return NAMED[name.toLowerCase()] ?? whole
      const code = ten === undefined ? Number.parseInt(sixteen ?? '', 16) : Number(ten)
      const letter = code <= 0x10ffff ? String.fromCodePoint(code) : ''
      return letter === '' || /[\p{C}\p{Zl}\p{Zp}]/u.test(letter) ? whole : letter
    },
  )
}
