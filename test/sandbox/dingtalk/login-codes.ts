import type { VirtualClock } from './clock.ts'
import { newToken } from './ids.ts'

/** `client`: from the client of somebody who opened a page inside DingTalk. `browser`: from the login page. */
export type CodeKind = 'client' | 'browser'

export type LoginCode = { kind: CodeKind; clientId: string; userId: string; corpId: string }

/**
 * Login codes: 5 min of virtual time, good once, and each kind for its own call only (the log-free login pages). User
 * tokens that browser codes were exchanged for are kept here too.
 */
export class LoginBook {
  #clock: VirtualClock
  #ttlMs: number
  #tokenTtlMs: number
  #codes = new Map<string, LoginCode & { expiresAtMs: number }>()
  #userTokens = new Map<string, LoginCode & { expiresAtMs: number }>()

  constructor(clock: VirtualClock, ttlMs: number, tokenTtlMs: number) {
    this.#clock = clock
    this.#ttlMs = ttlMs
    this.#tokenTtlMs = tokenTtlMs
  }

  issue(login: LoginCode): string {
    const code = newToken()
    this.#codes.set(code, { ...login, expiresAtMs: this.#clock.nowMs() + this.#ttlMs })
    return code
  }

  /** Spends the code; undefined when it is unknown, used, expired, another app's or of the other kind. */
  redeem(kind: CodeKind, clientId: string, code: string): LoginCode | undefined {
    const entry = this.#codes.get(code)
    if (entry?.kind !== kind || entry.clientId !== clientId) return undefined
    this.#codes.delete(code)
    return entry.expiresAtMs > this.#clock.nowMs() ? entry : undefined
  }

  issueUserToken(login: LoginCode): { token: string; expiresInS: number } {
    const token = newToken()
    this.#userTokens.set(token, { ...login, expiresAtMs: this.#clock.nowMs() + this.#tokenTtlMs })
    return { token, expiresInS: Math.floor(this.#tokenTtlMs / 1_000) }
  }

  findUserToken(token: string): LoginCode | undefined {
    const entry = this.#userTokens.get(token)
    return entry && entry.expiresAtMs > this.#clock.nowMs() ? entry : undefined
  }
}
