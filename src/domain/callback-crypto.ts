import { createCipheriv, createDecipheriv, createHash, randomBytes, timingSafeEqual } from 'node:crypto'

import { newId } from './ids.ts'

/** What DingTalk and we share for event pushes over HTTP, as the developer console shows it. */
export type CallbackKeys = {
  token: string
  /** 43 letters and digits: the base64 of 32 bytes without its `=`. */
  aesKey: string
  /** Whose pushes are taken: the AppKey, and the CorpId where an address was registered by the older API. */
  ownerKeys: string[]
}

/** As they stand in the query and the body, not parsed. */
export type SealedPush = { signature: string; timestamp: string; nonce: string; encrypt: string }

/**
 * The numbers of the vendor's own library, so that whoever searches for one finds it: 900001 empty message, 900002 no
 * timestamp, 900003 no nonce, 900004 illegal aes_key, 900005 signature differs, 900006 signature not computable,
 * 900007 not encryptable, 900008 not decryptable, 900009 length differs, 900010 owner key differs.
 */
export type CryptoError = 900001 | 900002 | 900003 | 900004 | 900005 | 900006 | 900007 | 900008 | 900009 | 900010

export type OpenedPush = { message: string; ownerKey: string } | { error: CryptoError }

const RANDOM_BYTES = 16
const LENGTH_BYTES = 4
/** PKCS#7, but over 32 bytes where AES itself has blocks of 16. */
const PADDING_BLOCK = 32

/** Checks the signature, then decrypts. Never throws, whatever came in. */
export function openPush(keys: CallbackKeys, push: SealedPush): OpenedPush {
  if (push.encrypt === '') return { error: 900001 }
  if (push.timestamp === '') return { error: 900002 }
  if (push.nonce === '') return { error: 900003 }
  const key = keyBytes(keys.aesKey)
  if (!key) return { error: 900004 }
  if (!isSame(push.signature, signPush(keys.token, push))) return { error: 900005 }
  const plain = decrypt(key, push.encrypt)
  if (!plain) return { error: 900008 }
  const content = unpad(plain)
  if (!content || content.length < RANDOM_BYTES + LENGTH_BYTES) return { error: 900008 }
  const start = RANDOM_BYTES + LENGTH_BYTES
  const end = start + content.readUInt32BE(RANDOM_BYTES)
  if (end > content.length) return { error: 900009 }
  const ownerKey = content.toString('utf8', end)
  if (!keys.ownerKeys.includes(ownerKey)) return { error: 900010 }
  return { message: content.toString('utf8', start, end), ownerKey }
}

/** What a push is answered with; DingTalk takes nothing else for a success. */
export type SealedAnswer = { msg_signature: string; timeStamp: string; nonce: string; encrypt: string }

/** @param fresh by chance where tests do not say otherwise */
export function sealAnswer(
  keys: CallbackKeys,
  answer: { message: string; ownerKey: string; nowMs: number },
  fresh: { random: Buffer; nonce: string } = { random: randomBytes(RANDOM_BYTES), nonce: newId() },
): SealedAnswer {
  const { random, nonce } = fresh
  const key = keyBytes(keys.aesKey)
  if (!key) throw new Error('the aes_key of a stored integration has 43 letters and digits')
  const message = Buffer.from(answer.message, 'utf8')
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(message.length)
  const content = pad(Buffer.concat([random, length, message, Buffer.from(answer.ownerKey, 'utf8')]))
  const cipher = createCipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false)
  const encrypt = Buffer.concat([cipher.update(content), cipher.final()]).toString('base64')
  const timeStamp = String(answer.nowMs)
  return { msg_signature: signPush(keys.token, { timestamp: timeStamp, nonce, encrypt }), timeStamp, nonce, encrypt }
}

/** Hex of the SHA-1 over the four texts, sorted and joined. */
export function signPush(token: string, push: Omit<SealedPush, 'signature'>): string {
  const parts = [token, push.timestamp, push.nonce, push.encrypt]
  // By code unit, as the vendor's libraries do; a locale would order them differently.
  parts.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  return createHash('sha1').update(parts.join('')).digest('hex')
}

/** In constant time, whatever their lengths. */
export function isSame(a: string, b: string): boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(hash(a), hash(b))
}

function keyBytes(aesKey: string): Buffer | undefined {
  return /^[A-Za-z0-9]{43}$/.test(aesKey) ? Buffer.from(`${aesKey}=`, 'base64') : undefined
}

function decrypt(key: Buffer, encrypt: string): Buffer | undefined {
  const bytes = Buffer.from(encrypt, 'base64')
  // Node reads more than base64; two texts must not be the same push.
  if (bytes.length === 0 || bytes.length % 16 !== 0 || bytes.toString('base64') !== encrypt) return undefined
  const decipher = createDecipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false)
  return Buffer.concat([decipher.update(bytes), decipher.final()])
}

function pad(content: Buffer): Buffer {
  const missing = PADDING_BLOCK - (content.length % PADDING_BLOCK)
  return Buffer.concat([content, Buffer.alloc(missing, missing)])
}

function unpad(padded: Buffer): Buffer | undefined {
  const missing = padded.at(-1) ?? 0
  if (missing < 1 || missing > PADDING_BLOCK || missing > padded.length || padded.length % PADDING_BLOCK !== 0) {
    return undefined
  }
  const content = padded.subarray(0, padded.length - missing)
  return padded.subarray(content.length).every((byte) => byte === missing) ? content : undefined
}
