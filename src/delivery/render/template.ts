import type { CardFace, Overlay } from '../../domain/card.ts'

/** How one template is drawn for. The revision shows in the ids of buttons and nowhere else. */
export type DrawnFor = (
  face: CardFace,
  overlay: Overlay | undefined,
) => { variables: (revision: number) => Record<string, string>; truncated: boolean }
