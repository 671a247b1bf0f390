import { startDingTalk } from '../sandbox/dingtalk/index.ts'
import type { App, DingTalkSandbox, Group } from '../sandbox/dingtalk/types.ts'
import { eventually } from '../support/eventually.ts'
import { type Finding, quantile } from './metrics.ts'
import { setStage, type Stage } from './stage.ts'
import { type Contender, startOurs, startSdk, startSlack } from './stream-clients.ts'

/** Nothing of a dead link within this is told as this. */
const DEAD_LIMIT_MS = 60_000
const ROTATIONS = 1_000
const PUSHES_PER_S = 50
const REFUSED_MS = 60_000
/** The vendor's client doubles its attempts every second, so it is not watched longer. */
const STORM_MS = 8_000
const BURST = 10_000
/** Of two connections each, and more from round to round, since one that comes to life again is kept. */
const SUSPECTED_APPS = 100
const SUSPECTED_ROUNDS = 4

/** How long connections are missed, what is lost meanwhile, and how soon what comes in is stored and answered. */
export async function stream(): Promise<Finding[]> {
  const connections = await aroundConnections()
  const stage = await setStage({ qps: 0, dingtalk: { redeliveryDelaysMs: [] } })
  try {
    return [...connections, ...(await replies(stage)), ...(await bursts(stage))]
  } finally {
    await stage.close()
  }
}

async function aroundConnections(): Promise<Finding[]> {
  const sandbox = await startDingTalk({ redeliveryDelaysMs: [], lifetimeMs: 0 })
  try {
    const closes = await gapsAfterClose(sandbox)
    const [rotations, refused, dead, farewell] = await Promise.all([
      lostInRotations(sandbox),
      opensWhenRefused(sandbox),
      gapsAfterDeath(sandbox),
      unservedAfterFarewell(sandbox),
    ])
    return [...closes, ...farewell, ...dead, ...rotations, ...refused, ...(await lostInSuspicions(sandbox))]
  } finally {
    await sandbox.close()
  }
}

type Start = () => Contender | Promise<Contender>

/** From an end of all connections to the next one. */
async function gap(start: Start, end: 'cut' | 'freeze', limitMs: number): Promise<number> {
  const contender = await start()
  await contender.ready()
  const next = contender.nextOpen()
  // Not in the same moment as its pings.
  await pause(200 + Math.random() * 3_000)
  const endedAt = performance.now()
  contender[end]()
  const openedAt = await Promise.race([next, pause(limitMs).then(() => endedAt + limitMs)])
  await contender.stop()
  return openedAt - endedAt
}

async function gapsAfterClose(sandbox: DingTalkSandbox): Promise<Finding[]> {
  const ours: number[] = []
  for (let run = 0; run < 5; run++) {
    ours.push(await gap(() => startOurs(sandbox, sandbox.control.createApp()), 'cut', 10_000))
  }
  const sdk = await gap(() => startSdk(sandbox, sandbox.control.createApp()), 'cut', 10_000)
  const slack = await gap(startSlack, 'cut', 15_000)
  return [
    { metric: 'stream.gap_ms.close', unit: 'ms', values: ours, floor: sdk },
    { metric: 'stream.sdk.gap_ms.close', unit: 'ms', values: [sdk] },
    { metric: 'stream.slack.gap_ms.close', unit: 'ms', values: [slack] },
  ]
}

async function gapsAfterDeath(sandbox: DingTalkSandbox): Promise<Finding[]> {
  const app = () => sandbox.control.createApp()
  const die = (start: Start): Promise<number> => gap(start, 'freeze', DEAD_LIMIT_MS)
  const ours = Promise.all([1, 2, 3].map(() => die(() => startOurs(sandbox, app()))))
  const [sdk, slack] = await Promise.all([die(() => startSdk(sandbox, app())), die(startSlack)])
  return [
    { metric: 'stream.gap_ms.dead_link', unit: 'ms', values: await ours, floor: sdk },
    { metric: 'stream.sdk.gap_ms.dead_link', unit: 'ms', values: [sdk] },
    { metric: 'stream.slack.gap_ms.dead_link', unit: 'ms', values: [slack] },
  ]
}

/** Pushes that nobody acknowledged while one connection was taken leave of and its ten seconds of silence passed. */
async function unservedAfterFarewell(sandbox: DingTalkSandbox): Promise<Finding[]> {
  const unserved = async (start: (app: App) => Contender): Promise<number> => {
    const app = sandbox.control.createApp()
    const contender = start(app)
    await contender.ready()
    const [first] = sandbox.control.connections(app.clientId)
    sandbox.control.disconnect(app.clientId, first)
    const lost = await pushSteadily(sandbox, app, () => pause(14_000))
    await contender.stop()
    return lost
  }
  const [ours, sdk] = await Promise.all([
    unserved((app) => startOurs(sandbox, app)),
    unserved((app) => startSdk(sandbox, app)),
  ])
  return [
    { metric: 'stream.unserved.disconnect', unit: 'pushes', values: [ours] },
    { metric: 'stream.sdk.unserved.disconnect', unit: 'pushes', values: [sdk] },
  ]
}

/** The gateway takes leave of one connection after the other, and repeats no push. */
async function lostInRotations(sandbox: DingTalkSandbox): Promise<Finding[]> {
  const { control } = sandbox
  const app = control.createApp()
  const contender = startOurs(sandbox, app)
  await contender.ready()
  let rotations = 0
  const lost = await pushSteadily(sandbox, app, async () => {
    const startedAt = performance.now()
    for (; rotations < ROTATIONS && performance.now() - startedAt < 130_000; rotations++) {
      const [oldest] = control.connections(app.clientId)
      control.disconnect(app.clientId, oldest)
      await contender.ready()
      await pause(60)
    }
  })
  await contender.stop()
  return [
    { metric: 'stream.lost.rotations', unit: 'pushes', values: [lost] },
    { metric: 'stream.rotations', unit: 'rotations', values: [rotations] },
  ]
}

/** Pings are answered late, again and again, on lines that are well; pushes come meanwhile and after, and are not repeated. */
async function lostInSuspicions(sandbox: DingTalkSandbox): Promise<Finding[]> {
  const { control } = sandbox
  let suspicions = 0
  const apps = Array.from({ length: SUSPECTED_APPS }, () => control.createApp())
  const contenders = apps.map((app) => startOurs(sandbox, app, 2, () => (suspicions += 1)))
  await Promise.all(contenders.map((contender) => contender.ready()))
  const outcomes = await Promise.all(
    apps.map(async (app) => {
      const settled: Promise<string>[] = []
      const push = (): void => {
        for (let index = 0; index < 4; index++) {
          const eventId = control.pushEvent(app.clientId, { eventType: 'chat_update_title', data: { title: 'x' } })
          settled.push(control.eventSettled(eventId, 10_000))
        }
      }
      for (let round = 0; round < SUSPECTED_ROUNDS; round++) {
        const lateMs = 8_000 + Math.random() * 7_000
        control.delayPongs(app.clientId, lateMs)
        await pause(7_800)
        push()
        await pause(lateMs - 7_800 + 500)
        push()
      }
      return Promise.all(settled)
    }),
  )
  await Promise.all(contenders.map((contender) => contender.stop()))
  const lost = outcomes.flat().filter((outcome) => outcome !== 'success').length
  return [
    { metric: 'stream.lost.suspicions', unit: 'pushes', values: [lost] },
    { metric: 'stream.suspicions', unit: 'suspicions', values: [suspicions] },
  ]
}

async function opensWhenRefused(sandbox: DingTalkSandbox): Promise<Finding[]> {
  const opensOf = async (start: (app: App) => Contender, ms: number): Promise<number> => {
    const app = sandbox.control.createApp()
    sandbox.control.injectStreamFault({ id: 'handshake.503', clientId: app.clientId, times: 1e9 })
    let opens = 0
    let noteFirst: () => void = () => {}
    const first = new Promise<void>((resolve) => (noteFirst = resolve))
    const unsubscribe = sandbox.journal.subscribe((entry) => {
      if (entry.type !== 'request' || entry.api !== 'connections/open') return
      if ((entry.body as { clientId?: string }).clientId !== app.clientId) return
      opens += 1
      noteFirst()
    })
    const contender = start(app)
    // A process of its own takes a while to start.
    await first
    await pause(ms)
    unsubscribe()
    await contender.stop()
    return opens
  }
  const [ours, sdk] = await Promise.all([
    opensOf((app) => startOurs(sandbox, app), REFUSED_MS),
    opensOf((app) => startSdk(sandbox, app), STORM_MS),
  ])
  return [
    { metric: 'stream.opens_per_min.refused', unit: 'calls', values: [(ours * 60_000) / REFUSED_MS] },
    { metric: 'stream.sdk.opens_per_8s.refused', unit: 'calls', values: [sdk] },
  ]
}

/** Pushes events evenly for as long as the work takes. @returns how many were not acknowledged */
async function pushSteadily({ control }: DingTalkSandbox, app: App, work: () => Promise<unknown>): Promise<number> {
  const settled: Promise<string>[] = []
  const timer = setInterval(() => {
    const eventId = control.pushEvent(app.clientId, { eventType: 'chat_update_title', data: { title: 'x' } })
    settled.push(control.eventSettled(eventId, 10_000))
  }, 1_000 / PUSHES_PER_S)
  await work()
  clearInterval(timer)
  return (await Promise.all(settled)).filter((outcome) => outcome !== 'success').length
}

/** From the push of an event to its reply, its effect being committed; beside the vendor's client, which stores nothing. */
async function replies(stage: Stage): Promise<Finding[]> {
  const { dingtalk, dingtalkApp } = stage.world
  const groups = await stage.addGroups(20)
  const ours = await replyTimes(dingtalk, dingtalkApp, groups)
  const app = dingtalk.control.createApp({ corpId: `${dingtalkApp.corpId}-sdk` })
  const sdk = startSdk(dingtalk, app)
  await sdk.ready()
  const bare = await replyTimes(dingtalk, app, groups)
  await sdk.stop()
  return [
    { metric: 'stream.reply_ms.p50', unit: 'ms', values: [quantile(ours, 0.5)], floor: quantile(bare, 0.5) },
    { metric: 'stream.reply_ms.p99', unit: 'ms', values: [quantile(ours, 0.99)], floor: quantile(bare, 0.99) },
  ]
}

/** One by one, 50 a second, ascending. */
async function replyTimes(sandbox: DingTalkSandbox, app: App, groups: Group[]): Promise<number[]> {
  const { control, journal } = sandbox
  journal.forget()
  for (let index = 0; index < 500; index++) {
    const eventId = pushRename(sandbox, app, groups, index)
    await Promise.all([control.eventSettled(eventId), pause(20)])
  }
  const found = journal.of('frame-received').map(({ tookMs }) => tookMs)
  return found.toSorted((a, b) => a - b)
}

/** All at once; each is stored before it is acknowledged, and one that is not within DingTalk's three seconds is lost. */
async function bursts(stage: Stage): Promise<Finding[]> {
  const { dingtalk, dingtalkApp } = stage.world
  const groups = dingtalk.control.groups()
  const rates: number[] = []
  const cpuMs: number[] = []
  let lost = 0
  for (let run = 0; run < 3; run++) {
    dingtalk.journal.forget()
    const known = stage.count(`select count(*) as count from inbox where source = 'event'`)
    let settled = 0
    let dropped = 0
    const unsubscribe = dingtalk.journal.subscribe((entry) => {
      if (entry.type !== 'event-settled') return
      settled += 1
      if (entry.outcome === 'dropped') dropped += 1
    })
    const usedS = await stage.cpuS()
    const startedAt = performance.now()
    for (let index = 0; index < BURST; index++) {
      pushRename(dingtalk, dingtalkApp, groups, index)
      // The gateway, too, reads answers while it still pushes.
      if (index % 200 === 199) await new Promise((resolve) => setImmediate(resolve))
    }
    await eventually('all are settled', () => settled >= BURST, 30_000)
    const tookMs = performance.now() - startedAt
    unsubscribe()
    const stored = stage.count(`select count(*) as count from inbox where source = 'event'`) - known
    if (stored < BURST - dropped) throw new Error(`${BURST - dropped} were acknowledged, ${stored} are stored`)
    cpuMs.push((((await stage.cpuS()) - usedS) * 1_000) / BURST)
    lost += dropped
    rates.push((BURST * 1_000) / tookMs)
  }
  return [
    { metric: 'stream.burst_per_s', unit: 'events/s', values: rates },
    // Says the same on a busy machine as on an idle one.
    { metric: 'stream.cpu_ms_per_event', unit: 'ms', values: cpuMs },
    { metric: 'stream.burst_late', unit: 'events', values: [lost] },
  ]
}

function pushRename({ control }: DingTalkSandbox, app: App, groups: Group[], index: number): string {
  const group = groups[index % groups.length]
  const data = {
    timeStamp: Date.now(),
    chatId: group?.chatId,
    corpId: app.corpId,
    title: `值班群 ${index}`,
    openConversationId: group?.openConversationId,
  }
  return control.pushEvent(app.clientId, { eventType: 'chat_update_title', data })
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
