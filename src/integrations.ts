import type { Integration } from './domain/integration.ts'
import type { IntegrationRuntime } from './integration-runtime.ts'
import { within } from './lifecycle.ts'
import type { Log } from './log.ts'
import type { Room } from './room.ts'
import type { Db } from './storage/db.ts'
import { findIntegration, listRevisions } from './storage/integrations.ts'
import type { SecretBox } from './storage/secret-box.ts'

export type IntegrationsDeps = {
  db: Db
  box: SecretBox
  log: Log
  /** @param former the one that runs and will be stopped when this one has taken its place */
  start: (integration: Integration, former: IntegrationRuntime | undefined) => IntegrationRuntime
}

/** The integrations that run in this process. */
export type Integrations = {
  readonly runtimes: ReadonlyMap<string, IntegrationRuntime>
  /** Where what comes over HTTP goes. Kept while an integration stops: taking it in needs nothing that is stopped. */
  roomOf(id: string): Room | undefined
  /**
   * Starts what was added or switched on, replaces what was changed, stops what was removed or switched off.
   * @param signal waits for no connection any more
   * @returns whether anything started
   */
  follow(signal: AbortSignal): Promise<boolean>
  stop(): Promise<void>
}

/** How long a changed integration may take to connect before its former connections are closed all the same. */
const HAND_OVER_MS = 5_000

export function createIntegrations({ db, box, log, start }: IntegrationsDeps): Integrations {
  const runtimes = new Map<string, IntegrationRuntime>()
  const rooms = new Map<string, Room>()
  const corporations = new Map<string, string>()

  const begin = async (integration: Integration, signal: AbortSignal): Promise<void> => {
    const { id, name, corpId } = integration
    const former = runtimes.get(id)
    const runtime = start(integration, former)
    rooms.set(id, runtime.doors.http)
    if (former && runtime.stream !== former.stream) {
      // What DingTalk pushes while nobody is connected is lost.
      await within(HAND_OVER_MS, runtime.streamSettled(signal))
    }
    runtimes.set(id, runtime)
    await former?.stop()
    log.info({ integrationId: id, name }, former ? 'integration-changed' : 'integration-started')
    const was = corporations.get(id)
    corporations.set(id, corpId)
    // Its people are no longer linked, and somebody will ask why.
    if (was !== undefined && was !== corpId) log.warn({ integrationId: id, corpId, was }, 'corporation-changed')
  }

  const end = async (id: string, runtime: IntegrationRuntime): Promise<void> => {
    await runtime.stop()
    log.info({ integrationId: id }, 'integration-stopped')
  }

  return {
    runtimes,
    roomOf: (id) => rooms.get(id),
    async follow(signal) {
      const wanted = await listRevisions(db.read)
      const changed = [...wanted].filter(([id, revision]) => runtimes.get(id)?.revision !== revision)
      const read = await Promise.all(changed.map(([id]) => findIntegration(db.read, box, id)))
      const starting = read.flatMap((integration) => (integration?.enabled ? [integration] : []))
      const ended = [...runtimes].filter(([id]) => !wanted.has(id))
      for (const [id] of ended) runtimes.delete(id)
      const outcomes = await Promise.allSettled([
        ...starting.map((integration) => begin(integration, signal)),
        ...ended.map(([id, runtime]) => end(id, runtime)),
      ])
      const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []))
      if (failures.length > 0) throw new AggregateError(failures, 'an integration did not start or stop cleanly')
      return starting.length > 0
    },
    async stop() {
      await Promise.all([...runtimes.values()].map((runtime) => runtime.stop()))
    },
  }
}
