import { beforeAll, test } from 'vitest'

import { seedOfToday } from '../support/seed.ts'
import { expectSurvived } from './expect-survived.ts'
import { type Run, runMatrix } from './matrix.ts'
import { POINTS } from './points.ts'

/** As many as keep two cores busy: most of a run is waiting for the dead process's leases. */
const WORLDS = 4
/** Far longer than all deaths take. */
const MATRIX_MS = 3_000_000

let runs: Run[]
beforeAll(async () => {
  runs = await runMatrix(POINTS, { runs: 1, seed: seedOfToday('chaos'), worlds: WORLDS })
}, MATRIX_MS)

test.each(POINTS.map(({ name }) => name))('kill -9 at %s loses nothing and tells nobody twice', (name) => {
  expectSurvived(runs.find(({ point }) => point === name))
})
