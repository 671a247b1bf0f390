import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import Database from 'better-sqlite3'
import { Redis } from 'ioredis'

import { makeToken } from '../support/bridge.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { install } from '../support/journey.ts'
import { CONDITION_MS } from '../support/patience.ts'
import { createWorld, type World } from '../support/world.ts'
import { type Arm, type Point, POINTS } from './points.ts'
import {
  type Books,
  judge,
  listUnsettled,
  readLeases,
  passPauses,
  readUnknown,
  type Unknown,
  type Verdict,
} from './verdict.ts'
import { createDice, type Doings, noDoings, play, postAgain, prepare, type Stage } from './workload.ts'

const CHILD = fileURLToPath(new URL('./child.mjs', import.meta.url))
const LOOK_MS = 100
/** How often the work is done over until the step has come. */
const MAX_WAVES = 5
const CALM_LOOKS = 5

export type Run = Verdict & {
  point: string
  seed: number
  /** Whether the daemon died where it had to. */
  reached: boolean
  tookMs: number
}

/**
 * Plays each point `runs` times, in several worlds at once. The daemon that is started after one death dies in the next
 * run of its world.
 */
export async function runMatrix(
  points: Point[],
  { runs, seed, worlds }: { runs: number; seed: number; worlds: number },
  onRun: (run: Run) => void = () => {},
): Promise<Run[]> {
  const waiting = points.flatMap((point) => Array.from({ length: runs }, (_, index) => ({ point, seed: seed + index })))
  const done: Run[] = []
  const lanes = Array.from({ length: Math.min(worlds, waiting.length) }, async () => {
    const lane = await openLane()
    try {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const run = await lane.run(next.point, next.seed)
        done.push(run)
        onRun(run)
      }
    } finally {
      await lane.close()
    }
  })
  // One that breaks down leaves no processes of the others behind.
  await Promise.allSettled(lanes)
  await Promise.all(lanes)
  return done
}

async function openLane() {
  const world = await createWorld({
    dingtalk: { redeliveryDelaysMs: Array.from({ length: 60 }, () => 1_000), systemPingMs: 0 },
  })
  const redis = new Redis(world.redis.url)
  const { token } = await makeToken(world)
  let daemon = await start(world)
  const stage: Stage = {
    world,
    url: () => String(daemon.lines.find(({ msg }) => msg === 'ready')?.['url']),
    headers: { 'x-flashduty-token': token },
  }
  await install(world, Object.values(world.groups))
  const books: Books = { world, redis, db: new Database(world.config.databasePath, { readonly: true }) }
  let count = 0

  return {
    async run(point: Point, seed: number): Promise<Run> {
      const startedAt = performance.now()
      count += 1
      const name = `${count} ${point.name}`
      const dice = createDice(seed * 1_000 + POINTS.indexOf(point))
      const { dead, waves } = await playUntilDeath(stage, books, daemon, point, name, dice)
      await daemon.end('SIGKILL')
      // What it had sent has been read by then.
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
      const late = sleep(point.lateMs ?? 0)
      world.dingtalk.control.clearFaults()
      world.flashduty.control.clearFaults()
      const unknown = readUnknown(world)
      const passLeases = readLeases(world)
      passPauses(world)
      daemon = await start(world)
      await late
      passLeases()
      const dropped: string[] = []
      for (const doings of waves) {
        for (const event of doings.unanswered.splice(0)) await postAgain(stage, doings, event)
        for (const eventId of doings.told) {
          const outcome = await world.dingtalk.control.eventSettled(eventId, CONDITION_MS).catch(() => 'never settled')
          if (outcome !== 'success') dropped.push(`DingTalk's event ${eventId} was ${outcome}`)
        }
      }
      const { left, verdicts } = await quiet(books, waves, unknown)
      const sum = add(verdicts, unknown)
      sum.stuck.push(...left)
      sum.lost.push(...dropped)
      for (const line of daemon.lines) {
        const wrong = line.level === 'error' || line.level === 'fatal'
        // Somebody else was faster than the press, which its record says.
        if (wrong && line.msg !== 'click-failed') sum.stuck.push(`the log says ${line.msg}`)
      }
      return { point: point.name, seed, reached: dead, ...sum, tookMs: Math.round(performance.now() - startedAt) }
    },
    async close(): Promise<void> {
      await daemon.end('SIGKILL')
      redis.disconnect()
      books.db.close()
      await world.close()
    },
  }
}

function start(world: World): Promise<Daemon> {
  return startDaemon(world.env, [CHILD])
}

async function playUntilDeath(
  stage: Stage,
  books: Books,
  daemon: Daemon,
  point: Point,
  name: string,
  dice: () => number,
) {
  const nth = 1 + Math.floor(dice() * point.most)
  const waves: Doings[] = []
  const state = { dead: false }
  const gone = daemon.gone.then(() => void (state.dead = true))
  for (let wave = 1; wave <= MAX_WAVES && !state.dead; wave++) {
    const run = `${name} ${wave}`
    const doings = noDoings()
    waves.push(doings)
    const prepared = prepare(stage, doings, run)
    if (wave === 1) {
      await prepared
      point.faults?.(stage.world)
      daemon.send({ step: point.step, nth } satisfies Arm)
    } else {
      // It may die of what has been under way since the first.
      prepared.catch(() => {})
      await Promise.race([gone, prepared])
      if (state.dead) break
    }
    await play(stage, doings, run, dice)
    await Promise.race([gone, nothingLeft(books, () => state.dead)])
  }
  return { dead: state.dead, waves }
}

/** The step will not come any more. */
async function nothingLeft(books: Books, isDead: () => boolean): Promise<void> {
  const startedAt = performance.now()
  let calm = 0
  while (!isDead() && calm < CALM_LOOKS && performance.now() - startedAt < CONDITION_MS) {
    await sleep(LOOK_MS)
    calm = (await listUnsettled(books)).length === 0 ? calm + 1 : 0
  }
}

/** Waits until nothing is left to be done and all is as it has to be; after the time, what there is then. */
async function quiet(
  books: Books,
  waves: Doings[],
  unknown: Unknown,
): Promise<{ left: string[]; verdicts: Verdict[] }> {
  const startedAt = performance.now()
  for (;;) {
    const late = performance.now() - startedAt > CONDITION_MS
    const left = await listUnsettled(books)
    if (left.length === 0 || late) {
      const verdicts = await Promise.all(waves.map((doings) => judge(books, doings, unknown)))
      if (late || verdicts.every((verdict) => wrongs(verdict).length === 0)) return { left, verdicts }
    }
    await sleep(LOOK_MS)
  }
}

export function wrongs({ lost, secondInstances, stuck, twice }: Verdict): string[] {
  return [...lost, ...secondInstances, ...stuck, ...twice]
}

function add(verdicts: Verdict[], unknown: Unknown): Verdict {
  return {
    lost: verdicts.flatMap(({ lost }) => lost),
    secondInstances: verdicts.flatMap(({ secondInstances }) => secondInstances),
    stuck: verdicts.flatMap(({ stuck }) => stuck),
    twice: verdicts.flatMap(({ twice }) => twice),
    repeats: verdicts.reduce((total, { repeats }) => total + repeats, 0),
    unknown: unknown.size,
  }
}
