import { type CardRouteSettings, keepCardRoute } from './delivery/card-route.ts'
import type { Quota } from './delivery/quota.ts'
import { reissueCards } from './delivery/reissue.ts'
import type { WakeDueCards } from './delivery/wake.ts'
import type { Clock } from './clock.ts'
import type { DingTalkClient } from './dingtalk/client.ts'
import { fetchFailedEvents, readFailedEvent } from './dingtalk/failed-events.ts'
import type { OapiClient } from './dingtalk/oapi-client.ts'
import { cardCallbackOf, type EventMode, type Integration } from './domain/integration.ts'
import { createLastHeard } from './events/last-heard.ts'
import { createRecovery, type RecoverySettings } from './events/recover-failed.ts'
import { InFlight } from './lifecycle.ts'
import type { Log } from './log.ts'
import { type Room, throughDoor } from './room.ts'
import type { Db } from './storage/db.ts'
import type { Door } from './storage/doors.ts'
import type { SecretBox } from './storage/secret-box.ts'

export type DoorSettings = { cardRoute: CardRouteSettings; recovery: RecoverySettings }

export type DoorDeps = {
  db: Db
  box: SecretBox
  clock: Clock
  log: Log
  oapi: OapiClient
  publicUrl: string | undefined
  client: DingTalkClient
  quota: Quota
  room: Room
  spacingMs: number
  wakeDueCards: WakeDueCards
  settings: DoorSettings
  /** Told after a time in which this process stood still, as its host may. */
  onPause: (pause: { goneMs: number }) => void
}

/** What one integration needs beside the Stream so that events and presses find their way in, whatever its modes. */
export type Doors = {
  stream: Room
  http: Room
  readonly modes: { events: EventMode; cards: 'STREAM' | 'HTTP' }
  lastHeard(): Promise<Map<Door, number>>
  /** For the operator: how the HTTP side is doing, where there is one. */
  notes(): Promise<string[]>
  /** Pushes over HTTP may have failed for good meanwhile. */
  gap(why: 'store' | 'refusal'): void
  /** Every second or so. */
  tend(): void
  /** Every minute or so. Never throws. */
  sweep(): Promise<void>
  stop(): Promise<void>
}

/** A pause of this process in which pushes were not answered. */
const PAUSE_MS = 20_000
/** One attempt to take in a fetched event; nobody waits for its answer. */
const TAKE_MS = 5_000

export function openDoors(deps: DoorDeps, integration: Integration): Doors {
  const { db, clock, log } = deps
  const heard = createLastHeard({ db, clock, integrationId: integration.id })
  const route = integration.streamOn
    ? undefined
    : keepCardRoute({ ...deps, integration, settings: deps.settings.cardRoute })
  const recovery = createRecovery({
    db,
    clock,
    log,
    integrationId: integration.id,
    corpId: integration.corpId,
    settings: deps.settings.recovery,
    async fetchPage() {
      await db.write((trx) => deps.quota.countCall(trx, 'get_call_back_failed_result'))
      return fetchFailedEvents(deps.oapi)
    },
    readEvent: readFailedEvent,
    takeEvent: (event) => deps.room.takeEvent(event, { ms: TAKE_MS, waitedMs: 0 }),
  })
  const byHttp = integration.eventMode === 'http'
  if (byHttp) recovery.gap('absence')
  const running = new InFlight((error) => log.error({ err: error }, 'doors-failed'))
  let tending = false
  let tendedAt = clock.nowMs()

  const sweep = async (): Promise<void> => {
    try {
      await heard.flush()
      await reissueCards(deps, integration.id)
    } catch (error) {
      log.warn({ err: error }, 'doors-unswept')
    }
  }
  running.add(sweep())

  return {
    stream: throughDoor(deps.room, 'stream', (what) => heard.note(`stream-${what}`)),
    http: throughDoor(deps.room, 'http', (what) => heard.note(`http-${what}`)),
    modes: { events: integration.eventMode, cards: cardCallbackOf(integration) },
    lastHeard: () => heard.read(),
    async notes() {
      const problem = route?.problem()
      const times = await heard.read()
      const byMode = times.get(`${integration.eventMode}-event`)
      const last = byMode === undefined ? 'no push yet' : `last push at ${new Date(byMode).toISOString()}`
      const other = byHttp ? 'stream' : 'http'
      // The console is set otherwise, or is just being changed.
      const strays = (times.get(`${other}-event`) ?? 0) > (byMode ?? 0)
      return [
        ...(byHttp ? [`${integration.name}: events by HTTP: ${last}`] : []),
        ...(strays ? [`${integration.name}: the last event came by ${other}, though --events says otherwise`] : []),
        ...(problem === undefined
          ? []
          : [`${integration.name}: the address for presses is not registered: ${problem}`]),
      ]
    },
    gap(why) {
      if (byHttp) recovery.gap(why === 'store' ? 'absence' : why)
    },
    tend() {
      const nowMs = clock.nowMs()
      const goneMs = nowMs - tendedAt
      if (goneMs > PAUSE_MS) {
        if (byHttp) recovery.gap('absence')
        deps.onPause({ goneMs })
      }
      tendedAt = nowMs
      if (tending) return
      tending = true
      running.add(recovery.tend().finally(() => (tending = false)))
    },
    sweep,
    async stop() {
      await route?.stop()
      await running.idle()
      await heard.flush().catch(() => {})
    },
  }
}
