import { type ButtonPress, decodeButton } from '../domain/button.ts'
import type { InboundPress, NamedBy } from '../domain/inbound.ts'

/** The pressed button, and by which of the things that the press said it was known. */
export type Pressed = { button: ButtonPress; by: NamedBy }

/**
 * The first of what the press names that is a button of ours. Only where none is, the words on the button: a layout may pass
 * on nothing else. They count where exactly one button of the card as it is now bears them.
 * @param drawn the card's buttons; asked for only if it comes to that
 */
export async function whichButton(
  press: Pick<InboundPress, 'ids' | 'text'>,
  drawn: () => Promise<{ id?: string; text: string }[]>,
): Promise<Pressed | undefined> {
  for (const { by, id } of press.ids) {
    const button = decodeButton(id)
    if (button) return { button, by }
  }
  const { text } = press
  if (text === undefined || text === '') return undefined
  const named = (await drawn()).filter((button) => button.text.trim() === text)
  const [only] = named
  const button = named.length === 1 && only?.id !== undefined ? decodeButton(only.id) : undefined
  return button && { button, by: 'params.text' }
}
