import { AppError } from '../errors.ts'
import { InFlight, sleep, within } from '../lifecycle.ts'
import { type Connection, type ConnectionDeps, openConnection } from './connection.ts'
import { type Counters, routeFrame, type RouterDeps } from './router.ts'

export type SupervisorSettings = {
  backOffMinMs: number
  backOffMaxMs: number
  /** Pause while wrong credentials or a setting in the console stand in the way. */
  blockedMs: number
  /** A connection this old proves that the last trouble is over. */
  healthyMs: number
  /** How long a connection that the gateway has given up is left open for replies. */
  lingerMs: number
}

export const SUPERVISOR_SETTINGS: SupervisorSettings = {
  backOffMinMs: 1_000,
  backOffMaxMs: 60_000,
  blockedMs: 30_000,
  healthyMs: 60_000,
  lingerMs: 12_000,
}

export type StreamState =
  | { state: 'connecting' }
  | { state: 'open'; sinceMs: number }
  | { state: 'waiting'; reason: string; detail: string | undefined; retryInMs: number }
  | { state: 'stopped' }

export type StreamSupervisor = {
  state(): StreamState
  /** Resolves at the first open connection, or when the signal aborts. */
  opened(signal: AbortSignal): Promise<void>
  /** Takes no more frames, waits for the replies under way, closes. */
  stop(): Promise<void>
}

const GOODBYE_MS = 500

/** Keeps one connection of the app alive until stopped, and never gives up. */
export function superviseStream(
  deps: Omit<ConnectionDeps, 'settings'> &
    RouterDeps & {
      connection: ConnectionDeps['settings']
      settings: SupervisorSettings
      nowMs: () => number
    },
): StreamSupervisor {
  const { log, settings } = deps
  const stopping = new AbortController()
  const replies = new InFlight((error) => log.error({ err: error }, 'frame-broken'))
  const counters: Counters = { malformed: 0, unknown: 0 }
  const live = new Map<Connection, Promise<void>>()
  let state: StreamState = { state: 'connecting' }
  let firstOpen: () => void
  const everOpen = new Promise<void>((resolve) => (firstOpen = resolve))

  const become = (next: StreamState): void => {
    state = next
    if (stopping.signal.aborted && next.state !== 'stopped') return
    log[next.state === 'waiting' ? 'warn' : 'info']({ ...next }, 'stream-state')
  }

  /** Opens one connection and resolves when it is over: closed, or told by the gateway to be replaced. */
  const serveOne = async (): Promise<void> => {
    let over: () => void = () => {}
    const ended = new Promise<void>((resolve) => (over = resolve))
    let gone: () => void = () => {}
    const closed = new Promise<void>((resolve) => (gone = resolve))
    const connection = await openConnection(
      { app: deps.app, apiUrl: deps.apiUrl, send: deps.send, settings: deps.connection, signal: stopping.signal },
      {
        onFrame(raw, reply) {
          if (stopping.signal.aborted) return
          replies.add(
            routeFrame(deps, counters, raw, reply, (reason) => {
              log.info({ reason }, 'stream-replace')
              // The gateway falls silent on this connection; the next one is opened while this one drains.
              const cut = setTimeout(() => connection.terminate(), settings.lingerMs)
              cut.unref()
              over()
            }),
          )
        },
        onClose(code) {
          live.delete(connection)
          log.info({ code }, 'stream-closed')
          gone()
          over()
        },
      },
    )
    live.set(connection, closed)
    if (stopping.signal.aborted) return connection.close()
    become({ state: 'open', sinceMs: deps.nowMs() })
    firstOpen()
    stopping.signal.addEventListener('abort', over, { once: true })
    await ended
    stopping.signal.removeEventListener('abort', over)
  }

  const run = async (): Promise<void> => {
    let failures = 0
    while (!stopping.signal.aborted) {
      const startedAt = deps.nowMs()
      let pauseMs = 0
      try {
        become({ state: 'connecting' })
        await serveOne()
        // Accept-then-close must not become a storm: only a connection that lasted forgives earlier failures.
        failures = deps.nowMs() - startedAt >= settings.healthyMs ? 0 : failures + 1
        if (failures > 1) pauseMs = backOff(failures - 1)
      } catch (error) {
        failures += 1
        const expected = error instanceof AppError ? error : undefined
        pauseMs = expected?.failure.kind === 'blocked' ? settings.blockedMs : backOff(failures)
        if (!expected) log.error({ err: error }, 'stream-broken')
        become({
          state: 'waiting',
          reason: expected?.failure.code ?? 'UNKNOWN',
          detail: expected?.detail,
          retryInMs: pauseMs,
        })
      }
      if (pauseMs > 0) await sleep(pauseMs, stopping.signal)
    }
  }

  const backOff = (failures: number): number => {
    const whole = Math.min(settings.backOffMinMs * 2 ** Math.min(failures - 1, 10), settings.backOffMaxMs)
    return Math.round(whole * (0.75 + Math.random() * 0.5))
  }

  const running = run()
  return {
    state: () => state,
    async opened(signal) {
      await Promise.race([
        everOpen,
        running,
        new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
      ])
    },
    async stop() {
      stopping.abort()
      await running
      await replies.idle()
      for (const connection of live.keys()) connection.close()
      become({ state: 'stopped' })
      // A gateway that does not say goodbye in turn must not keep the process.
      await within(GOODBYE_MS, Promise.all(live.values()))
      for (const connection of live.keys()) connection.terminate()
    },
  }
}
