import { AppError } from '../errors.ts'
import { sleep } from '../lifecycle.ts'
import type { Log } from '../log.ts'
import type { BackOff, Ending } from './back-off.ts'
import type { Connection, ConnectionEnd, ConnectionEvents } from './connection.ts'
import type { Line } from './router.ts'

/** One connection from its first sign of life to its close; what it reports never touches another. */
export type Link = {
  connection: Connection
  /**
   * `suspect`: silent for a while; it may be dead, or come to life again. `dismissed` by the gateway, `doubted` by us: it only
   * carries replies any more.
   */
  phase: 'serving' | 'suspect' | 'dismissed' | 'doubted' | 'closed'
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
/** Each opens another one, which may become suspect in its turn; a line that loses all of them is not mended by more. */
const MAX_SUSPECTS = 4

/** One place for a connection: opens it, serves, opens the next. Never gives up until it is stopped. */
export class Slot {
  readonly #deps: SlotDeps
  /** Those that serve, the newest last, and those that are suspected or still leaving. */
  readonly #links = new Map<Link, { closed: Promise<void>; cut?: NodeJS.Timeout }>()
  #changed = Promise.resolve()
  #noteChange: () => void = () => {}
  /** How the last one that served ended; it decides the pause before the next. */
  #ending: Ending | undefined
  #waking = new AbortController()
  #refusedAsExtra = false
  /** When the pause before the next attempt is over, on the monotonic clock. */
  retryAt = 0

  constructor(deps: SlotDeps) {
    this.#deps = deps
  }

  get serving(): Link | undefined {
    return [...this.#links.keys()].findLast(({ phase }) => phase === 'serving')
  }

  get #suspects(): number {
    return [...this.#links.keys()].filter(({ phase }) => phase === 'suspect').length
  }

  async run(): Promise<void> {
    const { stopping, backOff, log, othersOpen } = this.#deps
    this.#expectChange()
    stopping.addEventListener('abort', () => this.#noteChange(), { once: true })
    while (!stopping.aborted) {
      if (this.serving !== undefined || this.#suspects >= MAX_SUSPECTS) {
        await this.#changed
        this.#expectChange()
        continue
      }
      const ending = this.#ending
      this.#ending = undefined
      const pauseMs = ending ? backOff.after(ending, !othersOpen()) : 0
      if (pauseMs > 0) log.debug({ pauseMs, ...ending }, 'stream-pause')
      this.retryAt = performance.now() + pauseMs
      if (pauseMs > 0) await this.#pause(ending)
      // One that was suspected may have come to life meanwhile.
      if (stopping.aborted || this.serving !== undefined) continue
      try {
        await this.#openOne()
      } catch (error) {
        this.#ending = this.#refused(error)
      }
    }
  }

  /** Until `retryAt`, which may be put forward. */
  async #pause(ending: Ending | undefined): Promise<void> {
    const { stopping, backOff, othersOpen } = this.#deps
    for (;;) {
      const leftMs = this.retryAt - performance.now()
      if (leftMs <= 0 || stopping.aborted || this.serving !== undefined) return
      await Promise.race([sleep(leftMs, AbortSignal.any([stopping, this.#waking.signal])), this.#changed])
      this.#expectChange()
      if (ending) this.retryAt = Math.min(this.retryAt, performance.now() + backOff.longest(ending, !othersOpen()))
    }
  }

  #expectChange(): void {
    this.#changed = new Promise((resolve) => (this.#noteChange = resolve))
  }

  /** A pause made longer because another connection served is over when none does; any other is cut to what it may be then. */
  hurry(): void {
    if (this.#refusedAsExtra) this.retryAt = 0
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
    if (link) this.#end(link, 'doubted', { how: 'replaced', livedMs: livedMs(link), served: link.pushes > 0 })
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

  /** Opens one connection, which serves from then on. */
  async #openOne(): Promise<void> {
    const { log, stopping, total } = this.#deps
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
    const replaced = (): Ending => ({ how: 'replaced', livedMs: livedMs(link), served: link.pushes > 0 })
    link.connection = await this.#deps.open({
      onFrame: (raw, reply, waitedMs) => {
        link.frames += 1
        this.#deps.route(raw, {
          reply,
          waitedMs,
          onPing: count('pings'),
          onPush: count('pushes'),
          onDisconnect: (reason) => {
            if (link.phase !== 'serving' && link.phase !== 'suspect') return
            log.info({ reason }, 'stream-replace')
            this.#end(link, 'dismissed', replaced())
          },
        })
        noteFrame()
      },
      onSuspect: (heardAt) => {
        if (link.phase !== 'serving') return
        log.info({ silentMs: Math.round(performance.now() - heardAt) }, 'stream-suspected')
        this.#end(link, 'suspect', replaced(), heardAt)
      },
      onRecovered: () => {
        if (link.phase !== 'suspect') return
        log.info({ standIns: this.#links.size - 1 }, 'stream-recovered')
        link.phase = 'serving'
        this.#noteChange()
        this.#deps.onChange({ opened: true })
      },
      onClose: (how) => {
        end = how
        log.info({ code: how.code, silent: how.silent }, 'stream-closed')
        clearTimeout(this.#links.get(link)?.cut)
        this.#links.delete(link)
        if (link.phase === 'serving') this.#end(link, 'closed', { how: 'lost', livedMs: livedMs(link) }, how.heardAt)
        this.#noteChange()
        noteClosed()
      },
    })
    link.openedAt = performance.now()
    if (end) {
      this.#ending = { how: 'lost', livedMs: 0 }
      return
    }
    this.#links.set(link, { closed })
    if (stopping.aborted) return
    this.#dismissOlder()
    this.#refusedAsExtra = false
    // It may have been taken leave of at once.
    if (link.phase === 'serving') this.#deps.onChange({ opened: true })
    else this.#cutLater(link)
  }

  /** It serves no more, or not surely. @param heardAt of its last sign of life */
  #end(link: Link, phase: Exclude<Link['phase'], 'serving'>, ending: Ending, heardAt = performance.now()): void {
    link.phase = phase
    this.#noteChange()
    if (this.#deps.stopping.aborted) return
    this.#ending = ending
    this.#deps.onChange({ lost: { heardAt } })
    // One that we doubt stays for as long as there is no other.
    if (phase === 'dismissed' || (phase === 'doubted' && this.serving)) this.#cutLater(link)
  }

  /** Whatever still leaves has its successor now, and is given time for replies alone. */
  #dismissOlder(): void {
    for (const [link] of this.#links) if (link.phase === 'dismissed' || link.phase === 'doubted') this.#cutLater(link)
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

function livedMs(link: Link): number {
  return link.openedAt === 0 ? 0 : performance.now() - link.openedAt
}

function whyRefused(error: AppError | undefined): Extract<Ending, { how: 'refused' }>['why'] {
  if (error?.failure.kind !== 'blocked') return 'other'
  const { code } = error.failure
  return code === 'APP_CREDENTIAL_INVALID' ? 'credentials' : code === 'IM_RATE_LIMITED' ? 'banned' : 'console'
}
