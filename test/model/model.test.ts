import { expect, test } from 'vitest'

import { runModel } from './run.ts'

/** One story; `model.long.test.ts` tells many, and others each day. */
test('a story ends with every card true, every record settled and nobody told twice', async () => {
  const result = await runModel({ steps: 60, seed: 20_260_101, shrinkMs: 0 })
  if (result.outcome === 'broken') throw new Error(result.report, { cause: result.error })
  expect(result.steps).toBeGreaterThanOrEqual(60)
})
