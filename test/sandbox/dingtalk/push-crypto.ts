import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto'
import { isRecord, textOf } from './fields.ts'

/** The crypto of HTTP callbacks, from D:callback-event-message-body-encryption-and-decryption. */

export type EventKeys = { token: string; aesKey: string }

const BLOCK = 32
/** Of AES itself: what standard libraries pad to. */
const CIPHER_BLOCK = 16

function keyOf({ aesKey }: EventKeys): Buffer {
  const key = Buffer.from(`${aesKey}=`, 'base64')
  if (key.length !== 32) throw new Error('an aes_key has 43 letters and digits')
  return key
}

/** @param blockSize of the padding; DingTalk pads to 32 bytes */
export function encrypt(keys: EventKeys, message: string, ownerKey: string, blockSize = BLOCK): string {
  const text = Buffer.from(message)
  const length = Buffer.from([
    text.length >>> 24,
    (text.length >> 16) & 255,
    (text.length >> 8) & 255,
    text.length & 255,
  ])
  const body = Buffer.concat([randomBytes(16), length, text, Buffer.from(ownerKey)])
  const padding = blockSize - (body.length % blockSize)
  const key = keyOf(keys)
  const cipher = createCipheriv('aes-256-cbc', key, key.subarray(0, 16))
  cipher.setAutoPadding(false)
  const padded = Buffer.concat([body, Buffer.alloc(padding, padding)])
  return Buffer.concat([cipher.update(padded), cipher.final()]).toString('base64')
}

export function signatureOf(keys: EventKeys, timestamp: string, nonce: string, encrypted: string): string {
  return createHash('sha1').update([keys.token, timestamp, nonce, encrypted].sort().join('')).digest('hex')
}

/**
 * Why the answer to a push is no success, or undefined when it is: `expected`, encrypted for this owner, all four keys. A time
 * may be a number and the padding that of AES, as programs in production answer.
 */
export function faultOfAnswer(keys: EventKeys, ownerKey: string, text: string, expected: string): string | undefined {
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    return 'HTTP请求结果校验返回字段值失败: not JSON'
  }
  if (!isRecord(answer)) return 'HTTP请求结果校验返回字段值失败: no object'
  const [signature, timeStamp, nonce, encrypted] = ['msg_signature', 'timeStamp', 'nonce', 'encrypt'].map((key) =>
    key === 'timeStamp' && typeof answer[key] === 'number' ? String(answer[key]) : textOf(answer[key]),
  )
  if (!signature || !timeStamp || !nonce || !encrypted) return 'HTTP请求结果校验返回字段值失败: a key is missing'
  if (signature !== signatureOf(keys, timeStamp, nonce, encrypted)) return 'the signature of the answer differs'
  try {
    const key = keyOf(keys)
    const decipher = createDecipheriv('aes-256-cbc', key, key.subarray(0, 16))
    decipher.setAutoPadding(false)
    const padded = Buffer.concat([decipher.update(encrypted, 'base64'), decipher.final()])
    const padding = padded[padded.length - 1] ?? 0
    if (padded.length % CIPHER_BLOCK !== 0 || padding < 1 || padding > BLOCK)
      return 'the padding of the answer is wrong'
    const body = padded.subarray(0, padded.length - padding)
    const end = 20 + body.readUInt32BE(16)
    if (body.subarray(end).toString() !== ownerKey) return 'the owner key of the answer differs'
    return body.subarray(20, end).toString() === expected ? undefined : `the answer is not ${expected}`
  } catch {
    return 'the answer cannot be decrypted'
  }
}

/** Header `sign` of a robot message over HTTP (D:receive-message). */
export function robotSignature(clientSecret: string, timestamp: string): string {
  return createHmac('sha256', clientSecret).update(`${timestamp}\n${clientSecret}`).digest('base64')
}

/** `x-ddpaas-signature` (D:event-callback-card); the body is not part of it. */
export function cardSignature(apiSecret: string, timestamp: string): string {
  return createHmac('sha256', apiSecret).update(timestamp).digest('base64')
}
