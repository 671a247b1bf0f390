import { hash, randomBytes } from 'node:crypto'

/*
 * Glossary: the words of this code.
 *
 * integration    one DingTalk internal app of one corporation
 * group          a DingTalk conversation, known by its openConversationId
 * account link   a DingTalk user and the Flashduty member they are; one to one per integration
 * incident       the newest known Flashduty snapshot; `rev` counts how often it moved forward here
 * notification   one request to tell people; a new generation of cards
 * audience       the targets of a notification that can share one card instance
 * card           one DingTalk card instance: incident × notification × audience, named by its outTrackId
 * placement      that card in one group or in one person's chat
 * due            a card whose allowed state differs from the shown one
 * frozen         a card all of whose targets have a newer one
 * click          one button press, durable once stored
 * record         操作记录: what became of one (event, target), or of one click
 */

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

/** Lower-case base32 of the bytes, without padding. */
export function base32(bytes: Uint8Array): string {
  let text = ''
  let held = 0
  let bits = 0
  for (const byte of bytes) {
    held = (held << 8) | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += BASE32[(held >> bits) & 31]
    }
    held &= (1 << bits) - 1
  }
  return bits > 0 ? text + BASE32[(held << (5 - bits)) & 31] : text
}

/** A fresh random id of 80 bits. */
export function newId(): string {
  return base32(randomBytes(10))
}

/** First `length` base32 letters of the SHA-256 over the parts; parts cannot run into each other. */
export function digest(length: number, ...parts: (string | number)[]): string {
  return base32(hash('sha256', JSON.stringify(parts), 'buffer')).slice(0, length)
}

/** 0 to 1, the same for the same parts: spreads what many would do at once. */
export function fractionOf(...parts: (string | number)[]): number {
  return hash('sha256', JSON.stringify(parts), 'buffer').readUInt32BE(0) / 2 ** 32
}
