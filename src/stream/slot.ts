import { AppError } from '../errors.ts'
import { sleep } from '../lifecycle.ts'
import type { Log } from '../log.ts'
import type { BackOff, Ending } from './back-off.ts'
import type { Connection, ConnectionEnd, ConnectionEvents } from './connection.ts'
import type { Line } from './router.ts'

/** One connection from its first sign of life to its close; what it reports never touches another. */
export type Link = {
  connection: Connection
  /** `dismissed` by the gateway, `doubted` by us: it only carries replies any more. */
  phase: 'serving' | 'dismissed' | 'doubted' | 'closed'
  openedAt: number
  pushes: number
  pings: number
  /** Frames of any kind. */
  frames: number
  /** When its last frame came, on the monotonic clock, and what all connections together had heard by then. */
  frameAt: number
  totalThen: Total
}

/** What all connections together have heard; what a link adds to it, it has heard itself. */
export type Total = { pushes: number; pings: number }

/** `heardAt`: of the last sign of life, on the monotonic clock. */
export type Change = { opened: true } | { lost: { heardAt: number } } | { refused: Trouble }

export type Trouble = { reason: string; detail: string | undefined }

export type SlotDeps = {
  log: Log
  backOff: BackOff
  lingerMs: number
  goodbyeMs: number
  stopping: AbortSignal
  open: (events: ConnectionEvents) => Promise<Connection>
  /** Takes a frame in; it is answered in its own time. */
  route: (raw: string, line: Omit<Line, 'flow'>) => void
  /** Resolves when the frames that are under way now have been answered, whatever comes meanwhile. */
  answered: () => Promise<void>
  /** Whether another slot has a connection that serves. */
  othersOpen: () => boolean
  total: Total
  onChange: (change: Change) => void
}

/** More would let a flood of frames hold up a stop. */
const LAST_ROUNDS = 2

/** One place for a connection: opens it, serves, opens the next. Never gives up until it is stopped. */
export class Slot {
  readonly #deps: SlotDeps
  /** The newest one and those that are still leaving. */
  readonly #links = new Map<Link, { closed: Promise<void>; cut?: NodeJS.Timeout }>()
  #serving: Link | undefined
  #endServing: (() => void) | undefined
  #waking = new AbortController()
  #refusedAsExtra = false
  /** When the pause before the next attempt is over, on the monotonic clock. */
  retryAt = 0

  constructor(deps: SlotDeps) {
    this.#deps = deps
  }

  get serving(): Link | undefined {
    return this.#serving?.phase === 'serving' ? this.#serving : undefined
  }

  async run(): Promise<void> {
    const { stopping, backOff, log } = this.#deps
    while (!stopping.aborted) {
      let ending: Ending
      try {
        ending = await this.#serveOne()
      } catch (error) {
        ending = this.#refused(error)
      }
      const pauseMs = backOff.after(ending)
      if (stopping.aborted) return
      if (pauseMs > 0) log.debug({ pauseMs, ...ending }, 'stream-pause')
      this.retryAt = performance.now() + pauseMs
      if (pauseMs > 0) await sleep(pauseMs, AbortSignal.any([stopping, this.#waking.signal]))
    }
  }

  /** A pause made longer because another connection served is over when none does. */
  hurry(): void {
    if (!this.#refusedAsExtra) return
    this.#refusedAsExtra = false
    this.#waking.abort()
    this.#waking = new AbortController()
  }

  hold(held: boolean): void {
    for (const [link] of this.#links) link.connection.hold(held)
  }

  /** Opens the next one before this one is closed, for a reason of our own. */
  replace(): void {
    const link = this.serving
    if (!link) return
    link.phase = 'doubted'
    this.#endServing?.()
  }

  /**
   * Takes leave of every connection: what was pushed until then is answered, then goodbye is said, and those that do not
   * answer it are cut. What still comes in between is taken in like anything else.
   */
  async close(): Promise<void> {
    const closing = [...this.#links].map(async ([link, { closed }]) => {
      await this.#answerAll(link)
      link.connection.close()
      const impatient = setTimeout(() => link.connection.terminate(), this.#deps.goodbyeMs)
      await closed
      clearTimeout(impatient)
    })
    await Promise.all(closing)
  }

  /** Until nothing new has come between asking for a sign and getting it, but never for long. */
  async #answerAll(link: Link): Promise<void> {
    for (let round = 0; round < LAST_ROUNDS; round++) {
      await this.#deps.answered()
      const before = link.frames
      const isThere = await link.connection.askForSign(this.#deps.goodbyeMs)
      if (!isThere || link.frames === before) break
    }
    await this.#deps.answered()
  }

  /** Resolves when the connection is over, or has to be replaced. */
  async #serveOne(): Promise<Ending> {
    const { log, stopping, total } = this.#deps
    let endServing: () => void = () => {}
    const over = new Promise<void>((resolve) => (endServing = resolve))
    let noteClosed: () => void = () => {}
    const closed = new Promise<void>((resolve) => (noteClosed = resolve))
    // Frames may come before the opening has been told of.
    const link = { phase: 'serving', pushes: 0, pings: 0, frames: 0, openedAt: 0 } as Link
    const count = (what: keyof Total) => (): void => {
      link[what] += 1
      total[what] += 1
    }
    const noteFrame = (): void => void Object.assign(link, { frameAt: performance.now(), totalThen: { ...total } })
    noteFrame()
    let end: ConnectionEnd | undefined
    link.connection = await this.#deps.open({
      onFrame: (raw, reply, waitedMs) => {
        link.frames += 1
        this.#deps.route(raw, {
          reply,
          waitedMs,
          onPing: count('pings'),
          onPush: count('pushes'),
          onDisconnect: (reason) => {
            if (link.phase !== 'serving') return
            log.info({ reason }, 'stream-replace')
            link.phase = 'dismissed'
            endServing()
          },
        })
        noteFrame()
      },
      onClose: (how) => {
        end = how
        log.info({ code: how.code, silent: how.silent }, 'stream-closed')
        clearTimeout(this.#links.get(link)?.cut)
        this.#links.delete(link)
        if (link.phase === 'serving') link.phase = 'closed'
        noteClosed()
        endServing()
      },
    })
    link.openedAt = performance.now()
    if (!end) this.#links.set(link, { closed })
    if (stopping.aborted) return { how: 'lost', livedMs: 0 }
    this.#dismissOlder(link)
    this.#refusedAsExtra = false
    this.#serving = link
    this.#endServing = endServing
    this.#deps.onChange({ opened: true })
    stopping.addEventListener('abort', endServing, { once: true })
    await over
    stopping.removeEventListener('abort', endServing)
    const livedMs = performance.now() - link.openedAt
    this.#deps.onChange({ lost: { heardAt: end?.heardAt ?? performance.now() } })
    if (link.phase === 'closed' || link.phase === 'serving') return { how: 'lost', livedMs }
    // One that we doubt stays for as long as there is no other.
    if (link.phase === 'dismissed') this.#cutLater(link)
    return { how: 'replaced', livedMs, served: link.pushes > 0 }
  }

  /** Whatever still leaves has its successor now, and is given time for replies alone. */
  #dismissOlder(newest: Link): void {
    for (const [link] of this.#links) if (link !== newest) this.#cutLater(link)
  }

  #cutLater(link: Link): void {
    const known = this.#links.get(link)
    if (known && !known.cut) known.cut = setTimeout(() => link.connection.terminate(), this.#deps.lingerMs)
  }

  #refused(error: unknown): Ending {
    const { log, othersOpen, onChange } = this.#deps
    const expected = error instanceof AppError ? error : undefined
    if (!expected) log.error({ err: error }, 'stream-broken')
    const trouble = { reason: expected?.failure.code ?? 'UNKNOWN', detail: expected?.detail }
    const extra = othersOpen()
    // One line, however often it is refused: the other connection does the work.
    if (extra && !this.#refusedAsExtra) log.info(trouble, 'stream-fewer')
    else log.debug(trouble, 'stream-refused')
    this.#refusedAsExtra = extra
    onChange({ refused: trouble })
    return { how: 'refused', why: whyRefused(expected), othersOpen: extra }
  }
}

function whyRefused(error: AppError | undefined): Extract<Ending, { how: 'refused' }>['why'] {
  if (error?.failure.kind !== 'blocked') return 'other'
  return error.failure.code === 'APP_CREDENTIAL_INVALID' ? 'credentials' : 'console'
}
