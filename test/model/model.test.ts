import { expect, test } from 'vitest'

import { runModel } from './run.ts'

const STEPS = 60

test('a story ends with every card true, every record settled and nobody told twice', async () => {
  const result = await runModel({ steps: STEPS, length: STEPS, seed: 20_260_101, shrinkMs: 0 })
  if (result.outcome === 'broken') throw new Error(result.report, { cause: result.error })
  expect(result.steps).toBeGreaterThanOrEqual(STEPS)
})
