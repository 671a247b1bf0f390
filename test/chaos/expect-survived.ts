import { expect } from 'vitest'

import type { Run } from './matrix.ts'

/** The daemon died where it had to; nothing was lost, doubled or left, and nobody was told twice without need. */
export function expectSurvived(run: Run | undefined): void {
  expect(run).toMatchObject({ reached: true, lost: [], secondInstances: [], stuck: [], twice: [] })
  expect(run?.repeats).toBeLessThanOrEqual(run?.unknown ?? 0)
}
