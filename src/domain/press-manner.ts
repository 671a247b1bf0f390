import { decodeButton } from './button.ts'
import type { InboundPress, NamedBy } from './inbound.ts'

/**
 * How a press named its button: `own-id` as an action of its own; `index` the same with its place in a loop behind it;
 * `params.id` and `params.text` beside the id of a layout's node; `beside` with the parameters beside `cardPrivateData`;
 * `unreadable` in no way that anybody knows.
 */
export type PressManner = 'own-id' | 'index' | 'params.id' | 'params.text' | 'beside' | 'unreadable'

/** Pure. @param by what the button was known by; undefined = by nothing */
export function mannerOf({ ids, beside }: Pick<InboundPress, 'ids' | 'beside'>, by: NamedBy | undefined): PressManner {
  if (by === undefined) return 'unreadable'
  if (beside) return 'beside'
  if (by === 'params.text') return 'params.text'
  const own = ids.find((one) => one.by === 'actionIds' && decodeButton(one.id))
  if (!own) return 'params.id'
  return /~\d+~\d+$/.test(own.id) ? 'index' : 'own-id'
}
