import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { deadline, exactly, InFlight, patiently, sleep, Teardown, within } from './lifecycle.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A promise settled by hand. */
function later<T = void>() {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

describe('a teardown', () => {
  test('undoes what was done, newest first, one after the other', async () => {
    const teardown = new Teardown()
    const order: string[] = []
    const slow = later()
    teardown.defer('first', () => void order.push('first'))
    teardown.defer('second', async () => {
      order.push('second begins')
      await slow.promise
      order.push('second ends')
    })
    teardown.defer('third', () => void order.push('third'))
    const done = teardown.run()
    await vi.advanceTimersByTimeAsync(1)
    expect(order).toEqual(['third', 'second begins'])
    slow.resolve()
    await done
    expect(order).toEqual(['third', 'second begins', 'second ends', 'first'])
  })

  test('runs once, whoever asks', async () => {
    const teardown = new Teardown()
    const step = vi.fn<() => void>()
    teardown.defer('step', step)
    await Promise.all([teardown.run(), teardown.run()])
    await teardown.run()
    expect(step).toHaveBeenCalledTimes(1)
  })

  test('goes on after a step that fails, and names it at the end', async () => {
    const teardown = new Teardown()
    const rest = vi.fn<() => void>()
    teardown.defer('rest', rest)
    teardown.defer('throws', () => {
      throw new Error('one')
    })
    teardown.defer('rejects', () => Promise.reject(new Error('two')))
    const error: unknown = await teardown.run().catch((thrown: unknown) => thrown)
    expect(rest).toHaveBeenCalledTimes(1)
    expect(error).toBeInstanceOf(AggregateError)
    expect((error as AggregateError).errors.map(String)).toEqual([
      'Error: teardown "rejects" failed',
      'Error: teardown "throws" failed',
    ])
    expect((error as AggregateError).errors[0]).toMatchObject({ cause: { message: 'two' } })
  })

  test('takes no step once it has begun', async () => {
    const teardown = new Teardown()
    const done = teardown.run()
    expect(() => teardown.defer('late', () => {})).toThrow(/too late.*late/)
    await done
  })
})

describe('work in flight', () => {
  test('is waited for, including what it brings about', async () => {
    const inFlight = new InFlight(() => {})
    const [first, second] = [later(), later()]
    inFlight.add(first.promise.then(() => inFlight.add(second.promise)))
    let idle = false
    const waiting = inFlight.idle().then(() => (idle = true))
    first.resolve()
    await vi.advanceTimersByTimeAsync(1)
    expect(idle).toBe(false)
    second.resolve()
    await waiting
    expect(idle).toBe(true)
  })

  test('tells each failure and is idle after it', async () => {
    const onError = vi.fn<(error: unknown) => void>()
    const inFlight = new InFlight(onError)
    const error = new Error('broken')
    inFlight.add(Promise.reject(error))
    inFlight.add(Promise.resolve())
    await inFlight.idle()
    expect(onError).toHaveBeenCalledExactlyOnceWith(error)
  })

  test('without any there is nothing to wait for', async () => {
    await expect(new InFlight(() => {}).idle()).resolves.toBeUndefined()
  })
})

describe('sleeping', () => {
  test('ends after its time, not before', async () => {
    let awake = false
    const sleeping = sleep(1_000, new AbortController().signal).then(() => (awake = true))
    await vi.advanceTimersByTimeAsync(999)
    expect(awake).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    await sleeping
    expect(awake).toBe(true)
  })

  test('ends at once when the signal aborts, without a rejection and without a timer left', async () => {
    const stopping = new AbortController()
    const sleeping = sleep(60_000, stopping.signal)
    stopping.abort()
    await expect(sleeping).resolves.toBeUndefined()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('does not begin when the signal has aborted already', async () => {
    await expect(sleep(60_000, AbortSignal.abort())).resolves.toBeUndefined()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('leaves no listener on a signal that lives on', async () => {
    const { signal } = new AbortController()
    const added = vi.spyOn(signal, 'addEventListener')
    const removed = vi.spyOn(signal, 'removeEventListener')
    for (let nap = 0; nap < 3; nap++) {
      const sleeping = sleep(10, signal)
      await vi.advanceTimersByTimeAsync(10)
      await sleeping
    }
    expect(added).toHaveBeenCalledTimes(3)
    expect(removed.mock.calls.map(([, listener]) => listener)).toEqual(added.mock.calls.map(([, listener]) => listener))
  })
})

describe('within a time', () => {
  test('the value comes when it is ready, and no timer is left', async () => {
    await expect(within(1_000, Promise.resolve('value'))).resolves.toBe('value')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a failure in time is the caller’s', async () => {
    await expect(within(1_000, Promise.reject(new Error('broken')))).rejects.toThrow('broken')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('after it there is a timeout, and the late failure disturbs nobody', async () => {
    const work = later<string>()
    const waiting = within(1_000, work.promise)
    await vi.advanceTimersByTimeAsync(1_000)
    await expect(waiting).resolves.toBe('timeout')
    work.reject(new Error('late'))
    await vi.advanceTimersByTimeAsync(1)
  })
})

describe('patience', () => {
  test('to the moment ends then, and not once it is cancelled', async () => {
    const ended: string[] = []
    for (const patience of [exactly, patiently]) {
      const { over } = patience(1_000)
      const cancelled = patience(1_000)
      void over.then(() => ended.push('over'))
      void cancelled.over.then(() => ended.push('cancelled'))
      cancelled.cancel()
      await vi.advanceTimersByTimeAsync(999)
      expect(ended).toEqual([])
      await vi.advanceTimersByTimeAsync(1)
      expect(ended.splice(0)).toEqual(['over'])
    }
  })

  test('ends what a promise has not done by then', async () => {
    const never = new Promise(() => {})
    for (const patience of [exactly, patiently]) {
      const waiting = within(1_000, never, patience)
      await vi.advanceTimersByTimeAsync(1_000)
      expect(await waiting).toBe('timeout')
    }
    expect(await within(1_000, Promise.resolve('value'), patiently)).toBe('value')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('with consideration takes what came while the process stood still, to the moment does not', async () => {
    vi.useRealTimers()
    /** Comes behind the timers that ran out while nothing else could run. */
    const unread = (): Promise<string> =>
      new Promise((resolve) => {
        setImmediate(() => {
          const until = performance.now() + 300
          while (performance.now() < until);
          setImmediate(() => resolve('value'))
        })
      })
    expect(await within(100, unread(), exactly)).toBe('timeout')
    expect(await within(100, unread(), patiently)).toBe('value')
  })
})

describe('a deadline', () => {
  /** The clock runs on by itself while the process stands still and its timers do not fire. */
  function stage() {
    let nowMs = 0
    return {
      now: () => nowMs,
      standStill: (ms: number): void => void (nowMs += ms),
      pass(ms: number): void {
        for (const end = nowMs + ms; nowMs < end; vi.advanceTimersByTime(1)) nowMs += 1
      },
    }
  }

  test.each([
    ['at its time', 0, 1_000],
    ['at its time, though the timer is a little late', 20, 1_000],
    ['later by what the process stood still', 400, 1_400],
    ['no later than as much again', 60_000, 2_000],
  ])('aborts %s', (_when, stillMs, afterMs) => {
    const time = stage()
    const { signal } = deadline(1_000, undefined, time.now)
    time.standStill(stillMs)
    time.pass(afterMs - 1)
    expect(signal.aborted).toBe(false)
    time.pass(1)
    expect(signal.reason).toMatchObject({ name: 'TimeoutError', message: 'no end within 1000 ms' })
  })

  test('prolonged once, it is not prolonged again', () => {
    const time = stage()
    const { signal } = deadline(1_000, undefined, time.now)
    time.standStill(400)
    time.pass(1_000)
    time.standStill(60_000)
    time.pass(400)
    expect(signal.aborted).toBe(true)
  })

  test('aborts with the other signal, and leaves no timer when it is done', () => {
    const other = new AbortController()
    const { signal, done } = deadline(1_000, other.signal)
    other.abort(new Error('stopping'))
    expect(signal.reason).toMatchObject({ message: 'stopping' })
    done()
    expect(vi.getTimerCount()).toBe(0)
  })
})
