import { InFlight, sleep } from '../lifecycle.ts'
import { BackOff, type BackOffSettings } from './back-off.ts'
import { type ConnectionDeps, openConnection } from './connection.ts'
import { type DeafnessSettings, startDoubting } from './deafness.ts'
import { Flow } from './flow.ts'
import { type Counters, routeFrame, type RouterDeps } from './router.ts'
import { Slot } from './slot.ts'
import { type StreamState, StreamWatch } from './stream-watch.ts'

export type SupervisorSettings = BackOffSettings &
  DeafnessSettings & {
    /** How long the others wait for how the first one fares. */
    firstAloneMs: number
    /** How long a connection that was taken leave of is left open for replies. */
    lingerMs: number
    /** Patience with a gateway that does not say goodbye in turn. */
    goodbyeMs: number
  }

export const SUPERVISOR_SETTINGS: SupervisorSettings = {
  backOffMinMs: 1_000,
  backOffMaxMs: 60_000,
  aloneMaxMs: 15_000,
  credentialsMs: 60_000,
  bannedMs: 300_000,
  consoleMs: 15_000,
  extraMaxMs: 300_000,
  healthyMs: 60_000,
  spacingMs: 100,
  deafMs: 120_000,
  deafAloneMs: 600_000,
  firstAloneMs: 1_000,
  lingerMs: 12_000,
  goodbyeMs: 500,
}

export type StreamSupervisor = {
  state(): StreamState
  /** Resolves once a connection serves or the app's credentials are refused, or when the signal aborts. */
  settled(signal: AbortSignal): Promise<void>
  /**
   * Opens nothing more, answers what is pushed until the goodbye, closes, and waits for everything that was taken in. For
   * seconds at the most, whatever comes in.
   */
  stop(): Promise<void>
}

export type SupervisorDeps = Omit<ConnectionDeps, 'settings' | 'signal'> &
  RouterDeps & {
    /** How many connections to keep. */
    connections: number
    connection: ConnectionDeps['settings']
    settings: SupervisorSettings
    nowMs: () => number
    /** Told when a connection serves again after a time with none; what was pushed in it may be lost. */
    onRecovered?: ((gap: { goneMs: number }) => void) | undefined
  }

/** A few commits' worth. */
const EVENTS_UNDER_WAY = 600

/** Keeps the app's connections alive until stopped, and never gives up. */
export function superviseStream(deps: SupervisorDeps): StreamSupervisor {
  const { log, settings } = deps
  const stopping = new AbortController()
  const frames = new InFlight((error) => log.error({ err: error }, 'frame-broken'))
  const counters: Counters = { malformed: 0, unknown: 0, overdue: 0 }
  const total = { pushes: 0, pings: 0 }
  const slots: Slot[] = []
  const flow = new Flow(EVENTS_UNDER_WAY, (held) => {
    for (const slot of slots) slot.hold(held)
  })
  const watch = new StreamWatch(deps, slots)
  for (let index = 0; index < deps.connections; index++) {
    const othersOpen = (): boolean => slots.some((slot, other) => other !== index && slot.serving !== undefined)
    const slot = new Slot({
      log,
      backOff: new BackOff(settings),
      lingerMs: settings.lingerMs,
      goodbyeMs: settings.goodbyeMs,
      stopping: stopping.signal,
      open: (events) => openConnection({ ...deps, settings: deps.connection, signal: stopping.signal }, events),
      route: (raw, line) => frames.add(routeFrame(deps, counters, raw, { ...line, flow })),
      answered: () => frames.underWay(),
      othersOpen,
      total,
      onChange: (change) => !stopping.signal.aborted && watch.note(change),
    })
    slots.push(slot)
  }
  const stopDoubting = startDoubting({ log, settings, slots, total })
  // The others wait for how the first fares, so that a limit of one connection is met by the second and not by both.
  const running = Promise.all(
    slots.map(async (slot, index) => {
      if (index > 0) await Promise.race([watch.firstOutcome, sleep(settings.firstAloneMs, stopping.signal)])
      await slot.run()
    }),
  )

  return {
    state: () => watch.state(),
    async settled(signal) {
      if (signal.aborted) return
      let leave = (): void => {}
      const left = new Promise<void>((resolve) => {
        leave = resolve
        signal.addEventListener('abort', leave, { once: true })
      })
      await Promise.race([watch.settled, running, left])
      signal.removeEventListener('abort', leave)
    },
    async stop() {
      stopping.abort()
      stopDoubting()
      await running
      await Promise.all(slots.map((slot) => slot.close()))
      await frames.idle()
      watch.stop()
    },
  }
}
