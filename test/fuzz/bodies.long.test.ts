import { describe } from 'vitest'

import { TEST_MS } from '../support/patience.ts'
import { tellAtLength } from '../support/properties.ts'
import { seedOfToday } from '../support/seed.ts'

/** Bodies with edits at random, 20,000 of them for each property. */

tellAtLength(seedOfToday('bodies'), 50)

const LONG = { timeout: 4 * TEST_MS }

describe('edited bodies', LONG, async () => void (await import('../../src/domain/event.fuzz.test.ts')))
