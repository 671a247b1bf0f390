import { COLOR_TOKENS, SIZE_TOKENS } from './names.ts'

/** The tags that a card knows; any other is text. The page does not speak of letter case: here it does not matter. */

export type Font = { size: string | undefined; color: string | undefined }

/** "使用`<br>`标签将文本分隔" (D:markdown-variable-new). */
const BREAK = /<br[ \t]*\/?>/iy
const FONT = /<font((?:[ \t\n][^<>]*)?)>/iy
const FONT_END = /<\/font>/iy
/** D:create-and-deliver-cards; the quotes of a usual attribute do no harm. */
const MENTION = /<a atId=["']?([^"'<>\s]+)["']?>/iy
const MENTION_END = /<\/a>/gi

/** Where the text goes on behind it. */
export function breakAt(text: string, at: number): number | undefined {
  BREAK.lastIndex = at
  return BREAK.test(text) ? BREAK.lastIndex : undefined
}

/** `font` is undefined where the tag has anything but what the page lists: then it is text, and so is its end. */
export function fontAt(text: string, at: number): { tag: string; font: Font | undefined } | undefined {
  FONT.lastIndex = at
  const found = FONT.exec(text)
  return found === null ? undefined : { tag: found[0], font: fontOf(found[1] ?? '') }
}

/** "属性值不要添加双引号": a token in quotes is none. */
function fontOf(attributes: string): Font | undefined {
  const given = attributes.trim().split(/\s+/)
  const size = valueOf(given, 'sizetoken', SIZE_TOKENS)
  const color = valueOf(given, 'colortokenv2', COLOR_TOKENS)
  const known = (size === undefined ? 0 : 1) + (color === undefined ? 0 : 1)
  return known > 0 && known === given.length ? { size, color } : undefined
}

function valueOf(given: string[], name: string, tokens: ReadonlySet<string>): string | undefined {
  return given
    .filter((one) => one.toLowerCase().startsWith(`${name}=`))
    .map((one) => one.slice(name.length + 1))
    .find((token) => tokens.has(token))
}

export function closesFont(text: string, at: number): string | undefined {
  FONT_END.lastIndex = at
  return FONT_END.exec(text)?.[0]
}

type Mention = { userId: string; findEnd(): { name: string; behind: number } | undefined }

/** `<a atId=user1>李雷</a>` names a person; what stands between the tags is the name, letter by letter. */
export function mentionAt(text: string, at: number): Mention | undefined {
  MENTION.lastIndex = at
  const userId = MENTION.exec(text)?.[1]
  if (userId === undefined) return undefined
  const from = MENTION.lastIndex
  return {
    userId,
    findEnd() {
      MENTION_END.lastIndex = from
      const end = MENTION_END.exec(text)
      return end === null ? undefined : { name: text.slice(from, end.index).trim(), behind: MENTION_END.lastIndex }
    },
  }
}
