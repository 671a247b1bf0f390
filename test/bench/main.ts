import { parseArgs } from 'node:util'

import { ensureRedisServer } from '../support/redis.ts'
import { type Finding, formatTable, measure, type Metric, verdict } from './metrics.ts'
import { cost } from './cost.ts'
import { fairness } from './fairness.ts'
import { memory } from './memory.ts'
import { pages } from './pages.ts'
import { pipeline } from './pipeline.ts'
import { presses } from './press.ts'
import { storm } from './storm.ts'
import { stream } from './stream.ts'

/** Of the storm how many times as fast; of it and of presses how many incidents. */
type Settings = { k: number | undefined; incidents: number | undefined }

const BENCHES: Record<string, (settings: Settings) => Promise<Finding[]>> = {
  pipeline,
  storm,
  fairness,
  cost,
  memory,
  stream,
  press: presses,
  pages,
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, k: { type: 'string' }, incidents: { type: 'string' } },
})
const names = positionals.length > 0 ? positionals : Object.keys(BENCHES)
const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name))
const [k, incidents] = [values.k, values.incidents].map((text) => (text === undefined ? undefined : Number(text)))
const wrong = [k, incidents].some((number) => number !== undefined && !(number > 0))
if (unknown.length > 0 || wrong) {
  console.error(`usage: npm run bench -- [${Object.keys(BENCHES).join(' | ')}] … [--json] [--k N] [--incidents N]`)
  process.exit(2)
}

await ensureRedisServer()
const metrics: Metric[] = []
for (const name of names) {
  const startedAt = performance.now()
  const found = (await BENCHES[name]?.({ k, incidents })) ?? []
  const measured = found.map(measure)
  metrics.push(...measured)
  if (values.json) for (const metric of measured) console.log(JSON.stringify(metric))
  else console.error(`${name} took ${Math.round((performance.now() - startedAt) / 1_000)} s`)
}
if (!values.json) console.log(formatTable(metrics))
if (metrics.some((metric) => verdict(metric) === 'missed')) console.error('Not every goal was met.')
