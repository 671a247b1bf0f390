import type { Clock } from './clock.ts'
import type { Standing } from './delivery/standing.ts'
import { describeEventMode } from './domain/event-mode.ts'
import type { Integration } from './domain/integration.ts'
import type { IntegrationStatus } from './http/integration-page.tsx'
import type { Check } from './http/readiness.ts'
import type { IntegrationRuntime } from './integration-runtime.ts'
import type { Reading } from './metrics.ts'
import type { Producer } from './queue/producer.ts'
import type { RedisClaim } from './queue/redis.ts'
import type { Db } from './storage/db.ts'
import { countDueCards } from './storage/due-cards.ts'
import { countDueResults } from './storage/results.ts'
import type { StreamState } from './stream/stream-watch.ts'

/** How the daemon is doing, for all who ask: `/readyz`, `/metrics` and the addresses of the callbacks. */
export type Status = {
  /** What has to work before it can take anything in. */
  checks: () => Check[]
  /** What an operator should know though it works. */
  notes: () => Promise<string[]>
  read: () => Promise<Reading>
  describe: (integration: Integration) => Promise<IntegrationStatus>
}

type StatusDeps = {
  db: Db
  clock: Clock
  producer: Pick<Producer, 'ping'>
  claim: Pick<RedisClaim, 'isOurs'>
  deliverWorker: { isRunning(): boolean }
  standing: Standing
  /** Those that run in this process, by id. */
  runtimes: ReadonlyMap<string, IntegrationRuntime>
}

export function createStatus({ db, clock, producer, claim, deliverWorker, standing, runtimes }: StatusDeps): Status {
  return {
    checks: () => [
      {
        part: 'database',
        why: async () => {
          const code = db.trouble()
          if (code !== undefined) return `takes nothing in (${code}): the disk is full or refuses to be written`
          return unlessWorks(db.read.selectFrom('installation').select('id').execute())
        },
      },
      {
        part: 'redis',
        why: async () => {
          if (!(await producer.ping())) return 'does not answer'
          return (await claim.isOurs().catch(() => true)) ? undefined : 'belongs to another database'
        },
      },
      { part: 'deliver worker', why: async () => (deliverWorker.isRunning() ? undefined : 'is not running') },
      ...(runtimes.size === 0
        ? [
            {
              part: 'integration',
              why: async () => 'none is switched on: see `integration list`, or make one with `integration add`',
            },
          ]
        : []),
      ...[...runtimes.values()].flatMap((runtime) => {
        const state = runtime.streamState()
        return state ? [{ part: `stream of ${runtime.name}`, why: async () => describeTrouble(state) }] : []
      }),
    ],

    async notes() {
      const ofDoors = await Promise.all([...runtimes.values()].map(({ doors }) => doors.notes()))
      const all = [...runtimes.values()]
      const ofPresses = all.flatMap((runtime) => runtime.pressNotes())
      return [...(await standing.readNotes()), ...all.flatMap(describeShortage), ...ofPresses, ...ofDoors.flat()]
    },

    async read() {
      const due = await countDueCards(db.read, clock.nowMs())
      return {
        streams: [...runtimes].flatMap(([id, runtime]) => {
          const state = runtime.streamState()
          return state ? [{ integration: id, ...describeStream(state) }] : []
        }),
        modes: [...runtimes].map(([id, { doors }]) => ({ integration: id, ...doors.modes })),
        pushes: await Promise.all(
          [...runtimes].map(async ([id, { doors }]) => ({ integration: id, lastHeard: await doors.lastHeard() })),
        ),
        usage: await standing.readUsage(),
        due: due.map(({ integrationId, ...waiting }) => ({ integration: integrationId, ...waiting })),
        results: await countDueResults(db.read),
      }
    },

    async describe({ id, name, enabled, eventMode, streamOn }) {
      const runtime = runtimes.get(id)
      const heard = await runtime?.doors.lastHeard()
      return {
        name,
        enabled,
        events: describeEventMode(eventMode, heard?.get(`${eventMode}-event`)),
        stream: streamInWords(streamOn, runtime?.streamState()),
      }
    },
  }
}

async function unlessWorks(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : 'does not answer'
  }
}

function describeTrouble(state: StreamState): string | undefined {
  if (state.state === 'open') return undefined
  if (state.state === 'waiting') return `not connected: ${state.reason}${state.detail ? ` (${state.detail})` : ''}`
  return state.state
}

/** Fewer connections than wanted do the work too; but then nothing stands in for the last one. */
function describeShortage(runtime: IntegrationRuntime): string[] {
  const stream = runtime.streamState()
  if (stream?.state !== 'open' || stream.open === stream.wanted) return []
  return [`stream of ${runtime.name}: ${stream.open} of ${stream.wanted} connections are open`]
}

function describeStream(state: StreamState): { open: number; wanted: number; lastGapMs: number | undefined } {
  return { open: state.open, wanted: state.wanted, lastGapMs: state.state === 'open' ? state.lastGapMs : undefined }
}

function streamInWords(streamOn: boolean, stream: StreamState | undefined): string {
  if (!stream) return streamOn ? '未启动' : '未使用（HTTP 模式）'
  const words = {
    connecting: '连接中',
    open: '已连接',
    waiting: `未连接${stream.state === 'waiting' ? `（${stream.reason}）` : ''}`,
    stopped: '已停止',
  }
  return words[stream.state]
}
