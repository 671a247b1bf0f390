import { actFromPage, type PageAct, type PageAnswer } from './actions/act-from-page.ts'
import { OpenPresses } from './actions/open-presses.ts'
import { answerPress } from './actions/press.ts'
import { watchPresses } from './actions/press-watch.ts'
import type { ActionSettings, PerformDeps } from './actions/deps.ts'
import { drawNow } from './delivery/draw-now.ts'
import { isNameOfCard } from './delivery/names.ts'
import { drawCard } from './delivery/render/draw.ts'
import { createKeepTrue, type KeepTrue, type KeepTrueSettings } from './delivery/truth/keep-true.ts'
import { createReadMembers } from './delivery/truth/read-members.ts'
import { reconcileDelivery, reconcileUpdate } from './delivery/reconcile.ts'
import { refreshGroup } from './delivery/truth/refresh-group.ts'
import { createQuota } from './delivery/quota.ts'
import { sendNotice } from './delivery/send-notice.ts'
import type { DeliverySettings } from './delivery/settings.ts'
import type { WakeDueCards } from './delivery/wake.ts'
import type { ReconcileDeps } from './delivery/work.ts'
import { createDingTalkClient } from './dingtalk/client.ts'
import type { ReadMembers } from './dingtalk/group-members.ts'
import { createOapiClient } from './dingtalk/oapi-client.ts'
import { createPeople, type DingTalkPeople } from './dingtalk/people.ts'
import type { Deadlines } from './domain/deadlines.ts'
import { cardCallbackOf, type Integration } from './domain/integration.ts'
import type { EventLoopWatch } from './event-loop.ts'
import { takeEvent } from './events/take-event.ts'
import { takeMessage } from './events/take-message.ts'
import { type Doors, type DoorSettings, openDoors } from './integration-doors.ts'
import { IntegrationStream, type Listener } from './integration-stream.ts'
import type { Outbound, SendHttp } from './outbound.ts'
import type { Producer } from './queue/producer.ts'
import { startPacer, type WorkerDeps } from './queue/workers.ts'
import type { Log } from './log.ts'
import { createRoom, type Room } from './room.ts'
import type { KeepInbound } from './storage/journal.ts'
import type { Handle } from './storage/schema.ts'
import type { ConnectionSettings } from './stream/connection.ts'
import type { StreamState } from './stream/stream-watch.ts'
import type { SupervisorSettings } from './stream/supervisor.ts'

export type IntegrationDeps = Omit<PerformDeps, 'settings'> & {
  dingtalkApiUrl: string
  dingtalkOapiUrl: string
  keep: KeepInbound
  eventLoop: EventLoopWatch
  outbound: Pick<Outbound, 'send' | 'proxyFor'>
  /** For calls to DingTalk other than opening a Stream. */
  callDingTalk: SendHttp
  producer: Producer
  /** How people reach the pages. */
  publicUrl: string | undefined
  workers: WorkerDeps
  wakeDueCards: WakeDueCards
  settings: {
    action: ActionSettings
    delivery: DeliverySettings
    keepTrue: KeepTrueSettings
    connection: ConnectionSettings
    supervisor: SupervisorSettings
    deadlines: Deadlines
    doors: DoorSettings
  }
}

/** Everything that runs for one integration: its pacers and its Stream connections. */
export type IntegrationRuntime = {
  readonly revision: number
  readonly name: string
  readonly doors: Doors
  /** Its own until a later one of the same integration takes it over. */
  readonly stream: IntegrationStream | undefined
  /** Asks DingTalk who people are. */
  readonly people: DingTalkPeople
  /** Asks DingTalk who is in a group. */
  readonly readMembers: ReadMembers
  /** What a linked person asks for on a page. */
  actFromPage(request: Omit<PageAct, 'integrationId' | 'corpId'>): Promise<PageAnswer>
  /** undefined = no Stream is wanted. */
  streamState(): StreamState | undefined
  /** For the operator: what the presses say about how the integration is set up. */
  pressNotes(): string[]
  /** Resolves when a connection serves, the app's credentials are refused, the signal aborts or no Stream is wanted. */
  streamSettled(signal: AbortSignal): Promise<void>
  readonly keepTrue: KeepTrue
  /** Frames first, then the calls under way. A Stream that was taken over goes on. */
  stop(): Promise<void>
}

/** @param former the Stream of the one that this one takes the place of; it is taken over where it still fits */
export function startIntegration(
  deps: IntegrationDeps,
  integration: Integration,
  former: IntegrationStream | undefined,
): IntegrationRuntime {
  const log = deps.log.child({ integrationId: integration.id })
  const { settings } = deps
  const client = createDingTalkClient(integration, {
    apiUrl: deps.dingtalkApiUrl,
    send: deps.callDingTalk,
    clock: deps.clock,
  })
  const oapi = createOapiClient(integration, {
    oapiUrl: deps.dingtalkOapiUrl,
    send: deps.callDingTalk,
    clock: deps.clock,
  })
  const quota = createQuota(integration, { clock: deps.clock, log: log.child({ component: 'quota' }) })
  const { id: integrationId, corpId } = integration
  const shared = { db: deps.db, clock: deps.clock, client, integrationId, corpId, quota }

  const openPresses = new OpenPresses()
  const reconcile: ReconcileDeps = {
    ...shared,
    isPressed: (outTrackId) => openPresses.has(outTrackId),
    log: log.child({ component: 'delivery' }),
    settings: settings.delivery,
    groupPerMinute: integration.groupPerMinute,
    owner: deps.owner,
    draw: (face) => drawCard(face),
    cardCallback: cardCallbackOf(integration),
    wakeDueCards: deps.wakeDueCards,
  }
  const truth = { ...shared, log: log.child({ component: 'groups' }), producer: deps.producer }
  const refreshing = { ...truth, coolAppCode: integration.coolAppCode }
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

  const watch = watchPresses(integration, isNameOfCard)
  const eventDeps = {
    watch,
    db: deps.db,
    clock: deps.clock,
    log: log.child({ component: 'events' }),
    producer: deps.producer,
    integration,
    keep: deps.keep,
    countPush: (trx: Handle, topic: string) => quota.countPush(trx, topic),
  }
  const pressDeps = {
    ...deps,
    openPresses,
    watch,
    isThrifty: () => quota.isHalfUsed(deps.db.read),
    log: log.child({ component: 'actions' }),
    settings: settings.action,
    integration,
    countPush: (trx: Handle, topic: string) => quota.countPush(trx, topic),
    drawNow: drawNow.bind(undefined, deps.db, integration.id),
  }
  const room: Room = createRoom(
    {
      takeEvent: (event) => takeEvent(eventDeps, event),
      answerPress: (press, time) => answerPress(pressDeps, press, time),
      takeMessage: (message) => takeMessage(eventDeps, message),
    },
    log.child({ component: 'room' }),
    deps.inFlight,
  )
  const doors = openDoors(
    {
      ...deps,
      client,
      oapi,
      quota,
      room,
      log: log.child({ component: 'doors' }),
      spacingMs: settings.delivery.spacingMs,
      settings: settings.doors,
      onPause: (pause) => keepTrue.noteSilence(pause),
    },
    integration,
  )
  const people = createPeople(integration, { apiUrl: deps.dingtalkApiUrl, send: deps.callDingTalk, oapi })
  const keepTrue = createKeepTrue({
    ...truth,
    people,
    isHearing: () => stream === undefined || stream.state().state === 'open',
    settings: settings.keepTrue,
  })

  // Last of all: whoever had the Stream before keeps it unless everything else is there.
  const listener: Listener = { room: doors.stream, onRecovered: (gap) => keepTrue.noteSilence(gap) }
  const stream = integration.streamOn
    ? (takeOver(former, integration, listener) ?? openStream(deps, log, integration, listener))
    : undefined

  return {
    revision: integration.revision,
    name: integration.name,
    doors,
    stream,
    people,
    readMembers: createReadMembers({
      ...shared,
      log: log.child({ component: 'groups' }),
      coolAppCode: integration.coolAppCode,
      producer: deps.producer,
    }),
    actFromPage: (request) =>
      actFromPage(pressDeps, { ...request, integrationId: integration.id, corpId: integration.corpId }),
    streamState: () => stream?.state(),
    pressNotes: () => watch.notes(deps.clock.nowMs()),
    streamSettled: (signal) => stream?.settled(signal) ?? Promise.resolve(),
    keepTrue,
    async stop() {
      await stream?.stopFor(listener)
      // Each may wait for a call that hangs, but not one after the other.
      await Promise.all([doors.stop(), keepTrue.stop(), ...pacers.map((pacer) => pacer.close())])
    },
  }
}

function takeOver(
  former: IntegrationStream | undefined,
  integration: Integration,
  listener: Listener,
): IntegrationStream | undefined {
  if (!former?.fits(integration)) return undefined
  former.handTo(listener)
  return former
}

function openStream(deps: IntegrationDeps, log: Log, integration: Integration, listener: Listener): IntegrationStream {
  const { settings } = deps
  return new IntegrationStream(
    {
      apiUrl: deps.dingtalkApiUrl,
      send: deps.outbound.send,
      proxyFor: deps.outbound.proxyFor,
      log: log.child({ component: 'stream' }),
      connection: settings.connection,
      settings: settings.supervisor,
      deadlines: settings.deadlines,
      eventLoop: deps.eventLoop,
      nowMs: () => deps.clock.nowMs(),
    },
    integration,
    listener,
  )
}
