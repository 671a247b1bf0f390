/** Error codes of the Open API and the HTTP status each comes with (F 3.2). */
const STATUS = {
  InvalidParameter: 400,
  BadRequest: 400,
  InvalidContentType: 400,
  ResourceNotFound: 400,
  NoLicense: 400,
  Unauthorized: 401,
  AccessDenied: 403,
  RouteNotFound: 404,
  MethodNotAllowed: 405,
  EntityTooLarge: 413,
  InternalError: 500,
} as const

export type ErrorCode = keyof typeof STATUS

/** A refusal, worded for both values of `Accept-Language` that Flashduty knows. */
export class FlashdutyError extends Error {
  override name = 'FlashdutyError'
  readonly code: ErrorCode
  readonly status: number
  readonly zh: string

  constructor(code: ErrorCode, en: string, zh: string) {
    super(en)
    this.code = code
    this.status = STATUS[code]
    this.zh = zh
  }
}

export function invalid(en: string, zh: string): FlashdutyError {
  return new FlashdutyError('InvalidParameter', en, zh)
}

export function notFound(incidentId: string): FlashdutyError {
  return new FlashdutyError('ResourceNotFound', `Incident ${incidentId} not found`, `故障 ${incidentId} 不存在`)
}
