import { newRequestId } from './ids.ts'

/** A refusal of the api family: HTTP status and the dotted or camelCase code (D:server-api-error-codes-1). */
export class ApiRefusal extends Error {
  override name = 'ApiRefusal'
  readonly status: number
  readonly code: string
  readonly extra: Record<string, unknown>

  constructor(status: number, code: string, message: string = code, extra: Record<string, unknown> = {}) {
    super(message)
    this.status = status
    this.code = code
    this.extra = extra
  }

  envelope(): Record<string, unknown> {
    return { code: this.code, requestid: newRequestId(), message: this.message, ...this.extra }
  }
}

/** Most field rules answer 400. */
export function refuse(code: string, message?: string): never {
  throw new ApiRefusal(400, code, message)
}
