/**
 * Joins and presentations inside one emoji, such as a family: taken apart they would look like something else. What
 * stands before is looked at last, since most letters are none of these.
 */
const KEPT = String.raw`[\uFE0E\uFE0F](?<=\p{Emoji}.)|\u200D(?<=[\p{ExtPict}\p{EMod}\uFE0F].)(?=\p{ExtPict})`

/**
 * What a terminal obeys instead of showing it (C0, C1), what breaks a line, turns the direction or takes no room, and
 * halves of letters.
 */
const UNSEEN = String.raw`[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\uFFF9-\uFFFB]`

const OF_LINES = new RegExp(String.raw`(${KEPT})|(?!\n)${UNSEEN}`, 'gu')
const OF_A_LINE = new RegExp(`(${KEPT})|${UNSEEN}`, 'gu')

/**
 * Text from outside with escapes in the place of what would not be seen; line breaks stay. Inside JSON they are JSON's
 * own escapes: what is parsed is the original.
 */
export function visibleLines(text: string): string {
  return text.replace(OF_LINES, show)
}

/** The same on one line: its line breaks are escapes too. */
export function visibleLine(text: string): string {
  return text.replace(OF_A_LINE, show)
}

const SHORT: Record<string, string> = { '\n': String.raw`\n`, '\r': String.raw`\r`, '\t': String.raw`\t` }

function show(letter: string, kept: string | undefined): string {
  if (kept !== undefined) return kept
  const short = SHORT[letter]
  if (short !== undefined) return short
  // JSON has escaped these already, in its own way: what is left of them comes from elsewhere.
  if (letter < ' ') return `\\x${hex(letter, 2)}`
  return letter
    .split('')
    .map((unit) => `\\u${hex(unit, 4)}`)
    .join('')
}

function hex(unit: string, digits: number): string {
  return unit.charCodeAt(0).toString(16).padStart(digits, '0')
}

/** At most so many letters; `…` is the last one then. */
export function shorten(text: string, letters: number): string {
  if (text.length <= letters) return text
  // No letter has more than two units.
  const first = Array.from(text.slice(0, 2 * letters + 2))
  return first.length <= letters ? text : `${first.slice(0, letters - 1).join('')}…`
}
