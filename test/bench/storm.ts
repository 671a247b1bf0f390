import type { Group } from '../sandbox/dingtalk/types.ts'
import { eventually } from '../support/eventually.ts'
import { type Act, createIncidentFactory, type FakeIncident, type IncidentFactory } from './incidents.ts'
import type { Finding } from './metrics.ts'
import { type CardCall, onCardCall, setStage, type Stage } from './stage.ts'
import { findIdeal, type Planned } from './storm-oracle.ts'

const INCIDENTS = 10_000
const ARRIVE_MS = 60_000
const ACKED_MS = [5_000, 150_000] as const
const CLOSED_MS = [150_000, 300_000] as const
const CRITICAL_SHARE = 0.02
const GROUPS = 50
const QPS = 20
const TICK_MS = 50
const DEFAULT_K = 2

type Stormy = Planned & { incident: FakeIncident; visibleMs?: number }

/**
 * 10,000 incidents (or as many as said) in a minute, each acknowledged and closed within five, against DingTalk's limit. With k the same storm
 * passes k times as fast: arrivals, acts and DingTalk's limit. What is told in milliseconds is not scaled.
 */
export async function storm(settings: { k: number | undefined; incidents: number | undefined }): Promise<Finding[]> {
  const { k = DEFAULT_K, incidents: size = INCIDENTS } = settings
  const qps = Math.round(QPS * k)
  const stage = await setStage({ qps })
  try {
    const groups = await stage.addGroups(GROUPS)
    const make = await createIncidentFactory(stage.world)
    const incidents = planStorm(make, groups, size, k)
    const ideal = findIdeal(incidents, qps)
    const floorMs = (Math.max(ideal.creates, ideal.updates) * 1_000) / qps

    const byId = new Map(incidents.map((stormy) => [stormy.incident.incidentId, stormy]))
    const startedAt = performance.now()
    const calls: CardCall[] = []
    const unsubscribe = onCardCall(stage.world, (call) => {
      calls.push(call)
      const stormy = byId.get(call.incidentId)
      if (stormy && call.status === 200) stormy.visibleMs ??= call.atMs - startedAt - stormy.bornMs
    })
    await play(stage, incidents, startedAt)
    await settle(stage, (floorMs * 2) / 1_000 + 120)
    unsubscribe()

    const done = calls.filter(({ status }) => status === 200)
    const tookMs = Math.max(...done.map(({ atMs }) => atMs)) - startedAt
    const criticals = incidents.filter(({ critical }) => critical)
    return [
      { metric: 'storm.k', unit: '', values: [k] },
      { metric: 'storm.incidents', unit: 'incidents', values: [size] },
      { metric: 'storm.time_ratio', unit: '', values: [tookMs / floorMs] },
      { metric: 'storm.ideal_time_ratio', unit: '', values: [ideal.tookMs / floorMs] },
      { metric: 'storm.took_s', unit: 's', values: [tookMs / 1_000], floor: ideal.tookMs / 1_000 },
      { metric: 'storm.creates', unit: 'calls', values: [count(done, 'createAndDeliver')], floor: ideal.creates },
      { metric: 'storm.updates', unit: 'calls', values: [count(done, 'updateCard')], floor: ideal.updates },
      { metric: 'storm.calls_per_incident', unit: 'calls', values: [calls.length / incidents.length] },
      { metric: 'storm.refused_share', unit: '', values: [(calls.length - done.length) / calls.length] },
      {
        metric: 'storm.critical_visible_ms.max',
        unit: 'ms',
        values: [Math.max(...criticals.map(({ visibleMs }) => visibleMs ?? Infinity))],
      },
      ...judge(stage, incidents),
    ]
  } finally {
    await stage.close()
  }
}

function planStorm(make: IncidentFactory, groups: Group[], size: number, k: number): Stormy[] {
  return Array.from({ length: size }, (_, index) => {
    const group = groups[Math.floor(Math.random() * groups.length)]
    if (!group) throw new Error('there are no groups')
    const critical = Math.random() < CRITICAL_SHARE
    const bornMs = (index * ARRIVE_MS) / size / k
    const after = ([least, most]: readonly [number, number]) => bornMs + (least + Math.random() * (most - least)) / k
    return {
      incident: make({ group, severity: critical ? 'Critical' : 'Warning' }),
      critical,
      bornMs,
      ackMs: after(ACKED_MS),
      closeMs: after(CLOSED_MS),
    }
  })
}

/** Hands each event over when its time has come, whatever became of those before it. */
async function play(stage: Stage, incidents: Stormy[], startedAt: number): Promise<void> {
  type Event = { atMs: number; incident: FakeIncident; act: Act }
  const events: Event[] = incidents
    .flatMap(({ incident, bornMs, ackMs, closeMs }): Event[] => [
      { atMs: bornMs, incident, act: 'new' },
      { atMs: bornMs, incident, act: 'assign' },
      { atMs: ackMs, incident, act: 'ack' },
      { atMs: closeMs, incident, act: 'close' },
    ])
    .sort((a, b) => a.atMs - b.atMs)
  for (let next = 0; next < events.length;) {
    const nowMs = performance.now() - startedAt
    let until = next
    while ((events[until]?.atMs ?? Infinity) <= nowMs) until += 1
    await stage.enqueue(events.slice(next, until).map(({ incident, act }) => incident.tell(act)))
    next = until
    await new Promise((resolve) => setTimeout(resolve, TICK_MS))
  }
}

async function settle(stage: Stage, patienceS: number): Promise<void> {
  await stage.jobsDone(patienceS * 1_000)
  const due = `select count(*) as count from cards where deliver_due_at is not null or update_due_at is not null`
  await eventually('no card is due', () => stage.count(due) === 0, patienceS * 1_000)
}

/** What everybody sees in the end. */
function judge(stage: Stage, incidents: Stormy[]): Finding[] {
  const { control } = stage.world.dingtalk
  const viewer = stage.world.people.zhang.user.userId
  const cards = new Map(control.cards().map((outTrackId) => [outTrackId.split('-')[1], outTrackId]))
  let [lost, skipped, duplicates] = [0, 0, 0]
  for (const { incident } of incidents) {
    const outTrackId = cards.get(incident.incidentId)
    if (outTrackId === undefined) {
      const query = `select count(*) as count from records where incident_id = ? and reason_code = 'ALREADY_CLOSED'`
      if (stage.count(query, incident.incidentId) > 0) skipped += 1
      else lost += 1
      continue
    }
    if (!control.view(outTrackId, viewer)?.title.includes('已关闭')) lost += 1
    const messages = Object.values(control.placementsOf(outTrackId)).reduce((sum, number) => sum + number, 0)
    duplicates += Math.max(0, messages - 1)
  }
  duplicates += control.cards().length - cards.size
  return [
    { metric: 'storm.lost', unit: 'incidents', values: [lost] },
    { metric: 'storm.duplicates', unit: 'messages', values: [duplicates] },
    { metric: 'storm.skipped', unit: 'incidents', values: [skipped] },
  ]
}

function count(calls: CardCall[], api: CardCall['api']): number {
  return calls.filter((call) => call.api === api).length
}
