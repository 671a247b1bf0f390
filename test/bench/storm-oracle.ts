/** One incident of the storm; times in milliseconds since its beginning. */
export type Planned = { bornMs: number; ackMs: number; closeMs: number; critical: boolean }

const ACKED = 1
const CLOSED = 2

export type Ideal = { creates: number; updates: number; tookMs: number }

/**
 * What a bridge would need that loses no time at all: at `perSecond` each, creates of what is still open (critical ones
 * first, then in order) and one update at a time of a card that shows an older state (longest waiting first).
 */
export function findIdeal(storm: Planned[], perSecond: number): Ideal {
  const waiting = storm.map((incident) => ({ ...incident, state: 0, shown: 0, created: false, queued: false }))
  type Live = (typeof waiting)[number]
  const changes = waiting
    .flatMap((live) => [
      { atMs: live.ackMs, live, state: ACKED },
      { atMs: live.closeMs, live, state: CLOSED },
    ])
    .sort((a, b) => a.atMs - b.atMs)
  const arriving = waiting.toSorted((a, b) => a.bornMs - b.bornMs)
  const urgent: Live[] = []
  const usual: Live[] = []
  const behind: Live[] = []
  const ideal: Ideal = { creates: 0, updates: 0, tookMs: 0 }
  let [born, changed, first, second, update] = [0, 0, 0, 0, 0]
  for (let atMs = 0; ; atMs += 1_000 / perSecond) {
    for (let live = arriving[born]; live && live.bornMs <= atMs; live = arriving[++born]) {
      ;(live.critical ? urgent : usual).push(live)
    }
    for (let change = changes[changed]; change && change.atMs <= atMs; change = changes[++changed]) {
      const { live, state } = change
      live.state = state
      if (live.created && !live.queued) behind.push(live)
      live.queued = live.created
    }
    while (urgent[first]?.state === CLOSED) first += 1
    while (usual[second]?.state === CLOSED) second += 1
    const create = urgent[first] ?? usual[second]
    if (create) {
      if (create.critical) first += 1
      else second += 1
      create.created = true
      create.shown = create.state
      ideal.creates += 1
      ideal.tookMs = atMs
    }
    const live = behind[update]
    if (live) {
      update += 1
      live.queued = false
      live.shown = live.state
      ideal.updates += 1
      ideal.tookMs = atMs
    }
    const allCreated = born >= arriving.length && first >= urgent.length && second >= usual.length
    if (allCreated && changed >= changes.length && update >= behind.length) return ideal
  }
}
