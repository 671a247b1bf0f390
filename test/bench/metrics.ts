/** What one bench found out about one thing. */
export type Finding = {
  metric: string
  unit: string
  /** One value per run. */
  values: number[]
  /** The same, measured in the same run for something that does nothing else. */
  floor?: number
}

/** One line of `--json`. `value` is the median of the runs; `ratio` is value ÷ floor, both null without a floor. */
export type Metric = {
  metric: string
  value: number
  unit: string
  runs: number
  min: number
  max: number
  floor: number | null
  ratio: number | null
}

type Goal = { atMost: number } | { atLeast: number }

/** Of each page of the bench that draws them. */
const PAGES = ['home', 'pc', 'group', 'incident', 'history', 'login']
const ofPages = (metric: string, goal: Goal): Record<string, Goal> =>
  Object.fromEntries(PAGES.map((page) => [`pages.${metric}.${page}`, goal]))

/** What is found without a goal is printed for the record. */
const GOALS: Record<string, Goal> = {
  'pipeline.jobs_per_s': { atLeast: 400 },
  'pipeline.enqueue_to_request_ms.p50': { atMost: 8 },
  'pipeline.enqueue_to_request_ms.p99': { atMost: 40 },
  'pipeline.paced_ms.p99': { atMost: 100 },
  'storm.time_ratio': { atMost: 1.06 },
  'storm.calls_per_incident': { atMost: 1.75 },
  'storm.refused_share': { atMost: 0.001 },
  'storm.critical_visible_ms.max': { atMost: 6_000 },
  'storm.lost': { atMost: 0 },
  'storm.duplicates': { atMost: 0 },
  'fairness.quiet_groups_ms.max': { atMost: 3_000 },
  'press.answered_share_2s': { atLeast: 1 },
  'cost.calls_per_incident.targets_1': { atMost: 3 },
  'cost.calls_per_incident.targets_10': { atMost: 3 },
  'cost.calls_per_incident.targets_50': { atMost: 5 },
  'memory.rss_mb.idle': { atMost: 130 },
  'memory.rss_mb.after_100k': { atMost: 170 },
  'stream.gap_ms.close': { atMost: 15 },
  'stream.unserved.disconnect': { atMost: 0 },
  'stream.gap_ms.dead_link': { atMost: 8_000 },
  'stream.lost.rotations': { atMost: 0 },
  'stream.lost.suspicions': { atMost: 0 },
  'stream.suspicions': { atLeast: 1_000 },
  'stream.opens_per_min.refused': { atMost: 60 },
  'stream.reply_ms.p50': { atMost: 1.5 },
  'stream.reply_ms.p99': { atMost: 5 },
  'stream.burst_per_s': { atLeast: 3_500 },
  ...ofPages('bytes', { atMost: 61_440 }),
  ...ofPages('first_paint_ms', { atMost: 1_000 }),
  ...ofPages('server_ms.p99', { atMost: 30 }),
}

export function measure({ metric, unit, values, floor }: Finding): Metric {
  const sorted = values.toSorted((a, b) => a - b)
  const value = quantile(sorted, 0.5)
  return {
    metric,
    value: round(value),
    unit,
    runs: values.length,
    min: round(sorted[0] ?? 0),
    max: round(sorted.at(-1) ?? 0),
    floor: floor === undefined ? null : round(floor),
    ratio: floor === undefined || floor === 0 ? null : round(value / floor),
  }
}

/** @param sorted ascending  @param share 0 to 1; the value that this share of the others does not exceed */
export function quantile(sorted: number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}

export function verdict({ metric, value }: Metric): 'met' | 'missed' | '' {
  const goal = GOALS[metric]
  if (!goal) return ''
  return ('atMost' in goal ? value <= goal.atMost : value >= goal.atLeast) ? 'met' : 'missed'
}

export function formatTable(metrics: Metric[]): string {
  const rows = metrics.map((metric) => [
    metric.metric,
    `${metric.value} ${metric.unit}`,
    goalText(metric.metric),
    verdict(metric),
    metric.runs > 1 ? `${metric.min} … ${metric.max} in ${metric.runs} runs` : '',
    metric.ratio === null ? '' : `${metric.ratio} of ${metric.floor}`,
  ])
  const table = [['metric', 'value', 'goal', '', 'spread', 'ratio to floor'], ...rows]
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? []
  return table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function goalText(metric: string): string {
  const goal = GOALS[metric]
  if (!goal) return ''
  return 'atMost' in goal ? `≤ ${goal.atMost}` : `≥ ${goal.atLeast}`
}

function round(value: number): number {
  return Number(value.toPrecision(value >= 1_000 ? 6 : 4))
}
