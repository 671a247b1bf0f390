import type { CardFace } from '../../domain/card.ts'

/** How one template is drawn for. The revision shows in the ids of buttons and nowhere else. */
export type DrawnFor = (
  face: CardFace,
  tips: string | undefined,
) => { variables: (revision: number) => Record<string, string>; truncated: boolean }
