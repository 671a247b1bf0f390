import type { Dialect } from './dialects.ts'
import { PieceList } from './piece-list.ts'
import { Scanner } from './scanner.ts'
import { pairStars } from './stars.ts'
import type { Piece } from './tree.ts'

/** The pieces of one block. Line breaks in `text` are blanks, several blanks are one, as clients draw them. */
export function parseInline(text: string, dialect: Dialect, mentionable: ReadonlySet<string>): Piece[] {
  const pieces = new PieceList()
  for (const token of pairStars(new Scanner(text, dialect, mentionable).scan())) pieces.add(token)
  return pieces.end()
}
