import { randomInt } from 'node:crypto'
import type { ApiName, Fault } from './types.ts'

type Counted = { times?: number; share?: number }

/** Faults in the order they were added; each goes away after its count. */
export class Counter<T extends Counted> {
  #faults: { fault: T; left: number }[] = []

  add(fault: T): void {
    this.#faults.push({ fault, left: fault.times ?? 1 })
  }

  clear(): void {
    this.#faults = []
  }

  /** Spends one count of the first fault that fits and whose share comes up. */
  take(fits: (fault: T) => boolean): T | undefined {
    const hit = this.#faults.find(({ fault, left }) => left > 0 && fits(fault) && comesUp(fault.share ?? 1))
    if (!hit) return undefined
    hit.left -= 1
    return hit.fault
  }
}

function comesUp(share: number): boolean {
  return share >= 1 || randomInt(1_000_000) < share * 1_000_000
}

export class FaultBook {
  #faults = new Counter<Fault>()

  add(fault: Fault): void {
    this.#faults.add(fault)
  }

  clear(): void {
    this.#faults.clear()
  }

  take(api: ApiName | 'unknown', rawBody: string): Fault['effect'] | undefined {
    return this.#faults.take(
      (fault) => fault.api === api && (fault.bodyContains === undefined || rawBody.includes(fault.bodyContains)),
    )?.effect
  }
}
