import { beforeAll, test } from 'vitest'

import { expectSurvived } from './expect-survived.ts'
import { type Run, runMatrix } from './matrix.ts'
import { POINTS } from './points.ts'

/** One of each kind of moment; `chaos.long.test.ts` plays all. */
const KINDS = ['plan, after', 'click, after', 'tick, before', 'press-reply, before', 'create, sent and applied']
const points = POINTS.filter(({ name }) => KINDS.includes(name))

let runs: Run[]
beforeAll(async () => {
  runs = await runMatrix(points, { runs: 1, seed: 1, worlds: 1 })
})

test.each(points.map(({ name }) => name))('kill -9 at %s loses nothing and tells nobody twice', (name) => {
  expectSurvived(runs.find(({ point }) => point === name))
})
