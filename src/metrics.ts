import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'

/** One reading of what the daemon's gauges show. */
export type Reading = {
  /** Stream connections that serve and that should, by integration, and how long none did the last time. */
  streams: { integration: string; open: number; wanted: number; lastGapMs: number | undefined }[]
  /** How the console is to deliver events, and how presses of new cards return. */
  modes: { integration: string; events: 'stream' | 'http'; cards: 'STREAM' | 'HTTP' }[]
  /** Epoch ms of the last event, press or message, by door. */
  pushes: { integration: string; lastHeard: Map<string, number> }[]
  /** Used calls and pushes of the month, by corporation. */
  usage: { corp: string; kind: 'call' | 'push'; used: number; limit: number }[]
  /** Cards that are due by the API they wait for, and for how long the longest has been. */
  due: { integration: string; api: 'create' | 'update'; cards: number; oldestMs: number }[]
  results: number
}

export type Metrics = {
  contentType: string
  text(): Promise<string>
  /** By the status that a post with a right token was refused with. */
  countRefusedPost: (status: number) => void
}

/** `GET /metrics` in Prometheus's text format; what is counted is read when it is asked for. */
export function createMetrics(read: () => Promise<Reading>): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
    new Gauge({ name: `flashduty_dingtalk_${name}`, help, labelNames, registers: [registry] })
  const stream = gauge('stream_open', 'open Stream connections', ['integration'])
  const wanted = gauge('stream_wanted', 'Stream connections that should be open', ['integration'])
  const gap = gauge('stream_last_gap_seconds', 'how long no Stream connection was open, the last time', ['integration'])
  const mode = gauge('mode', '1 = events come and presses return this way', ['integration', 'events', 'cards'])
  const heard = gauge('last_push_timestamp_seconds', 'when something last came in, by door', ['integration', 'door'])
  const used = gauge('quota_used', 'calls and pushes of this month', ['corp', 'kind'])
  const limit = gauge('quota_limit', 'what the corporation may use in a month, 0 = unlimited', ['corp', 'kind'])
  const due = gauge('cards_due', 'cards that wait to be made or updated', ['integration', 'api'])
  const oldest = gauge('cards_due_oldest_seconds', 'how long the first of them has been due', ['integration', 'api'])
  const results = gauge('results_due', 'results that Flashduty was not told yet')
  const refused = new Counter({
    name: 'flashduty_dingtalk_posts_refused_total',
    help: 'posts with a right token that were not taken, by the status of the answer',
    labelNames: ['status'],
    registers: [registry],
  })

  return {
    contentType: registry.contentType,
    countRefusedPost: (status) => refused.inc({ status }),
    async text() {
      const reading = await read()
      for (const labelled of [stream, mode, wanted, gap, heard, used, limit, due, oldest]) labelled.reset()
      for (const { integration, ...found } of reading.streams) {
        stream.set({ integration }, found.open)
        wanted.set({ integration }, found.wanted)
        if (found.lastGapMs !== undefined) gap.set({ integration }, found.lastGapMs / 1_000)
      }
      for (const labels of reading.modes) mode.set(labels, 1)
      for (const { integration, lastHeard } of reading.pushes) {
        for (const [door, at] of lastHeard) heard.set({ integration, door }, at / 1_000)
      }
      for (const { corp, kind, ...quota } of reading.usage) {
        used.set({ corp, kind }, quota.used)
        limit.set({ corp, kind }, quota.limit)
      }
      for (const { integration, api, cards, oldestMs } of reading.due) {
        due.set({ integration, api }, cards)
        oldest.set({ integration, api }, oldestMs / 1_000)
      }
      results.set(reading.results)
      return registry.metrics()
    },
  }
}
