import type { CardFace, Overlay } from '../../domain/card.ts'

/** For one viewer: whether 查看详情 is drawn, and to a presser the sentence in place of the last line and the way out. */
export type For = { detail: boolean; tips: string | undefined; lead: Overlay['lead'] }

/** How one template is drawn for. The revision shows in the ids of buttons and nowhere else. */
export type DrawnFor = (
  face: CardFace,
  viewer: For,
) => { variables: (revision: number) => Record<string, string>; truncated: boolean }
