import { beforeAll, test } from 'vitest'

import { TEST_MS } from '../support/patience.ts'
import { seedOfToday } from '../support/seed.ts'
import { expectSurvived } from './expect-survived.ts'
import { type Run, runMatrix } from './matrix.ts'
import { POINTS } from './points.ts'

/** As many as keep two cores busy. */
const WORLDS = 4

let runs: Run[]
beforeAll(async () => {
  runs = await runMatrix(POINTS, { runs: 1, seed: seedOfToday('chaos'), worlds: WORLDS })
}, 8 * TEST_MS)

test.each(POINTS.map(({ name }) => name))('kill -9 at %s loses nothing and tells nobody twice', (name) => {
  expectSurvived(runs.find(({ point }) => point === name))
})
