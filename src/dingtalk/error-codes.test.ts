import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { classify, classifyTarget } from './error-codes.ts'
import { useProperties } from '../../test/support/properties.ts'

useProperties()

const throttled = (retryAfterMs: number) => ({ kind: 'throttled', code: 'IM_RATE_LIMITED', retryAfterMs })
const blocked = (code: string) => ({ kind: 'blocked', code })
const permanent = (code: string) => ({ kind: 'permanent', code })
const unknown = { kind: 'unknown-outcome', code: 'IM_ERROR' }

describe('DingTalk’s codes', () => {
  test.each<[number, string, object]>([
    [400, 'InvalidAuthentication', { kind: 'token' }],
    // Throttling: refused at the gateway, before the call ran.
    [403, 'Forbidden.AccessDenied.QpsLimitForAppkeyAndApi', throttled(1_000)],
    [403, 'Forbidden.AccessDenied.QpsLimitForApi', throttled(1_000)],
    [403, 'Forbidden.AccessDenied.QpmLimitForAppkeyAndApi', throttled(60_000)],
    [400, 'send.too.fast', throttled(60_000)],
    [400, 'send.byToken.tooFast', throttled(60_000)],
    [400, 'too.many.group', throttled(60_000)],
    [400, 'too.many.people', throttled(60_000)],
    [429, 'system.busy', throttled(1_000)],
    [429, 'systemBusy', throttled(1_000)],
    [429, '', throttled(1_000)],
    // Somebody has to change something in a console.
    [403, 'Forbidden.AccessDenied.ApiCountLimitForOrg', blocked('IM_QUOTA_EXCEEDED')],
    [403, 'Forbidden.AccessDenied.AccessTokenPermissionDenied', blocked('APP_PERMISSION_MISSING')],
    [403, 'Forbidden.AccessDenied.IpNotInWhiteList', blocked('IP_NOT_ALLOWED')],
    [400, 'ip.not.match', blocked('IP_NOT_ALLOWED')],
    [400, 'invalidClientIdOrSecret', blocked('APP_CREDENTIAL_INVALID')],
    [401, 'authFailed', blocked('APP_CREDENTIAL_INVALID')],
    [400, 'invalid.client', blocked('APP_CREDENTIAL_INVALID')],
    [401, 'unauthorized.client', blocked('APP_CREDENTIAL_INVALID')],
    [403, 'orgAuthLevelNotEnough', blocked('APP_PERMISSION_MISSING')],
    [400, 'param.templateNotExist', blocked('TEMPLATE_INVALID')],
    [400, 'param.templateUnpublished', blocked('TEMPLATE_INVALID')],
    [400, 'param.cardTemplateIdEmpty', blocked('TEMPLATE_INVALID')],
    // This target will not be reached.
    [400, 'coolAppUninstalled', permanent('COOL_APP_NOT_INSTALLED')],
    // Nothing is said about the group itself.
    ...[
      'groupPermissionDenied',
      'groupTemplatePermissionDenied',
      'coolAppUnexist',
      'coolAppPermissionDenied',
      'permession.checkFailed',
      'cidEncryptError',
      'paramIllegal',
      'paramBlank',
      'auth.error',
    ].map((code): [number, string, object] => [400, code, permanent('GROUP_NOT_TOLD')]),
    [400, 'systemError', { kind: 'retryable', code: 'IM_ERROR', retryAfterMs: 1_000 }],
    [400, 'group.disbanded', permanent('CHAT_NOT_FOUND')],
    [400, 'invalid.openConversationId', permanent('CHAT_NOT_FOUND')],
    [400, 'conversation.org.notMatch', permanent('CHAT_NOT_FOUND')],
    [400, 'miss.openConversationId', permanent('CHAT_NOT_FOUND')],
    [400, 'resource.unavailable', permanent('ROBOT_NOT_IN_CHAT')],
    [400, 'bot.stopped', permanent('ROBOT_NOT_IN_CHAT')],
    [400, 'robot.oto.notExist', permanent('ROBOT_NOT_IN_CHAT')],
    [400, 'staffId.notExisted', permanent('IM_USER_NOT_FOUND')],
    [400, 'param.userIdNotExist', permanent('IM_USER_NOT_FOUND')],
    // This payload or card will not be taken.
    [400, 'param.contentUnsafe', permanent('CONTENT_REJECTED')],
    [400, 'MissingStringValue', permanent('CONTENT_REJECTED')],
    [400, 'contain.unsafe.url', permanent('CONTENT_REJECTED')],
    [400, 'contain.notAllowed.text', permanent('CONTENT_REJECTED')],
    [400, 'param.cardNotExist', permanent('CARD_NOT_EXIST')],
    [400, 'param.cardAlreadyExist', permanent('CARD_ALREADY_EXIST')],
    // Registering the address for presses.
    [500, 'param.callbackRouteKeyExist', permanent('ROUTE_KEY_EXISTS')],
    [400, 'system.updateCallbackFailed', { kind: 'retryable', code: 'IM_ERROR', retryAfterMs: 1_000 }],
    // A mistake of ours.
    [400, 'param.openSpaceIdInvalid', permanent('IM_ERROR')],
    [400, 'outTrackId.outOfLimit', permanent('IM_ERROR')],
    [400, 'invalidParameter.msgParam.tooLong', permanent('IM_ERROR')],
    [400, 'AuthenticationFailed.MissingParameter', permanent('IM_ERROR')],
    // Listed nowhere: worth one more try.
    [404, 'error.notFound', { kind: 'permanent', code: 'IM_ERROR', unlisted: true }],
    [400, '', { kind: 'permanent', code: 'IM_ERROR', unlisted: true }],
    // Nobody knows whether it was done.
    [500, 'system.error', unknown],
    [500, 'system.busy', unknown],
    [500, 'unknownError', unknown],
    [502, '', unknown],
    [503, 'ServiceUnavailable', unknown],
    [400, 'systemError', { kind: 'retryable', code: 'IM_ERROR', retryAfterMs: 1_000 }],
  ])('%d %s', (status, code, meaning) => {
    expect(classify(status, code)).toEqual(meaning)
  })

  test.each<[string, string]>([
    ['', 'CONTENT_REJECTED'],
    ['the value of title is too long', 'CONTENT_REJECTED'],
    ['cardParamMap: buttons is not a string', 'CONTENT_REJECTED'],
    ['openSpaceId is illegal', 'IM_ERROR'],
    ['userIdType must be 1 or 2', 'IM_ERROR'],
    ['imRobotOpenDeliverModel is missing', 'IM_ERROR'],
    ['callbackRouteKey is unknown', 'IM_ERROR'],
  ])('param.invalid is about the card’s texts unless it names something else: %j', (said, code) => {
    expect(classify(400, 'param.invalid', said)).toMatchObject(permanent(code))
  })

  test('any code of any answer has a meaning', () => {
    fc.assert(
      fc.property(fc.integer({ min: 300, max: 599 }), fc.string(), (status, code) => {
        expect(['token', 'retryable', 'throttled', 'blocked', 'permanent', 'unknown-outcome']).toContain(
          classify(status, code).kind,
        )
      }),
    )
  })
})

describe('failures of one target inside an HTTP 200', () => {
  test.each<[string, 'group' | 'person', string]>([
    ['spaceId is illegal', 'group', 'CHAT_NOT_FOUND'],
    ['spaceId is illegal', 'person', 'IM_USER_NOT_FOUND'],
    ['robot is not in the group', 'group', 'ROBOT_NOT_IN_CHAT'],
    ['group is disbanded', 'group', 'CHAT_NOT_FOUND'],
    ['user is not in the visible scope of the app', 'person', 'OUT_OF_SCOPE'],
    ['spaces of card is empty', 'group', 'IM_ERROR'],
    ['', 'person', 'IM_ERROR'],
  ])('%j for a %s is %s', (errorMsg, kind, reason) => {
    expect(classifyTarget(errorMsg, kind)).toBe(reason)
  })
})
