import { type Action, encodeButton } from '../../domain/button.ts'
import { type CardFace, isSnoozed } from '../../domain/card.ts'
import { say, span } from '../../domain/messages.ts'
import { cut, inline, webAddress } from './text.ts'

/** More than these are not drawn, as far as anybody knows. */
const MAX_BUTTONS = 6
const MAX_NAME = 20

/** A button that calls back under its id, or one that opens a page. */
export type CardButton = { text: string; color: 'blue' | 'gray' } & ({ id: string } | { url: string })

/**
 * Pure: what can be pressed, most wanted first, at most six. Ways to act come before 查看详情, and that before further
 * pages; nothing from outside but the names of custom actions and the addresses of web pages gets in.
 */
export function buttonsOf(face: CardFace, revision: number): CardButton[] {
  const { incident, locale } = face
  const press = (action: Action, color: CardButton['color'], minutes?: number): CardButton => ({
    text:
      minutes === undefined
        ? say(locale, `button.${action}`)
        : say(locale, 'button.snooze', { span: span(locale, minutes) }),
    color,
    id: encodeButton({ action, revision, ...(minutes === undefined ? {} : { minutes }) }),
  })
  const page = (text: string, address: string | undefined): CardButton[] => {
    const url = webAddress(address)
    return url === undefined || text === '' ? [] : [{ text, color: 'gray', url }]
  }
  const detail = page(say(locale, 'button.detail'), incident.detail_url)
  if (face.superseded) return detail
  const pages = [
    ...page(say(locale, 'button.silence'), incident.silence_url),
    ...face.customActions.flatMap(({ name }) => page(cut(inline(name, true), MAX_NAME), incident.detail_url)),
  ]
  const acts = actsFor(face, press, MAX_BUTTONS - detail.length)
  return [...acts, ...detail, ...pages].slice(0, MAX_BUTTONS)
}

function actsFor(
  { incident, snoozeOver, snoozeMinutes }: CardFace,
  press: (action: Action, color: CardButton['color'], minutes?: number) => CardButton,
  room: number,
): CardButton[] {
  if (incident.progress === 'Closed') return []
  if (incident.progress === 'Triggered') return [press('ack', 'blue'), press('resolve', 'gray')]
  if (isSnoozed(incident, snoozeOver)) return [press('wake', 'blue'), press('resolve', 'gray')]
  const rest = [press('resolve', 'gray'), press('unack', 'gray')]
  const snoozes = snoozeMinutes.slice(0, room - rest.length).map((minutes) => press('snooze', 'blue', minutes))
  return [...snoozes, ...rest]
}
