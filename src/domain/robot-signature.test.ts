import { expect, test } from 'vitest'

import { isRobotSignature, signRobotMessage } from './robot-signature.ts'

const SECRET = 'demoRobotSecret'
const AT = 1_767_225_600_000
/** Made from the page "receive-message" with other code. */
const SIGN = 'U2oZc3tEHNtrmN2N/CErjbe4nAjZ9oy1B9zHsarIKoY='

test('is the one of the vendor’s description', () => {
  expect(signRobotMessage(SECRET, String(AT))).toBe(SIGN)
})

const HOUR = 3_600_000

test.each<[boolean, string | undefined, string | undefined, number]>([
  [true, String(AT), SIGN, AT + HOUR],
  [true, String(AT), SIGN, AT - HOUR],
  [false, String(AT), SIGN, AT + HOUR + 1],
  [false, 'soon', signRobotMessage(SECRET, 'soon'), AT],
  [false, String(AT + 1), SIGN, AT],
  [false, String(AT), signRobotMessage('another', String(AT)), AT],
  [false, undefined, SIGN, AT],
  [false, String(AT), '', AT],
])('%s: %j, %j at %d', (good, timestamp, sign, nowMs) => {
  expect(isRobotSignature(SECRET, { timestamp, sign }, nowMs)).toBe(good)
})
