import type { VirtualClock } from './clock.ts'
import { newToken } from './ids.ts'

/** `jsapi`: the tickets that pages sign with, which open no API. */
export type TokenFamily = 'api' | 'oapi' | 'jsapi'

/**
 * App access tokens (D:obtain-the-access-token-of-an-internal-app): a fetch within validity returns the same token
 * and renews it. Each family has its own token; both families accept either.
 */
export class TokenBook {
  #clock: VirtualClock
  #ttlMs: number
  #tokens = new Map<string, { clientId: string; family: TokenFamily; expiresAtMs: number }>()

  constructor(clock: VirtualClock, ttlMs: number) {
    this.#clock = clock
    this.#ttlMs = ttlMs
  }

  fetch(clientId: string, family: TokenFamily): { token: string; expiresInS: number } {
    const expiresAtMs = this.#clock.nowMs() + this.#ttlMs
    const expiresInS = Math.floor(this.#ttlMs / 1000)
    for (const [token, entry] of this.#tokens) {
      if (entry.clientId !== clientId || entry.family !== family) continue
      if (entry.expiresAtMs <= this.#clock.nowMs()) continue
      entry.expiresAtMs = expiresAtMs
      return { token, expiresInS }
    }
    const token = newToken()
    this.#tokens.set(token, { clientId, family, expiresAtMs })
    return { token, expiresInS }
  }

  /** clientId of a token that is still good. */
  findOwner(token: string): string | undefined {
    const entry = this.#tokens.get(token)
    const isGood = entry && entry.family !== 'jsapi' && entry.expiresAtMs > this.#clock.nowMs()
    return isGood ? entry.clientId : undefined
  }

  revoke(clientId: string): void {
    for (const [token, entry] of this.#tokens) if (entry.clientId === clientId) this.#tokens.delete(token)
  }
}
