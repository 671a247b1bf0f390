import { CONDITION_MS } from '../../support/patience.ts'
import type { Journal, JournalEntry } from './types.ts'

type WithoutStamp<T> = T extends unknown ? Omit<T, 'seq' | 'at'> : never
export type NewEntry = WithoutStamp<JournalEntry>

type Waiter = { check: (entry: JournalEntry) => void; abandon: () => void }

/** Everything that crossed the simulator's edge, in order. */
export class MemoryJournal implements Journal {
  #entries: JournalEntry[] = []
  #seq = 0
  #listeners = new Set<(entry: JournalEntry) => void>()
  #waiters = new Set<Waiter>()
  #closed = false

  add(entry: NewEntry): void {
    if (this.#closed) return
    this.#seq += 1
    const stamped = { seq: this.#seq, at: Date.now(), ...entry }
    this.#entries.push(stamped)
    for (const listener of this.#listeners) listener(stamped)
    for (const waiter of this.#waiters) waiter.check(stamped)
  }

  all(): readonly JournalEntry[] {
    return [...this.#entries]
  }

  of<T extends JournalEntry['type']>(type: T): Extract<JournalEntry, { type: T }>[] {
    return this.#entries.filter((entry): entry is Extract<JournalEntry, { type: T }> => entry.type === type)
  }

  requests(api: Extract<JournalEntry, { type: 'request' }>['api']): Extract<JournalEntry, { type: 'request' }>[] {
    return this.of('request').filter((entry) => entry.api === api)
  }

  subscribe(listener: (entry: JournalEntry) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  waitFor(what: string, predicate: (entry: JournalEntry) => boolean, timeoutMs = CONDITION_MS): Promise<JournalEntry> {
    const past = this.#entries.find(predicate)
    if (past) return Promise.resolve(past)
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => {
        finish()
        reject(new Error(`${why} while waiting for ${what}; the journal ends with:\n${this.#tail()}`))
      }
      const timer = setTimeout(() => fail(`nothing within ${timeoutMs} ms`), timeoutMs)
      const waiter: Waiter = {
        check(entry) {
          if (!predicate(entry)) return
          finish()
          resolve(entry)
        },
        abandon: () => fail('the sandbox was closed'),
      }
      const finish = (): void => {
        clearTimeout(timer)
        this.#waiters.delete(waiter)
      }
      this.#waiters.add(waiter)
    })
  }

  forget(): void {
    this.#entries = []
  }

  /** Rejects whoever still waits; later entries are dropped. */
  close(): void {
    this.#closed = true
    for (const waiter of this.#waiters) waiter.abandon()
  }

  #tail(): string {
    return this.#entries
      .slice(-12)
      .map((entry) => JSON.stringify(entry).slice(0, 400))
      .join('\n')
  }
}
