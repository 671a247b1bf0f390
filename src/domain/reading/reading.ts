import { MAX_NAMED_PARTS } from '../limits.ts'

/** A part of an outside body that was left out, and why; `path` as in `delivery.chats.1.chat_id`. */
export type Ignored = { path: string; problem: string }

/** One reading of an outside body: what makes no sense is left out alone, and said. */
export class Reading {
  readonly #named: Ignored[] = []
  #count = 0
  #last: { path: string | (() => string); problem: string } = { path: '', problem: '' }

  /** @param path as a function where it costs something to say it: most are only counted */
  leaveOut(path: string | (() => string), problem: string): void {
    this.#count += 1
    this.#last = { path, problem }
    if (this.#named.length >= MAX_NAMED_PARTS) return
    this.#named.push({ path: typeof path === 'string' ? path : path(), problem })
  }

  /** How many parts were left out. */
  get count(): number {
    return this.#count
  }

  /** The last of them. */
  get last(): Ignored {
    const { path, problem } = this.#last
    return { path: typeof path === 'string' ? path : path(), problem }
  }

  /** The first of them by name, the others by number. */
  get ignored(): Ignored[] {
    const others = this.#count - this.#named.length
    return others === 0 ? this.#named : [...this.#named, { path: '(body)', problem: `has ${others} more such parts` }]
  }

  /** The place called `path`; empty = the body itself. */
  at(path: string): Place {
    return new Place(this, path)
  }
}

/** Where a value stands in the body. */
export class Place {
  readonly #reading: Reading
  readonly #parent: Place | undefined
  readonly #key: string | number

  constructor(reading: Reading, key: string | number, parent?: Place) {
    this.#reading = reading
    this.#parent = parent
    this.#key = key
  }

  get path(): string {
    const before = this.#parent?.path ?? ''
    return before === '' ? String(this.#key) : `${before}.${this.#key}`
  }

  of(key: string | number): Place {
    return new Place(this.#reading, key, this)
  }

  /** Says that the value here is left out, or a part of it. @returns undefined, for whoever has to return a value */
  leaveOut(problem: string): undefined {
    this.#reading.leaveOut(() => this.path || '(body)', problem)
    return undefined
  }

  /** How many parts of the body were left out so far. */
  get leftOut(): number {
    return this.#reading.count
  }

  /** The last of them. */
  get lastLeftOut(): Ignored {
    return this.#reading.last
  }
}

/** Reads one value that is there. @returns undefined for what makes no sense, after saying so */
export type Read<T> = (value: unknown, at: Place) => T | undefined

/** The fields of one object, read one by one. */
export class Fields<Key extends string = string> {
  readonly #object: Record<string, unknown>
  readonly #at: Place
  readonly #unreadable = new Set<string>()

  constructor(object: Record<string, unknown>, at: Place) {
    this.#object = object
    this.#at = at
  }

  /** @returns undefined for a field that is absent, null or left out */
  take<T>(key: Key, read: Read<T>): T | undefined {
    const value = Object.hasOwn(this.#object, key) ? this.#object[key] : undefined
    if (value === undefined || value === null) return undefined
    const before = this.#at.leftOut
    const taken = read(value, this.#at.of(key))
    if (taken === undefined && this.#at.leftOut > before) this.#unreadable.add(key)
    return taken
  }

  /** The fields taken so far that are there and make no sense. */
  get unreadable(): ReadonlySet<string> {
    return this.#unreadable
  }
}
