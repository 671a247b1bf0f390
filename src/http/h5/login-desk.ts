import { LRUCache } from 'lru-cache'
import PQueue from 'p-queue'

import { AppError } from '../../errors.ts'
import { hashSecret } from '../../storage/secret-box.ts'

/** A code of a login, as somebody hands it in. */
export type HandedCode = {
  kind: 'client' | 'browser'
  integrationId: string
  code: string
  /** Whom it is counted for. */
  network: string
  /** Aborts when whoever asked has gone. */
  gone: AbortSignal
}

export type LoginDesk = {
  /**
   * Asks DingTalk, when it is the code's turn. Whoever is right gets in, whatever others from the same address hand in: only
   * DingTalk knows whether a code is right, so each that may be is asked about, few at a time.
   * @throws AppError of `ask`; `permanent LOGIN_CODE_INVALID` without asking for what cannot be a code, or was asked about
   *   before; `retryable GONE`: whoever asked has gone before it was their turn
   */
  ask<T>(handed: HandedCode, ask: () => Promise<T>): Promise<T>
}

/** Of one address, kind and integration at a time. */
const AT_ONCE = 8
/** Of one integration at a time: DingTalk takes 20 a second of an app, and shuts out a host that asks 10,000 times in 20 s. */
const AT_ONCE_IN_ALL = 16
/** DingTalk's are some 32 letters and digits, which is written down nowhere; these are what may stand in an address. */
const PLAUSIBLE = /^[\w.~+/=-]{8,200}$/
/** Codes that are good no more: each is good once, and for five minutes. */
const SPENT_KEPT = 20_000

export function createLoginDesk(): LoginDesk {
  const queues = new Map<string, PQueue>()
  const spent = new LRUCache<string, true>({ max: SPENT_KEPT })

  /** Those that nobody waits in are forgotten. */
  const inTurn = async <T>(key: string, concurrency: number, gone: AbortSignal, work: () => Promise<T>): Promise<T> => {
    const queue = queues.get(key) ?? new PQueue({ concurrency })
    queues.set(key, queue)
    // What has begun keeps its place to its end, or somebody who hangs up could have any number made at once.
    const waiting = new AbortController()
    const leave = (): void => waiting.abort(new AppError({ kind: 'retryable', code: 'GONE' }, 'whoever asked has gone'))
    if (gone.aborted) leave()
    gone.addEventListener('abort', leave, { once: true })
    try {
      return await queue.add(
        () => {
          gone.removeEventListener('abort', leave)
          return work()
        },
        { signal: waiting.signal },
      )
    } finally {
      gone.removeEventListener('abort', leave)
      if (queue.size + queue.pending === 0 && queues.get(key) === queue) queues.delete(key)
    }
  }

  return {
    async ask({ kind, integrationId, code, network, gone }, ask) {
      if (!PLAUSIBLE.test(code)) throw invalid('what was handed in cannot be a code of DingTalk’s')
      const key = `${kind} ${integrationId} ${hashSecret(code)}`
      if (spent.has(key)) throw asked()
      return inTurn(`${kind} ${integrationId} ${network}`, AT_ONCE, gone, () =>
        inTurn(integrationId, AT_ONCE_IN_ALL, gone, async () => {
          if (spent.has(key)) throw asked()
          try {
            const answer = await ask()
            spent.set(key, true)
            return answer
          } catch (error) {
            // Otherwise DingTalk did not say, and it may be good yet.
            if (error instanceof AppError && error.failure.kind === 'permanent') spent.set(key, true)
            throw error
          }
        }),
      )
    },
  }
}

function asked(): AppError {
  return invalid('a code that DingTalk was asked about before')
}

function invalid(message: string): AppError {
  return new AppError({ kind: 'permanent', code: 'LOGIN_CODE_INVALID' }, message)
}
