import { takeActionResult } from './actions/act-by-queue.ts'
import { ACTION_SETTINGS, type ActionSettings } from './actions/deps.ts'
import { resumeClick } from './actions/perform-click.ts'
import { type Clock, systemClock } from './clock.ts'
import type { Config } from './config.ts'
import { acceptDelivery, type Visit } from './delivery/accept.ts'
import { createTellDirectory } from './delivery/directory.ts'
import { reportResults } from './delivery/report.ts'
import { createMetrics } from './metrics.ts'
import { KEEP_TRUE_SETTINGS, type KeepTrueSettings } from './delivery/truth/keep-true.ts'
import { ownEndpoint } from './delivery/history/own-endpoint.ts'
import {
  createWebhookWatch,
  WEBHOOK_WATCH_SETTINGS,
  type WebhookWatchSettings,
} from './delivery/history/webhook-watch.ts'
import { createLookUpRule } from './delivery/look-up.ts'
import { createBridge } from './delivery/bridge.ts'
import { createNoteRefused } from './delivery/refused-post.ts'
import { DELIVERY_SETTINGS, type DeliverySettings } from './delivery/settings.ts'
import { createStanding } from './delivery/standing.ts'
import { areTakenIn } from './delivery/taken-in.ts'
import { createWakeDueCards } from './delivery/wake.ts'
import { holdBack } from './dingtalk/hold-back.ts'
import { DEADLINES, type Deadlines } from './domain/deadlines.ts'
import { hashOfJson } from './domain/canonical.ts'
import { newId } from './domain/ids.ts'
import { MAX_VIEWS_PER_MINUTE } from './domain/limits.ts'
import { type EventLoopWatch, watchEventLoop } from './event-loop.ts'
import { createFlashdutyClient } from './flashduty/client.ts'
import { createPace, FLASHDUTY_PACE, type FlashdutyPace } from './flashduty/pace.ts'
import { createReadNames } from './http/h5/read-names.ts'
import { createReadTimeline } from './http/h5/read-timeline.ts'
import { createAddressOf } from './http/client-address.ts'
import { createStillThere } from './http/h5/still-there.ts'
import { createRoutes } from './http/routes.tsx'
import { listen, SERVER_SETTINGS, type ServerSettings } from './http/server.ts'
import { CARD_ROUTE_SETTINGS } from './delivery/card-route.ts'
import { RECOVERY_SETTINGS } from './events/recover-failed.ts'
import { createCallbacks } from './http/callbacks.ts'
import type { DoorSettings } from './integration-doors.ts'
import { startIntegration } from './integration-runtime.ts'
import { createIntegrations } from './integrations.ts'
import { InFlight, repeat, Teardown, type Patience, patiently } from './lifecycle.ts'
import type { Log } from './log.ts'
import { type BoundExchange, createOutbound } from './outbound.ts'
import { createProducer, type Producer } from './queue/producer.ts'
import { createReaper } from './queue/reaper.ts'
import { leaveForeignJobs, refuseForeignRedis } from './queue/foreign-redis.ts'
import { connectImpatiently, connectPatiently, createRedisClaim } from './queue/redis.ts'
import { startActionResultWorker, startClickWorker, startDeliverWorker } from './queue/workers.ts'
import { type OnWriter, openDb } from './storage/db.ts'
import { createStatus } from './status.ts'
import { createUpkeep } from './upkeep.ts'
import { getInstallationId } from './storage/inbox.ts'
import { findIntegrationByCallbackKey } from './storage/integrations.ts'
import { createJournal } from './storage/journal.ts'
import type { OnTightened } from './storage/private-files.ts'
import { createSecretBox, loadSecretKey } from './storage/secret-box.ts'
import { createSigner } from './storage/signer.ts'
import { findToken } from './storage/tokens.ts'
import { CONNECTION_SETTINGS, type ConnectionSettings } from './stream/connection.ts'
import { SUPERVISOR_SETTINGS, type SupervisorSettings } from './stream/supervisor.ts'

/** What tests put in the place of the usual. */
export type Overrides = {
  clock?: Clock
  action?: Partial<ActionSettings>
  delivery?: Partial<DeliverySettings>
  keepTrue?: Partial<KeepTrueSettings>
  webhookWatch?: Partial<WebhookWatchSettings>
  flashdutyPace?: Partial<FlashdutyPace>
  connection?: Partial<ConnectionSettings>
  supervisor?: Partial<SupervisorSettings>
  deadlines?: Partial<Deadlines>
  eventLoop?: EventLoopWatch
  cardRoute?: Partial<DoorSettings['cardRoute']>
  recovery?: Partial<DoorSettings['recovery']>
  server?: Partial<ServerSettings>
  /** Of whoever looks at an empty page. */
  pagePatience?: Patience
  /** Pages that one person may open. */
  viewsPerMinute?: number
  /** Told of the connection that writes, before anything uses it. */
  onWriter?: OnWriter
  /** How long calls to DingTalk and Flashduty are waited for. */
  boundExchange?: BoundExchange
  /** Pause between two looks for whatever is due. */
  sweepMs?: number
  /** Pause between two looks for what Flashduty is to be told. */
  reportMs?: number
  /** Pause between two looks for integrations added or changed on the CLI. */
  watchMs?: number
}

export type App = {
  /** Where it listens. */
  url: string
  /** Resolves when every integration is connected or refused, or the signal aborts. */
  streamsSettled(signal: AbortSignal): Promise<void>
  stop(): Promise<void>
}

/** Puts the daemon together. What has been started is undone, newest first, by `stop` or when a later step fails. */
export async function startApp(config: Config, log: Log, overrides: Overrides = {}): Promise<App> {
  const clock = overrides.clock ?? systemClock
  const teardown = new Teardown()
  try {
    return await compose(config, log, clock, overrides, teardown)
  } catch (error) {
    await teardown.run().catch((cause: unknown) => log.error({ err: cause }, 'teardown-failed'))
    throw error
  }
}

async function compose(config: Config, log: Log, clock: Clock, overrides: Overrides, teardown: Teardown): Promise<App> {
  const part = (component: string): Log => log.child({ component })
  const settings = {
    action: { ...ACTION_SETTINGS, ...overrides.action },
    delivery: { ...DELIVERY_SETTINGS, ...overrides.delivery },
    keepTrue: { ...KEEP_TRUE_SETTINGS, ...overrides.keepTrue },
    connection: { ...CONNECTION_SETTINGS, ...overrides.connection },
    supervisor: { ...SUPERVISOR_SETTINGS, ...overrides.supervisor },
    deadlines: { ...DEADLINES, ...overrides.deadlines },
    server: { ...SERVER_SETTINGS, ...overrides.server },
    doors: {
      cardRoute: { ...CARD_ROUTE_SETTINGS, ...overrides.cardRoute },
      recovery: { ...RECOVERY_SETTINGS, ...overrides.recovery },
    },
  }
  const owner = newId()
  const watch = watchEventLoop()
  teardown.defer('event loop watch', () => watch.stop())
  const eventLoop = overrides.eventLoop ?? watch

  const onTightened: OnTightened = ({ tightened, refused }) => {
    if (tightened.length > 0) part('storage').warn({ files: tightened }, 'files-tightened')
    if (refused.length > 0) part('storage').warn({ files: refused }, 'files-open-to-others')
  }
  const secretKey = loadSecretKey(config.secret.key, config.secret.file, onTightened)
  const box = createSecretBox(secretKey)
  const db = await openDb(config.databasePath, {
    onWriter: overrides.onWriter,
    onCopied: (copy) => part('storage').warn(copy, 'database-copied'),
    onTightened,
  })
  teardown.defer('database', () => db.close())
  const installationId = await db.write((trx) => getInstallationId(trx, newId(), clock.nowMs()))

  const outbound = createOutbound(config.proxy, overrides.boundExchange)
  teardown.defer('http client', () => outbound.close())
  const flashduty = createFlashdutyClient({
    apiUrl: config.flashduty.apiUrl,
    send: outbound.send,
    pace: createPace({ ...FLASHDUTY_PACE, ...overrides.flashdutyPace }),
  })

  const quick = connectImpatiently(config.redis, part('queue'))
  const producer = createProducer(quick, config.redis.prefix, part('queue'), hashOfJson)
  teardown.defer('producer', () => producer.close())
  const patient = connectPatiently(config.redis, part('queue'))
  teardown.defer('redis', () => patient.disconnect())
  const claim = createRedisClaim(quick, config.redis.prefix, installationId)
  await refuseForeignRedis(config.redis.prefix, claim, part('queue'))

  const journal = createJournal(config.journal)
  const inFlight = new InFlight((error) => part('actions').error({ err: error }, 'background-failed'))
  const wakeDueCards = createWakeDueCards({ db, clock, log: part('delivery'), producer })
  const performing = {
    db,
    box,
    clock,
    flashduty,
    owner,
    producer,
    wakeDueCards,
    inFlight,
    log: part('actions'),
    settings: settings.action,
    keep: journal.keep,
  }
  const workers = { redis: patient, prefix: config.redis.prefix, log: part('queue') }
  const accepting = {
    db,
    box,
    clock,
    log: part('delivery'),
    settings: settings.delivery,
    wakeDueCards,
    lookUpRule: createLookUpRule({ flashduty, clock, log: part('delivery') }),
    wakeNotices: (integrationId: string) => producer.tick(integrationId, 'message'),
  }

  const accept = (body: unknown, jobId: string, visit?: Visit) => acceptDelivery(accepting, body, jobId, visit)
  const ownQueue: Pick<Producer, 'addDelivery'> = {
    async addDelivery(...delivery) {
      await leaveForeignJobs(claim)
      return producer.addDelivery(...delivery)
    },
  }
  const bridge = createBridge({ db, clock, producer: ownQueue, accept, log: part('bridge') })
  const webhookWatch = createWebhookWatch({
    db,
    box,
    clock,
    log: part('bridge'),
    flashduty,
    accept,
    wakeDueCards,
    delivery: settings.delivery,
    isOwn: config.flashduty.readsHistory
      ? ownEndpoint({ publicUrl: config.http.publicUrl, webhookUrl: config.flashduty.webhookUrl })
      : undefined,
    compareEveryMs: config.flashduty.compareEveryMs,
    settings: { ...WEBHOOK_WATCH_SETTINGS, ...overrides.webhookWatch },
  })
  teardown.defer('webhook watch', () => webhookWatch.stop())
  const reaper = createReaper(quick, config.redis.prefix, part('queue'), (jobs) => areTakenIn({ db, clock }, jobs))
  teardown.defer('reaper', () => reaper.close())

  teardown.defer('work under way', () => inFlight.idle())
  const deliverWorker = startDeliverWorker(workers, async (body, jobId, visit) => {
    await leaveForeignJobs(claim)
    return accept(body, jobId, visit)
  })
  teardown.defer('deliver worker', () => deliverWorker.close())
  const clickWorker = startClickWorker(workers, (clickId) => resumeClick(performing, clickId))
  teardown.defer('click worker', () => clickWorker.close())
  const resultWorker = startActionResultWorker(workers, (body) => takeActionResult(performing, body))
  teardown.defer('action result worker', () => resultWorker.close())

  const heldBack = holdBack(outbound.send, { clock, log: part('dingtalk'), proxyFor: outbound.proxyFor })
  const integrationDeps = {
    ...performing,
    log,
    eventLoop,
    settings,
    dingtalkApiUrl: config.dingtalk.apiUrl,
    dingtalkOapiUrl: config.dingtalk.oapiUrl,
    publicUrl: config.http.publicUrl,
    outbound,
    callDingTalk: heldBack.send,
    workers,
  }
  const integrations = createIntegrations({
    db,
    box,
    log: part('app'),
    start: (integration, former) => startIntegration(integrationDeps, integration, former?.stream),
  })
  const { runtimes } = integrations

  const status = createStatus({
    db,
    clock,
    producer,
    claim,
    deliverWorker,
    runtimes,
    standing: createStanding({ db, box, clock }),
  })
  const metrics = createMetrics(status.read)
  const patience = overrides.pagePatience ?? patiently
  const addressOf = createAddressOf(config.http.trustedProxies)
  const routes = createRoutes({
    log: part('http'),
    prefix: new URL(config.http.publicUrl ?? 'http://localhost').pathname.replace(/\/$/, ''),
    checks: status.checks,
    notes: async () => [...(await status.notes()), ...heldBack.notes(), ...webhookWatch.notes()],
    callbacks: createCallbacks({
      db,
      box,
      clock,
      log: part('http'),
      inFlight,
      eventLoop,
      deadlines: settings.deadlines,
      roomOf: (id) => integrations.roomOf(id),
      onRefusal: (id) => runtimes.get(id)?.doors.gap('refusal'),
    }),
    metrics,
    metricsToken: config.http.metricsToken,
    api: {
      nowMs: () => clock.nowMs(),
      addressOf,
      scopesOf: async (token) => (await findToken(db.read, 'api', token))?.scopes,
      takePost: async (body) => {
        const taken = await bridge.take(body).catch((error: unknown) => {
          webhookWatch.noteRefused()
          throw error
        })
        if (taken.outcome !== 'accepted') return taken
        return { ...taken, afterReply: () => !taken.duplicate && inFlight.add(bridge.enqueue(taken.id)) }
      },
      noteRefused: createNoteRefused({ db, clock, log: part('bridge'), count: metrics.countRefusedPost }),
      takeUnreadablePost: (text, problem) => bridge.refuseText(text, problem),
    },
    h5: {
      db,
      box,
      clock,
      flashduty,
      signer: createSigner(secretKey),
      publicUrl: config.http.publicUrl,
      loginUrl: config.dingtalk.loginUrl,
      peopleOf: (id) => runtimes.get(id)?.people,
      membersOf: (id) => runtimes.get(id)?.readMembers,
      addressOf,
      viewsPerMinute: overrides.viewsPerMinute ?? MAX_VIEWS_PER_MINUTE,
      patience,
      readTimeline: createReadTimeline({ db, box, clock, flashduty, patience }),
      readNames: createReadNames({ db, patience, peopleOf: (id) => runtimes.get(id)?.people }),
      stillThere: createStillThere({ clock, log: part('http'), patience, peopleOf: (id) => runtimes.get(id)?.people }),
      act: async (act) =>
        (await runtimes.get(act.integrationId)?.actFromPage(act)) ?? {
          status: 'failed',
          reason: 'INTEGRATION_DISABLED',
        },
    },
    statusByCallbackKey: async (key) => {
      const integration = await findIntegrationByCallbackKey(db.read, box, key)
      return integration && status.describe(integration)
    },
  })
  const server = await listen(routes, config.http, part('http'), settings.server)
  teardown.defer('http server', () => server.close())

  const watchMs = overrides.watchMs ?? 1_000
  const sweepMs = overrides.sweepMs ?? 60_000
  teardown.defer('integrations', () => integrations.stop())
  await integrations.follow(AbortSignal.abort())
  const upkeep = createUpkeep({
    db,
    clock,
    log,
    integrations,
    producer,
    claim,
    reaper,
    bridge,
    journal,
    wakeDueCards,
    settings: settings.delivery,
    sweepMs,
  })
  teardown.defer(
    'watching integrations',
    repeat(
      watchMs,
      (signal) => upkeep.watch(signal),
      (error) => part('app').error({ err: error }, 'integrations-unread'),
    ),
  )
  teardown.defer(
    'watching webhooks',
    repeat(
      watchMs,
      () => webhookWatch.tend(),
      () => {},
    ),
  )
  // None waits for what another one has to ask.
  const keepTrue = async (): Promise<void> => {
    for (const runtime of runtimes.values()) void runtime.keepTrue.tend()
  }
  teardown.defer(
    'keeping groups and links true',
    repeat(watchMs, keepTrue, () => {}),
  )
  await upkeep.sweep()
  teardown.defer(
    'sweep',
    repeat(
      sweepMs,
      () => upkeep.sweep(),
      () => {},
    ),
  )

  const reportMs = overrides.reportMs ?? 1_000
  const reporting = { db, clock, log: part('results'), producer }
  teardown.defer(
    'results',
    repeat(
      reportMs,
      () => reportResults(reporting),
      (error) => part('results').warn({ err: error }, 'results-not-told'),
    ),
  )
  teardown.defer(
    'directory',
    repeat(reportMs, createTellDirectory({ db, log: part('results'), producer }), (error) =>
      part('results').warn({ err: error }, 'directory-unread'),
    ),
  )

  return {
    url: `http://${config.http.host === '0.0.0.0' ? '127.0.0.1' : config.http.host}:${server.port}`,
    async streamsSettled(signal) {
      await Promise.all([...runtimes.values()].map((runtime) => runtime.streamSettled(signal)))
    },
    stop: () => teardown.run(),
  }
}
