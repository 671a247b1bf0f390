/** What a text says once its Markdown is read: blocks, and in them pieces that carry their own looks. */

export type Block =
  | { kind: 'paragraph'; content: Piece[] }
  | { kind: 'heading'; level: number; content: Piece[] }
  | { kind: 'divider' }
  | { kind: 'quote'; blocks: Block[] }
  /** Ordered ones count from 1, whatever numbers were sent. */
  | { kind: 'list'; ordered: boolean; items: Block[][] }
  /** The first row holds the heads. */
  | { kind: 'table'; aligns: Align[]; rows: Piece[][][] }
  | { kind: 'fence'; language: string; text: string }

export type Align = 'left' | 'center' | 'right'

export type Piece =
  | { kind: 'text'; text: string; looks: Looks }
  | { kind: 'image'; alt: string; address: string; looks: Looks }
  | { kind: 'emoticon'; name: string; looks: Looks }
  | { kind: 'mention'; userId: string; name: string; looks: Looks }
  | { kind: 'break' }

/** Flat, so that however deep a text nests its signs, nothing here is nested. */
export type Looks = {
  bold: boolean
  italic: boolean
  /** Tokens, as they were sent. */
  size: string | undefined
  color: string | undefined
  /** The same object for all pieces of one link. */
  link: Link | undefined
}

/** `address` as it was sent, whatever it is. */
export type Link = { address: string }
