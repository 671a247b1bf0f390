/** Last-in-first-out named teardown steps. Every step runs; failures are collected. */
export class Teardown {
  #steps: { name: string; run: () => void | Promise<void> }[] = []
  #done: Promise<void> | undefined

  /** Register on the line after the thing it undoes exists. */
  defer(name: string, run: () => void | Promise<void>): void {
    if (this.#done) throw new Error(`teardown already ran; too late to defer "${name}"`)
    this.#steps.push({ name, run })
  }

  /** Runs once, newest first; a second call returns the first result. */
  run(): Promise<void> {
    return (this.#done ??= this.#unwind())
  }

  async #unwind(): Promise<void> {
    const failed: Error[] = []
    for (const { name, run } of this.#steps.reverse()) {
      try {
        await run()
      } catch (cause) {
        failed.push(new Error(`teardown "${name}" failed`, { cause }))
      }
    }
    if (failed.length > 0) throw new AggregateError(failed, 'teardown was not clean')
  }
}

/** Work that nobody awaits but that a graceful stop must wait for. */
export class InFlight {
  #running = new Set<Promise<void>>()
  readonly #onError: (error: unknown) => void

  /** @param onError told of every failure; the work itself has no caller left to tell */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  add(work: Promise<unknown>): void {
    const done = work.then(
      () => {},
      (error: unknown) => this.#onError(error),
    )
    this.#running.add(done)
    void done.finally(() => this.#running.delete(done))
  }

  /** Resolves when everything that is running now is done, whatever is added meanwhile. */
  async underWay(): Promise<void> {
    await Promise.all(this.#running)
  }

  /** Resolves when nothing is running any more, including work added meanwhile. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }
}

/** Resolves after `ms`, or at once when the signal aborts: a loop then looks at the signal, not at a rejection. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}

/** Waits out a time in which something may come; `over` stays open once it is cancelled. */
export type Patience = (ms: number) => { over: Promise<void>; cancel: () => void }

/** To the moment, for what is worth nothing later. */
export const exactly: Patience = (ms) => {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))
  return { over, cancel: () => clearTimeout(timer) }
}

/** With consideration for a process that was held up: what it waits for may have come meanwhile; see `deadline`. */
export const patiently: Patience = (ms) => {
  const { signal, done } = deadline(ms)
  const over = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  return { over, cancel: done }
}

/** The promise's value, or `'timeout'` after `ms`; the promise itself goes on and its late failure is swallowed. */
export async function within<T>(ms: number, work: Promise<T>, patience: Patience = exactly): Promise<T | 'timeout'> {
  const { over, cancel } = patience(ms)
  try {
    return await Promise.race([work, over.then((): 'timeout' => 'timeout')])
  } finally {
    cancel()
    work.catch(() => {})
  }
}

/** A timer that fires so late was held up with its whole process. */
const HELD_UP_MS = 50

/**
 * A signal that aborts with a `TimeoutError` after `ms`, or together with the other one. Whoever was held up at that
 * moment (a paused virtual machine, a slow disk) waits once more, as long as that took but no longer than `ms`, since an
 * answer may have come meanwhile and lie unread. Not `AbortSignal.any` with `AbortSignal.timeout`: Node 20 forgets such a
 * timeout when it collects garbage.
 * @param now of the monotonic clock, in milliseconds
 * @returns `done` to be called once nothing waits for the signal any more
 */
export function deadline(
  ms: number,
  other?: AbortSignal,
  now: () => number = () => performance.now(),
): { signal: AbortSignal; done: () => void } {
  const controller = new AbortController()
  const follow = (): void => controller.abort(other?.reason)
  const giveUp = (): void => controller.abort(new DOMException(`no end within ${ms} ms`, 'TimeoutError'))
  const dueAt = now() + ms
  let timer = setTimeout(() => {
    const lateMs = now() - dueAt
    if (lateMs < HELD_UP_MS) return giveUp()
    timer = setTimeout(giveUp, Math.min(lateMs, ms))
  }, ms)
  if (other?.aborted) follow()
  else other?.addEventListener('abort', follow, { once: true })
  return {
    signal: controller.signal,
    done() {
      clearTimeout(timer)
      other?.removeEventListener('abort', follow)
    },
  }
}

/**
 * Runs the work again and again, `everyMs` after its last end.
 * @param work its signal is for waits that a stop cuts short
 * @returns stops it and waits for the run under way
 */
export function repeat(
  everyMs: number,
  work: (signal: AbortSignal) => Promise<void>,
  onError: (error: unknown) => void,
): () => Promise<void> {
  const stopping = new AbortController()
  const running = (async () => {
    for (;;) {
      await sleep(everyMs, stopping.signal)
      if (stopping.signal.aborted) return
      await work(stopping.signal).catch(onError)
    }
  })()
  return async () => {
    stopping.abort()
    await running
  }
}
