import { type Act, decodeButton, encodeButton } from '../../domain/button.ts'
import { type CardFace, isSnoozed, type Overlay } from '../../domain/card.ts'
import { say, span } from '../../domain/messages.ts'
import { isTestIncident } from '../../domain/test-card.ts'
import { shortLine } from '../../domain/text.ts'
import { webAddress } from '../../domain/web-address.ts'

/** More than these are not drawn, as far as anybody knows. */
const MAX_BUTTONS = 6
const MAX_NAME = 20
/** Where all buttons together have to be short: the public template is told each address twice. */
const MAX_REDUCED_ADDRESS = 300
/** Custom actions that are looked at, since some may have no name. */
const MAX_READ = 20

/** A button that calls back under its id, or one that opens a page. */
export type CardButton = { text: string; color: 'blue' | 'gray' } & ({ id: string } | { url: string })

type Press = (act: Act, color: CardButton['color'], text?: string) => CardButton

/**
 * Pure: what can be pressed, most wanted first, at most six. Ways to act come before 查看详情, then further pages, custom
 * actions and 刷新 as far as there is room; nothing from outside but the names of custom actions and the addresses of web
 * pages gets in.
 * @param lead what one presser is shown first
 */
export function buttonsOf(face: CardFace, revision: number, lead?: Overlay['lead']): CardButton[] {
  const { incident, locale } = face
  const press: Press = (act, color, text) => ({
    text: text ?? say(locale, `button.${act.action}`, { span: span(locale, act.minutes ?? 0) }),
    color,
    id: encodeButton({ ...act, revision }),
  })
  if (isTestIncident(incident.incident_id)) {
    return incident.progress === 'Closed' ? [] : [press({ action: 'ack' }, 'blue', say(locale, 'button.test_seen'))]
  }
  const page = (text: string, address: string | undefined): CardButton[] => {
    const url = webAddress(address)
    const isTooLong = face.reduced === true && url !== undefined && url.length > MAX_REDUCED_ADDRESS
    return url === undefined || text === '' || isTooLong ? [] : [{ text, color: 'gray', url }]
  }
  const detail = page(say(locale, 'button.detail'), incident.detail_url)
  const leading = leadOf(lead, detail)
  const rest = lead === 'detail' ? [] : detail
  if (face.superseded || face.gone) return [...leading, ...rest]
  if (face.reduced) return [...leading, ...actsFor(face, press, MAX_BUTTONS).filter(isNeeded), ...rest]
  const customs = (face.minimal ? [] : face.customActions.slice(0, MAX_READ)).flatMap(({ integrationId, name }) => {
    const text = shortLine(name, MAX_NAME)
    const isNumber = Number.isSafeInteger(integrationId) && integrationId > 0
    return text === '' || !isNumber ? [] : [press({ action: 'custom', customId: integrationId }, 'gray', text)]
  })
  // However it is answered, a presser keeps what could be pressed before.
  const acts = actsFor(face, press, MAX_BUTTONS - detail.length)
  const silence = page(say(locale, 'button.silence'), incident.silence_url)
  const more = [...silence, ...customs, press({ action: 'refresh' }, 'gray')]
  return [...leading, ...acts, ...rest, ...more].slice(0, MAX_BUTTONS)
}

/** The first one, and closing. */
function isNeeded(button: CardButton, index: number): boolean {
  return index === 0 || ('id' in button && decodeButton(button.id)?.action === 'resolve')
}

/** Whether 查看详情 is drawn, so that a sentence may name it. */
export function hasDetail(face: CardFace, lead?: Overlay['lead']): boolean {
  const url = webAddress(face.incident.detail_url)
  return url !== undefined && buttonsOf(face, 0, lead).some((button) => 'url' in button && button.url === url)
}

function leadOf(lead: Overlay['lead'], detail: CardButton[]): CardButton[] {
  if (lead === undefined) return []
  if (lead === 'detail') return detail.map((button) => ({ ...button, color: 'blue' as const }))
  return [{ ...lead, color: 'blue' }]
}

function actsFor({ incident, snoozeOver, snoozeMinutes }: CardFace, press: Press, room: number): CardButton[] {
  if (incident.progress === 'Closed') return []
  const resolve = press({ action: 'resolve' }, 'gray')
  if (incident.progress === 'Triggered') return [press({ action: 'ack' }, 'blue'), resolve]
  if (isSnoozed(incident, snoozeOver)) return [press({ action: 'wake' }, 'blue'), resolve]
  const rest = [resolve, press({ action: 'unack' }, 'gray')]
  const snoozes = snoozeMinutes
    .slice(0, Math.max(0, room - rest.length))
    .map((minutes) => press({ action: 'snooze', minutes }, 'blue'))
  return [...snoozes, ...rest]
}
