import type { ApiName, Fault } from './types.ts'

/** Faults in the order they were added; each goes away after its count. */
export class FaultBook {
  #faults: { fault: Fault; left: number }[] = []

  add(fault: Fault): void {
    this.#faults.push({ fault, left: fault.times ?? 1 })
  }

  clear(): void {
    this.#faults = []
  }

  /** Spends one count of the first fault that fits the call. */
  take(api: ApiName | 'unknown', rawBody: string): Fault['effect'] | undefined {
    const hit = this.#faults.find(
      ({ fault, left }) =>
        left > 0 && fault.api === api && (fault.bodyContains === undefined || rawBody.includes(fault.bodyContains)),
    )
    if (!hit) return undefined
    hit.left -= 1
    return hit.fault.effect
  }
}
