import { describe, expect, test } from 'vitest'

import { isMessageKey } from '../domain/messages.ts'
import { asReason, REASONS, reasonWords } from '../domain/reasons.ts'
import { historyRefusal, MAX_SAID, refusalText } from '../domain/refusals.ts'
import { classify, KNOWN_CODES } from './error-codes.ts'

const permanent = (code: string) => ({ kind: 'permanent', code })
const unavailable = { kind: 'unknown-outcome', code: 'FLASHDUTY_UNAVAILABLE' }
const tooOften = { kind: 'retryable', code: 'FLASHDUTY_RATE_LIMITED', retryAfterMs: 1_000 }

const CODES: [number, string, { kind: string; code: string }][] = [
  [400, 'InvalidParameter', permanent('ACTION_REJECTED')],
  [400, 'BadRequest', permanent('ACTION_REJECTED')],
  [400, 'InvalidContentType', permanent('ACTION_REJECTED')],
  [400, 'ResourceNotFound', permanent('INCIDENT_NOT_FOUND')],
  [400, 'NoLicense', permanent('NO_LICENSE')],
  [400, 'ReferenceExist', permanent('ACTION_REJECTED')],
  [401, 'Unauthorized', permanent('KEY_INVALID')],
  [402, 'BalanceNotEnough', permanent('SUBSCRIPTION_OVER')],
  [403, 'AccessDenied', permanent('NO_PERMISSION')],
  [404, 'RouteNotFound', permanent('ACTION_REJECTED')],
  [405, 'MethodNotAllowed', permanent('ACTION_REJECTED')],
  [400, 'MethodNotAllowed', permanent('ACTION_REJECTED')],
  [409, 'UndonedOrderExist', permanent('ACTION_REJECTED')],
  [413, 'EntityTooLarge', permanent('ACTION_REJECTED')],
  [423, 'RequestLocked', permanent('ACCOUNT_LOCKED')],
  [428, 'RequestVerifyRequired', permanent('SECOND_FACTOR')],
  [428, 'DangerousOperation', permanent('SECOND_FACTOR')],
  [429, 'RequestTooFrequently', tooOften],
  [500, 'InternalError', unavailable],
  [503, 'ServiceUnavailable', unavailable],
]

describe('Flashduty’s codes', () => {
  test.each(CODES)('%d %s', (status, code, meaning) => {
    expect(classify(status, code)).toEqual(meaning)
  })

  test('the code decides, whatever the status says', () => {
    expect(classify(500, 'NoLicense')).toEqual(permanent('NO_LICENSE'))
    expect(classify(200, 'AccessDenied')).toEqual(permanent('NO_PERMISSION'))
  })

  test.each<[number, string, object]>([
    [401, '', permanent('KEY_INVALID')],
    [402, '', permanent('SUBSCRIPTION_OVER')],
    [403, '', permanent('NO_PERMISSION')],
    [200, '', unavailable],
    [302, '', unavailable],
    [408, '', unavailable],
    [429, '', tooOften],
    [500, '', unavailable],
    [502, '', unavailable],
    [504, 'SomethingNew', unavailable],
    [400, 'SomethingNew', permanent('ACTION_REJECTED')],
    [404, '', permanent('ACTION_REJECTED')],
    [400, 'constructor', permanent('ACTION_REJECTED')],
  ])('without a code we know, %d %j goes by its status', (status, code, meaning) => {
    expect(classify(status, code)).toEqual(meaning)
  })

  test.each<[number, string, string]>([
    [402, '', ''],
    [400, 'SubscriptionExpired', 'the on-call subscription has expired'],
    [403, 'Frozen', '订阅已到期，请续费'],
    [409, 'OrderUnpaid', '有未支付订单，账户已欠费'],
  ])('%d %j %j is an account whose subscription ran out', (status, code, said) => {
    expect(classify(status, code, said)).toEqual(permanent('SUBSCRIPTION_OVER'))
    expect(isMessageKey('press.SUBSCRIPTION_OVER')).toBe(true)
    expect(Object.keys(REASONS)).toContain('SUBSCRIPTION_OVER')
  })

  test.each<[number, string, string, object]>([
    [401, '', 'the key has expired, 已过期', permanent('KEY_INVALID')],
    [401, 'Unauthorized', 'subscription', permanent('KEY_INVALID')],
    [503, '', 'subscription service is down', unavailable],
    [400, 'InvalidParameter', 'subscription_id is missing', permanent('ACTION_REJECTED')],
  ])('%d %j %j is none', (status, code, said, meaning) => {
    expect(classify(status, code, said)).toEqual(meaning)
  })

  test.each(CODES)('%d %s has a word for the records and a sentence for the presser', (status, code) => {
    const reason = classify(status, code).code
    expect(Object.keys(REASONS)).toContain(reason)
    expect(isMessageKey(`press.${reason}`)).toBe(true)
  })

  test('the table above has each of them', () => {
    expect([...new Set(CODES.map(([, code]) => code))].sort()).toEqual([...KNOWN_CODES].sort())
  })

  test.each(CODES)('%d %s has a Chinese and an English text, wherever it is shown', (status, code) => {
    const reason = asReason(classify(status, code).code)
    const detail = `${code}: `
    const chinese = [
      reasonWords(reason, 'zh-CN'),
      refusalText('zh-CN', reason, detail),
      historyRefusal('zh-CN', reason, detail),
    ]
    const english = [
      reasonWords(reason, 'en-US'),
      refusalText('en-US', reason, detail),
      historyRefusal('en-US', reason, detail),
    ]
    for (const text of chinese) expect(text).toMatch(/\p{Script=Han}/u)
    for (const text of english) expect(text).toMatch(/^[^\p{Script=Han}]+$/u)
    for (const text of [...chinese, ...english]) expect(text).not.toMatch(/[{}]/)
  })

  test.each(['zh-CN', 'en-US'] as const)(
    'one that nobody knows is shown in the server’s own words, bounded and cleaned: %s',
    (locale) => {
      const reason = asReason(classify(400, 'AccountFrozen').code)
      const told = refusalText(locale, reason, 'AccountFrozen: 账户\u202e已\n冻结')
      expect(told).toContain('（账户已 冻结）')
      const long = refusalText(locale, reason, `AccountFrozen: ${'冻'.repeat(5_000)}`)
      expect(long.match(/冻/g)?.length).toBe(MAX_SAID - 1)
    },
  )
})
