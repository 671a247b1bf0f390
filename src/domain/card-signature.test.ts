import { expect, test } from 'vitest'

import { judgeCardSignature, signCardCallback } from './card-signature.ts'

const SECRET = 'demoCardApiSecret'
const AT = 1_767_225_600_000
/** Made from the page "event-callback-card" with other code. */
const SIGNATURE = 'tPw2xquJiLN8zxiBauJRBCCIO7gGllkm06ASw9NHdfY='

test('is the one of the vendor’s description', () => {
  expect(signCardCallback(SECRET, String(AT))).toBe(SIGNATURE)
})

const MINUTE = 60_000

test.each<[string, string | undefined, string | undefined, number]>([
  ['good', String(AT), SIGNATURE, AT],
  ['good', String(AT), SIGNATURE, AT + 5 * MINUTE],
  ['good', String(AT), SIGNATURE, AT - 5 * MINUTE],
  ['out-of-window', String(AT), SIGNATURE, AT + 5 * MINUTE + 1],
  ['out-of-window', String(AT), SIGNATURE, AT - 5 * MINUTE - 1],
  ['out-of-window', 'soon', signCardCallback(SECRET, 'soon'), AT],
  ['wrong', String(AT + 1), SIGNATURE, AT],
  ['wrong', `${AT} `, SIGNATURE, AT],
  ['wrong', String(AT), SIGNATURE.toLowerCase(), AT],
  ['wrong', String(AT), signCardCallback('another', String(AT)), AT],
  ['missing', undefined, SIGNATURE, AT],
  ['missing', String(AT), undefined, AT],
  ['missing', String(AT), '', AT],
])('%s: %j, %j at %d', (verdict, timestamp, signature, nowMs) => {
  expect(judgeCardSignature(SECRET, { timestamp, signature }, nowMs)).toBe(verdict)
})
