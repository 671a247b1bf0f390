import { parseArgs } from 'node:util'

import { runModel } from './run.ts'

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '5000' },
    seed: { type: 'string' },
    path: { type: 'string' },
    'replay-path': { type: 'string' },
  },
})

const SHRINK_MS = 180_000
const seed = Number(values.seed ?? Date.now() % 1_000_000_000)
const wanted = Number(values.steps)
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(wanted) || wanted < 1) {
  console.error('usage: npm run model -- [--steps N] [--seed S]')
  process.exit(2)
}
console.log(`seed ${seed}, at least ${wanted} steps`)
const result = await runModel({
  steps: wanted,
  seed,
  shrinkMs: SHRINK_MS,
  onProgress: (steps) => console.log(`${steps} steps`),
  ...(values.path === undefined ? {} : { path: values.path }),
  ...(values['replay-path'] === undefined ? {} : { replayPath: values['replay-path'] }),
})
if (result.outcome === 'held') {
  console.log(`held: ${result.steps} steps`)
} else {
  const replay = /replayPath="([^"]+)"/.exec(result.report)?.[1]
  console.error(result.report.replaceAll('),', '),\n  '))
  console.error(result.error instanceof Error ? result.error.message : result.error)
  console.error(
    `replay: npm run model -- --seed ${result.seed} --path ${result.path ?? '0'}${replay === undefined ? '' : ` --replay-path ${replay}`}`,
  )
  process.exitCode = 1
}
