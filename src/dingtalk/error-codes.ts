import type { Failure } from '../errors.ts'

/**
 * DingTalk's codes and what each means for us. From the pages "server-api-error-codes-1",
 * "how-to-process-api-throttling-on-the-dingtalk-server" and the pages of the card, robot and group calls.
 * `token` = refresh the access token once and repeat the call once.
 */
type Row = [pattern: RegExp, meaning: Failure | { kind: 'token' }]

const throttled = (retryAfterMs: number): Failure => ({ kind: 'throttled', code: 'IM_RATE_LIMITED', retryAfterMs })
const blocked = (code: string): Failure => ({ kind: 'blocked', code })
const permanent = (code: string): Failure => ({ kind: 'permanent', code })

const TABLE: Row[] = [
  [/^InvalidAuthentication$/, { kind: 'token' }],
  [/QpsLimit/, throttled(1_000)],
  [/QpmLimit|^send\.(too\.fast|byToken\.tooFast)$|^too\.many\.(group|people)$/, throttled(60_000)],
  [/ApiCountLimit/, blocked('IM_QUOTA_EXCEEDED')],
  [/AccessTokenPermissionDenied/, blocked('APP_PERMISSION_MISSING')],
  [/IpNotInWhiteList|^ip\.not\.match$/, blocked('IP_NOT_ALLOWED')],
  [/^(invalidClientIdOrSecret|authFailed|invalid\.client|unauthorized\.client)$/, blocked('APP_CREDENTIAL_INVALID')],
  [/orgAuthLevelNotEnough/, blocked('APP_PERMISSION_MISSING')],
  [/^param\.template(NotExist|Unpublished)$|^param\.cardTemplateIdEmpty$/, blocked('TEMPLATE_INVALID')],
  [/^coolAppUninstalled$/, permanent('COOL_APP_NOT_INSTALLED')],
  // What DingTalk does not tell this app about a group says nothing about the group ("query-group-information").
  [
    /^(group(Template)?PermissionDenied|coolApp(Unexist|PermissionDenied)|permession\.checkFailed|cidEncryptError|param(Illegal|Blank)|auth\.error)$/,
    permanent('GROUP_NOT_TOLD'),
  ],
  [
    /^(group\.disbanded|invalid\.openConversationId|conversation\.org\.notMatch|miss\.openConversationId|resource\.not\.found|illegal\.openconevrsation\.id)$/,
    permanent('CHAT_NOT_FOUND'),
  ],
  [
    /^(resource\.unavailable|bot\.stopped|robot\.oto\.notExist|invalidParameter\.robotCode\.(invalid|notExsit|auth|coolApp))$/,
    permanent('ROBOT_NOT_IN_CHAT'),
  ],
  [/^(staffId\.notExisted|param\.userIdNotExist)$/, permanent('IM_USER_NOT_FOUND')],
  [/^param\.callbackRouteKeyExist$/, permanent('ROUTE_KEY_EXISTS')],
  [/^system\.updateCallbackFailed$/, { kind: 'retryable', code: 'IM_ERROR', retryAfterMs: 1_000 }],
  [/^param\.contentUnsafe$|^contain\.|^MissingStringValue$/, permanent('CONTENT_REJECTED')],
  [/^param\.(cardNotExist|stream\.outTrackId)$/, permanent('CARD_NOT_EXIST')],
  [/^param\.cardAlreadyExist$/, permanent('CARD_ALREADY_EXIST')],
]

/** What is no part of a card's texts: another text would be refused for it as well. */
const NOT_CONTENT = /space|user|model|robot|callback|route/i

/**
 * @param status HTTP status of the answer
 * @param code its `code`, or '' when it had none
 * @param said its message: `param.invalid` stands for everything that may be wrong with a card
 */
export function classify(status: number, code: string, said = ''): Failure | { kind: 'token' } {
  if (code === 'param.invalid' && !NOT_CONTENT.test(said)) return permanent('CONTENT_REJECTED')
  for (const [pattern, meaning] of TABLE) if (pattern.test(code)) return meaning
  if (status === 429) return throttled(1_000)
  // After a 5xx nobody knows whether the call was done.
  if (status >= 500) return { kind: 'unknown-outcome', code: 'IM_ERROR' }
  if (/^system\.?(busy|error)$/i.test(code)) return { kind: 'retryable', code: 'IM_ERROR', retryAfterMs: 1_000 }
  if (/^(param|invalidParameter|miss\.param|outTrackId|AuthenticationFailed|reject)\b/.test(code)) {
    return permanent('IM_ERROR')
  }
  return { kind: 'permanent', code: 'IM_ERROR', unlisted: true }
}

/**
 * Codes of `oapi.dingtalk.com` and what each means for us: `errcode`, or the `sub_code` inside its 88. From the pages
 * "server-api-error-codes-1", "api-gettoken" and those of the login calls.
 */
const OAPI_TABLE: Record<string, Failure | { kind: 'token' }> = {
  40014: { kind: 'token' },
  42001: { kind: 'token' },
  40001: { kind: 'token' },
  40096: blocked('APP_CREDENTIAL_INVALID'),
  40089: blocked('APP_CREDENTIAL_INVALID'),
  '-1': { kind: 'retryable', code: 'IM_ERROR', retryAfterMs: 1_000 },
  90002: throttled(1_000),
  90018: throttled(1_000),
  90020: blocked('IM_QUOTA_EXCEEDED'),
  60011: blocked('APP_PERMISSION_MISSING'),
  60020: blocked('IP_NOT_ALLOWED'),
  60121: permanent('IM_USER_NOT_FOUND'),
  33012: permanent('IM_USER_NOT_FOUND'),
  50002: permanent('OUT_OF_SCOPE'),
  40078: permanent('LOGIN_CODE_INVALID'),
}

/** @param code as text; whatever is not listed was refused for good, most likely for a mistake of ours */
export function classifyOapi(code: string): Failure | { kind: 'token' } {
  return OAPI_TABLE[code] ?? permanent('IM_ERROR')
}

/** Failures of one target, told inside an HTTP 200 as free text. */
export function classifyTarget(errorMsg: string, kind: 'group' | 'person'): string {
  if (/robot/i.test(errorMsg)) return 'ROBOT_NOT_IN_CHAT'
  if (/visible|scope/i.test(errorMsg)) return 'OUT_OF_SCOPE'
  if (/disbanded/i.test(errorMsg)) return 'CHAT_NOT_FOUND'
  if (/spaceId is illegal/i.test(errorMsg)) return kind === 'group' ? 'CHAT_NOT_FOUND' : 'IM_USER_NOT_FOUND'
  return 'IM_ERROR'
}
