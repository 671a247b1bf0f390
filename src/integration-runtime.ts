import { answerPress } from './actions/press.ts'
import type { ActionSettings, PerformDeps } from './actions/perform-click.ts'
import { drawNow } from './delivery/draw-now.ts'
import { reconcileDelivery, reconcileUpdate } from './delivery/reconcile.ts'
import { refreshGroup } from './delivery/refresh-group.ts'
import { createQuota } from './delivery/quota.ts'
import { sendNotice } from './delivery/send-notice.ts'
import type { DeliverySettings } from './delivery/settings.ts'
import type { WakeDueCards } from './delivery/wake.ts'
import type { ReconcileDeps } from './delivery/work.ts'
import { createDingTalkClient } from './dingtalk/client.ts'
import type { Integration } from './domain/integration.ts'
import { takeEvent } from './events/take-event.ts'
import { takeMessage } from './events/take-message.ts'
import type { InFlight } from './lifecycle.ts'
import type { SendHttp } from './outbound.ts'
import type { Producer } from './queue/producer.ts'
import { startPacer, type WorkerDeps } from './queue/workers.ts'
import { createRoom, type Room } from './room.ts'
import type { Handle } from './storage/schema.ts'
import type { ConnectionSettings } from './stream/connection.ts'
import type { Deadlines } from './stream/router.ts'
import { type StreamState, superviseStream, type SupervisorSettings } from './stream/supervisor.ts'

export type IntegrationDeps = Omit<PerformDeps, 'settings'> & {
  dingtalkApiUrl: string
  send: SendHttp
  producer: Producer
  inFlight: InFlight
  workers: WorkerDeps
  wakeDueCards: WakeDueCards
  settings: {
    action: ActionSettings
    delivery: DeliverySettings
    connection: ConnectionSettings
    supervisor: SupervisorSettings
    deadlines: Deadlines
  }
}

/** Everything that runs for one integration: its pacers and its Stream connection. */
export type IntegrationRuntime = {
  readonly revision: number
  readonly name: string
  /** Behind both doors. */
  readonly room: Room
  streamState(): StreamState
  streamOpened(signal: AbortSignal): Promise<void>
  /** Frames first, then the calls under way. */
  stop(): Promise<void>
}

export function startIntegration(deps: IntegrationDeps, integration: Integration): IntegrationRuntime {
  const log = deps.log.child({ integrationId: integration.id })
  const { settings } = deps
  const client = createDingTalkClient(integration, { apiUrl: deps.dingtalkApiUrl, send: deps.send, clock: deps.clock })
  const quota = createQuota(integration, { clock: deps.clock, log: log.child({ component: 'quota' }) })
  const shared = { db: deps.db, clock: deps.clock, client, integrationId: integration.id, quota }

  const reconcile: ReconcileDeps = {
    ...shared,
    log: log.child({ component: 'delivery' }),
    settings: settings.delivery,
    groupPerMinute: integration.groupPerMinute,
    owner: deps.owner,
    wakeDueCards: deps.wakeDueCards,
  }
  const refreshing = { ...shared, log: log.child({ component: 'groups' }), producer: deps.producer }
  const noticing = {
    ...shared,
    log: log.child({ component: 'delivery' }),
    wake: (delayMs: number) => deps.producer.tick(integration.id, 'message', delayMs),
  }
  const pace = { integrationId: integration.id, qps: integration.qps }
  const pacers = [
    startPacer(deps.workers, { ...pace, api: 'create' }, (turn) => reconcileDelivery(reconcile, turn)),
    startPacer(deps.workers, { ...pace, api: 'update' }, (turn) => reconcileUpdate(reconcile, turn)),
    startPacer(deps.workers, { ...pace, api: 'group' }, (turn) => refreshGroup(refreshing, turn)),
    startPacer(deps.workers, { ...pace, api: 'message' }, (turn) => sendNotice(noticing, turn)),
  ]

  const eventDeps = {
    db: deps.db,
    clock: deps.clock,
    log: log.child({ component: 'events' }),
    producer: deps.producer,
    integration,
    countPush: (trx: Handle, topic: string) => quota.countPush(trx, topic),
  }
  const pressDeps = {
    ...deps,
    log: log.child({ component: 'actions' }),
    settings: settings.action,
    integration,
    countPush: (trx: Handle, topic: string) => quota.countPush(trx, topic),
    drawNow: drawNow.bind(undefined, deps.db),
  }
  const room = createRoom(
    {
      takeEvent: (event) => takeEvent(eventDeps, event),
      answerPress: (press) => answerPress(pressDeps, press),
      takeMessage: (message) => takeMessage(eventDeps, message),
    },
    log.child({ component: 'room' }),
  )
  const stream = superviseStream({
    app: integration,
    apiUrl: deps.dingtalkApiUrl,
    send: deps.send,
    log: log.child({ component: 'stream' }),
    connection: settings.connection,
    settings: settings.supervisor,
    deadlines: settings.deadlines,
    nowMs: () => deps.clock.nowMs(),
    room,
  })

  return {
    revision: integration.revision,
    name: integration.name,
    room,
    streamState: () => stream.state(),
    streamOpened: (signal) => stream.opened(signal),
    async stop() {
      await stream.stop()
      await Promise.all(pacers.map((pacer) => pacer.close()))
    },
  }
}
