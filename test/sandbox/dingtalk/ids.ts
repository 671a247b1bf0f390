import { randomInt, randomUUID } from 'node:crypto'

/** Identifiers with the length and alphabet of real ones; the values are random. */

const HEX = '0123456789abcdef'
const LOWER_ALNUM = 'abcdefghijklmnopqrstuvwxyz0123456789'
const ALNUM = `${LOWER_ALNUM}ABCDEFGHIJKLMNOPQRSTUVWXYZ`

function pick(alphabet: string, length: number): string {
  return Array.from({ length }, () => alphabet.charAt(randomInt(alphabet.length))).join('')
}

/** Base64 text that surely holds both characters that suffer in URLs. */
function awkwardBase64(length: number): string {
  const characters = pick(ALNUM, length).split('')
  const plus = randomInt(1, length - 1)
  const slash = 1 + ((plus + randomInt(length - 3)) % (length - 2))
  characters[plus] = '+'
  characters[slash] = '/'
  return characters.join('')
}

let frames = 0

export const newUuid = (): string => randomUUID()
export const newClientId = (): string => `ding${pick(LOWER_ALNUM, 16)}`
export const newClientSecret = (): string => pick(`${ALNUM}-_`, 64)
export const newCorpId = (): string => `ding${pick(HEX, 32)}`
export const newAgentId = (): string => `3${pick('0123456789', 9)}`
export const newCoolAppCode = (): string => `COOLAPP-1-${pick('0123456789ABCDEF', 24)}`
export const newUserId = (): string =>
  randomInt(4) === 0 ? `manager${pick('0123456789', 4)}` : `${randomInt(1, 10)}${pick('0123456789', 17)}`
export const newUnionId = (): string => `${pick(ALNUM, 20)}iEiE`
/** 16 bytes of base64 behind `cid`, always with `+`, `/` and `==`. */
export const newOpenConversationId = (): string => `cid${awkwardBase64(22)}==`
export const newChatId = (): string => `chat${pick(HEX, 32)}`
export const newMsgId = (): string => `msg${awkwardBase64(22)}==`
export const newLwcpId = (): string => `$:LWCP_v1:$${awkwardBase64(24)}`
export const newEventId = (): string => pick(HEX, 32)
export const newNonce = (): string => pick(ALNUM, 16)
export const newTicket = (): string => randomUUID()
export const newToken = (): string => pick(HEX, 32)
export const newRequestId = (): string => randomUUID().toUpperCase()
export const newOapiRequestId = (): string => pick(LOWER_ALNUM, 12)
/** Also what the robot sends call `processQueryKey`. */
export const newCarrierId = (): string => `${awkwardBase64(44)}=`
export const newOpaque = (): string => `${pick(HEX, 8)}-${pick(LOWER_ALNUM, 4)}`

/** Like `212b9d7c_165f_19bfa1a500a_1461def`: machine, process, time, counter, all in hex. */
export function newMessageId(): string {
  frames += 1
  return `212b9d7c_${process.pid.toString(16)}_${Date.now().toString(16)}_${(0x1461def + frames).toString(16)}`
}
