import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { createSecretBox, hashSecret, loadSecretKey } from './secret-box.ts'
import { useProperties } from '../../test/support/properties.ts'

useProperties()

const box = createSecretBox('k'.repeat(32))

describe('sealing', () => {
  test('every text comes back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (clear) => {
        const sealed = box.seal(clear)
        expect(sealed).toMatch(/^v1\.[\w-]+$/)
        expect(box.open(sealed)).toBe(clear)
      }),
    )
  })

  test('the same text looks different each time, and not like itself', () => {
    const sealed = Array.from({ length: 20 }, () => box.seal('demo-client-secret'))
    expect(new Set(sealed).size).toBe(20)
    expect(sealed.some((text) => Buffer.from(text.slice(3), 'base64url').includes('demo-client'))).toBe(false)
  })

  test('another key does not open it, and the error says what to do without telling anything', () => {
    const sealed = box.seal('demo-client-secret')
    const open = () => createSecretBox('o'.repeat(32)).open(sealed)
    expect(open).toThrow(/SECRET_KEY/)
    expect(open).not.toThrow(/demo-client-secret/)
  })

  test('what was changed anywhere does not open', () => {
    const bytes = Buffer.from(box.seal('demo-client-secret').slice('v1.'.length), 'base64url')
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Buffer.from(bytes)
        changed[at]! ^= change
        expect(() => box.open(`v1.${changed.toString('base64url')}`)).toThrow(Error)
      }),
    )
  })

  test.each(['', 'v1.', 'v1.abc', 'demo-client-secret'])('%j was never sealed', (text) => {
    expect(() => box.open(text)).toThrow(Error)
  })
})

describe('the key', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'fd-secret-'))
  })
  afterEach(() => {
    rmSync(folder, { recursive: true })
  })

  test('that is given is used, and no file is made', () => {
    const file = join(folder, 'secret.key')
    expect(loadSecretKey('given', file)).toBe('given')
    expect(() => statSync(file)).toThrow(/ENOENT/)
  })

  test('is made once, for the owner alone, in a folder that may be missing', () => {
    const file = join(folder, 'data', 'secret.key')
    const key = loadSecretKey(undefined, file)
    expect(key.length).toBeGreaterThanOrEqual(32)
    expect(loadSecretKey(undefined, file)).toBe(key)
    expect(readFileSync(file, 'utf8').trim()).toBe(key)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(loadSecretKey(undefined, join(folder, 'other.key'))).not.toBe(key)
  })

  test.each(['', '\n', 'short\n'])('a file that holds %j is refused rather than used or overwritten', (content) => {
    const file = join(folder, 'secret.key')
    writeFileSync(file, content)
    expect(() => loadSecretKey(undefined, file)).toThrow(file)
    expect(readFileSync(file, 'utf8')).toBe(content)
  })
})

test('a hash finds a secret again and does not tell it', () => {
  expect(hashSecret('callback-key')).toBe(hashSecret('callback-key'))
  expect(hashSecret('callback-key')).not.toBe(hashSecret('callback-kez'))
  expect(hashSecret('callback-key')).not.toContain('callback')
})
