import type { Log } from '../log.ts'
import type { Change, Slot, Trouble } from './slot.ts'

/** `sinceMs`: since when it is so, epoch ms. */
export type StreamState = { open: number; wanted: number } & (
  | { state: 'connecting'; sinceMs: number }
  /** At least one connection serves. `lastGapMs`: how long none did, the last time. */
  | { state: 'open'; sinceMs: number; lastGapMs: number | undefined }
  /** None serves, for a reason; it is tried again all the same. */
  | { state: 'waiting'; sinceMs: number; reason: string; detail: string | undefined; retryInMs: number }
  | { state: 'stopped' }
)

type WatchDeps = {
  log: Log
  connections: number
  nowMs: () => number
  onRecovered?: ((gap: { goneMs: number }) => void) | undefined
}

/** What is to be told of all slots together: to the log when it changes, to others when they ask. */
export class StreamWatch {
  readonly #deps: WatchDeps
  readonly #slots: Slot[]
  /** Of the first connection that served or was refused for the app's credentials. */
  readonly settled: Promise<void>
  /** Of the very first attempt. */
  readonly firstOutcome: Promise<void>
  #noteSettled: () => void = () => {}
  #noteOutcome: () => void = () => {}
  #state: 'connecting' | 'open' | 'waiting' | 'stopped' = 'connecting'
  #sinceMs: number
  #trouble: Trouble | undefined
  #told: Trouble | undefined
  /** Since when no connection serves, on the monotonic clock; undefined before the first did. */
  #goneAt: number | undefined
  #lastGapMs: number | undefined

  constructor(deps: WatchDeps, slots: Slot[]) {
    this.#deps = deps
    this.#slots = slots
    this.#sinceMs = deps.nowMs()
    this.settled = new Promise((resolve) => (this.#noteSettled = resolve))
    this.firstOutcome = new Promise((resolve) => (this.#noteOutcome = resolve))
    this.#tell()
  }

  note(change: Change): void {
    this.#noteOutcome()
    const open = this.#open()
    if ('opened' in change) {
      this.#deps.log.debug({ open, wanted: this.#deps.connections }, 'stream-opened')
      if (open > 0) this.#served()
    } else if (open === 0) {
      if ('lost' in change) {
        if (this.#state !== 'open') return
        this.#goneAt = change.lost.heardAt
        for (const slot of this.#slots) slot.hurry()
        this.#become('connecting')
      } else {
        this.#trouble = change.refused
        if (change.refused.reason === 'APP_CREDENTIAL_INVALID') this.#noteSettled()
        // The pause is decided right after this.
        setImmediate(() => this.#wait())
      }
    }
  }

  stop(): void {
    this.#become('stopped')
  }

  state(): StreamState {
    const counts = { open: this.#open(), wanted: this.#deps.connections }
    if (this.#state === 'stopped') return { ...counts, open: 0, state: 'stopped' }
    const since = { ...counts, sinceMs: this.#sinceMs }
    if (this.#state === 'open') return { ...since, state: 'open', lastGapMs: this.#lastGapMs }
    if (this.#state === 'connecting' || !this.#trouble) return { ...since, state: 'connecting' }
    // 0 while every slot is trying.
    const pauses = this.#slots.map((slot) => slot.retryAt - performance.now()).filter((ms) => ms > 0)
    const retryInMs = pauses.length === 0 ? 0 : Math.ceil(Math.min(...pauses))
    return { ...since, state: 'waiting', ...this.#trouble, retryInMs }
  }

  #served(): void {
    this.#trouble = undefined
    this.#noteSettled()
    if (this.#state === 'open') return
    const gone = this.#goneAt
    this.#goneAt = undefined
    if (gone !== undefined) this.#lastGapMs = Math.round(performance.now() - gone)
    this.#become('open')
    if (gone !== undefined) this.#deps.onRecovered?.({ goneMs: this.#lastGapMs ?? 0 })
  }

  /** Each reason is told once in a row. */
  #wait(): void {
    if (this.#state === 'open' || !this.#trouble) return
    const { reason, detail } = this.#trouble
    if (this.#state === 'waiting' && this.#told?.reason === reason && this.#told.detail === detail) return
    this.#told = this.#trouble
    this.#become('waiting')
  }

  #become(state: 'connecting' | 'open' | 'waiting' | 'stopped'): void {
    if (this.#state === 'stopped') return
    if (this.#state !== state && (state === 'open' || this.#state === 'open')) this.#sinceMs = this.#deps.nowMs()
    this.#state = state
    this.#tell()
  }

  #tell(): void {
    const state = this.state()
    this.#deps.log[state.state === 'waiting' ? 'warn' : 'info']({ ...state }, 'stream-state')
  }

  #open(): number {
    return this.#slots.filter((slot) => slot.serving !== undefined).length
  }
}
