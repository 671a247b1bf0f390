import type { VirtualClock } from './clock.ts'
import { ApiRefusal } from './errors.ts'
import type { DingTalkSettings } from './types.ts'

/** DingTalk's months are those of its home, Asia/Shanghai. */
const OFFSET_MS = 8 * 3_600_000

/**
 * What the corporation has used of its month (D:dingtalk-application-development-platform-billing-model): API calls
 * but for those about tokens and people, and pushes but for those about people.
 */
export class MonthlyBooks {
  #clock: VirtualClock
  #settings: DingTalkSettings
  #month = ''
  #used = { calls: 0, pushes: 0 }

  constructor(clock: VirtualClock, settings: DingTalkSettings) {
    this.#clock = clock
    this.#settings = settings
  }

  used(): { calls: number; pushes: number } {
    this.#turnPage()
    return { ...this.#used }
  }

  /** @throws ApiRefusal 403 when the month's calls are used up; refused calls do not count */
  admitCall(): void {
    this.#turnPage()
    const { monthlyCalls } = this.#settings
    if (monthlyCalls > 0 && this.#used.calls >= monthlyCalls) {
      throw new ApiRefusal(
        403,
        'Forbidden.AccessDenied.ApiCountLimitForOrg',
        '您的企业当月的API调用量已超限，请升级或等待下月',
      )
    }
    this.#used.calls += 1
  }

  /** @returns false when the month's pushes are used up */
  admitPush(): boolean {
    this.#turnPage()
    const { monthlyPushes } = this.#settings
    if (monthlyPushes > 0 && this.#used.pushes >= monthlyPushes) return false
    this.#used.pushes += 1
    return true
  }

  #turnPage(): void {
    const month = new Date(this.#clock.nowMs() + OFFSET_MS).toISOString().slice(0, 7)
    if (month === this.#month) return
    this.#month = month
    this.#used = { calls: 0, pushes: 0 }
  }
}

/** Events about people, administrators and roles cost nothing (D:appendix-a-list-of-events-not-included-in-webhook). */
export function isFreeEvent(eventType: string): boolean {
  return /^(user|org|label|inner_app)_/.test(eventType)
}
