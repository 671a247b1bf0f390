/** Which signs mean something; whatever a dialect leaves out is text, letter by letter. */
export type Dialect = {
  /** A line with more `#` is text. */
  headingLevels: number
  bullet: '*' | '-'
  /** How a line is broken: by `<br>`, or by a line break with two blanks before it. */
  lineBreak: 'tag' | 'blanks'
  fonts: boolean
  mentions: boolean
  emoticons: boolean
  dividers: boolean
  tables: boolean
  fences: boolean
}

/** The variable `markdown` of a card (D:markdown-variable-new; mentions: D:create-and-deliver-cards). */
export const CARD: Dialect = {
  headingLevels: 5,
  bullet: '*',
  lineBreak: 'tag',
  fonts: true,
  mentions: true,
  emoticons: true,
  dividers: true,
  tables: true,
  fences: true,
}

/** `text` of sampleMarkdown and sampleActionCard, "Markdown支持的语法" (D:robot-message-type). */
export const ROBOT: Dialect = {
  headingLevels: 6,
  bullet: '-',
  lineBreak: 'blanks',
  fonts: false,
  mentions: false,
  emoticons: false,
  dividers: false,
  tables: false,
  fences: false,
}
