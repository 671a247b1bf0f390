import { parseArgs } from 'node:util'

import { ensureRedisServer } from '../support/redis.ts'
import { runMatrix, wrongs } from './matrix.ts'
import { POINTS } from './points.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '25' },
    seed: { type: 'string', default: '1' },
    worlds: { type: 'string', default: '4' },
    /** Only points whose names contain this. */
    only: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
  },
})

await ensureRedisServer()
const points = POINTS.filter(({ name }) => name.includes(values.only))
const all = await runMatrix(
  points,
  { runs: Number(values.runs), seed: Number(values.seed), worlds: Number(values.worlds) },
  (run) => {
    const wrong = wrongs(run)
    if (values.json && wrong.length === 0) return
    console.error(`${run.point} #${run.seed}: ${run.tookMs} ms${run.reached ? '' : ', not reached'}`)
    for (const why of wrong) console.error(`  ${why}`)
  },
)

const rows = points.map(({ name }) => {
  const runs = all.filter(({ point }) => point === name)
  const sum = (of: (run: (typeof runs)[number]) => number): number => runs.reduce((total, run) => total + of(run), 0)
  return {
    point: name,
    runs: runs.length,
    reached: sum(({ reached }) => Number(reached)),
    lost: sum(({ lost }) => lost.length),
    second_instances: sum(({ secondInstances }) => secondInstances.length),
    stuck: sum(({ stuck }) => stuck.length),
    twice: sum(({ twice }) => twice.length),
    repeats: sum(({ repeats }) => repeats),
    unknown_outcomes: sum(({ unknown }) => unknown),
  }
})
if (values.json) for (const row of rows) console.log(JSON.stringify(row))
else console.table(Object.fromEntries(rows.map(({ point, ...row }) => [point, row])))
const failed = all.some((run) => wrongs(run).length > 0 || !run.reached)
process.exit(failed ? 1 : 0)
