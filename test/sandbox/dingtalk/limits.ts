import { ApiRefusal } from './errors.ts'

const WINDOW_MS = 1_000

/** Sliding one-second window per app and API. Refused calls do not count (the throttling page). */
export class CallRate {
  #perSecond: number
  #recent = new Map<string, number[]>()

  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  /** @throws ApiRefusal 403 when the window is full */
  admit(clientId: string, api: string): void {
    if (this.#perSecond === 0) return
    const key = `${clientId} ${api}`
    const now = performance.now()
    const recent = (this.#recent.get(key) ?? []).filter((at) => now - at < WINDOW_MS)
    if (recent.length >= this.#perSecond) throw throttled()
    this.#recent.set(key, [...recent, now])
  }
}

export function throttled(): ApiRefusal {
  return new ApiRefusal(
    403,
    'Forbidden.AccessDenied.QpsLimitForAppkeyAndApi',
    '您的企业应用调用钉钉开放平台当前接口的所有请求都被暂时禁用了',
  )
}
