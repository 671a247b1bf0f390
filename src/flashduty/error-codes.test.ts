import { describe, expect, test } from 'vitest'

import { isMessageKey } from '../domain/messages.ts'
import { REASONS } from '../domain/reasons.ts'
import { classify } from './error-codes.ts'

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
  [402, 'BalanceNotEnough', permanent('NO_LICENSE')],
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
    [403, '', permanent('NO_PERMISSION')],
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
    [409, 'UndonedOrderExist', '有未支付订单，账户已欠费'],
  ])('%d %j %j is an account whose subscription ran out', (status, code, said) => {
    expect(classify(status, code, said)).toEqual(permanent('SUBSCRIPTION_ENDED'))
    expect(isMessageKey('press.SUBSCRIPTION_ENDED')).toBe(true)
    expect(Object.keys(REASONS)).toContain('SUBSCRIPTION_ENDED')
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
})
