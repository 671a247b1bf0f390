import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import { copyFileSync, constants, existsSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

import { AppError } from '../errors.ts'
import { keepPrivate, makePrivateFolder, type OnTightened, tighten } from './private-files.ts'

/** Encrypts what may not lie in the database in clear. */
export type SecretBox = {
  /** `v1.` + base64url of nonce, tag and ciphertext (AES-256-GCM). */
  seal(clear: string): string
  /** @throws AppError `permanent SECRET_KEY_UNUSABLE` when the text was sealed with another key or changed since */
  open(sealed: string): string
}

/**
 * The key given, else the one in the file, which is made (mode 0600) when missing, and kept from others when it was not.
 * @param onTightened told when others could read the file
 * @throws AppError `permanent SECRET_KEY_UNUSABLE` when the file cannot be read or made, or holds less than a key:
 * secrets must not be sealed with next to nothing
 */
export function loadSecretKey(given: string | undefined, file: string, onTightened?: OnTightened): string {
  if (given !== undefined) return given
  try {
    tighten([file], onTightened)
    return existsSync(file) ? readKey(file) : makeKey(file)
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    throw unusable(`${file} cannot be read or made: check DATABASE_URL, or set SECRET_KEY`, cause)
  }
}

function makeKey(file: string): string {
  makePrivateFolder(dirname(file))
  // Written whole under another name first: nobody, not even after a death here, may find a file that holds no key.
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  try {
    writeFileSync(draft, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' })
    keepPrivate(draft)
    putInPlace(draft, file)
  } finally {
    rmSync(draft, { force: true })
  }
  return readKey(file)
}

/** Another process may have made it in the same moment: then theirs is the key. */
function putInPlace(draft: string, file: string): void {
  const taken = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EEXIST'
  try {
    linkSync(draft, file)
  } catch (error) {
    if (taken(error)) return
    // A file system without links.
    try {
      copyFileSync(draft, file, constants.COPYFILE_EXCL)
    } catch (cause) {
      if (!taken(cause)) throw cause
    }
  }
}

function readKey(file: string): string {
  const key = readFileSync(file, 'utf8').trim()
  if (key.length < 32) throw unusable(`${file} holds no key of at least 32 characters: restore it from the backup`)
  return key
}

function unusable(message: string, cause?: unknown): AppError {
  return new AppError({ kind: 'permanent', code: 'SECRET_KEY_UNUSABLE' }, message, { cause })
}

export function createSecretBox(secretKey: string): SecretBox {
  const key = Buffer.from(hkdfSync('sha256', secretKey, '', 'flashduty-dingtalk stored secrets', 32))
  return {
    seal(clear) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, nonce)
      const body = Buffer.concat([cipher.update(clear, 'utf8'), cipher.final()])
      return `v1.${Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')}`
    },
    open(sealed) {
      const bytes = Buffer.from(sealed.replace(/^v1\./, ''), 'base64url')
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12), { authTagLength: 16 })
      decipher.setAuthTag(bytes.subarray(12, 28))
      try {
        return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8')
      } catch {
        throw unusable(
          'a stored secret cannot be read with this SECRET_KEY (or data/secret.key): restore the key the database was made with',
        )
      }
    },
  }
}

/** To find a row by a secret without keeping the secret. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url')
}

/** In constant time, whatever their lengths. */
export function isSameSecret(given: string, wanted: string): boolean {
  return timingSafeEqual(Buffer.from(hashSecret(given)), Buffer.from(hashSecret(wanted)))
}
