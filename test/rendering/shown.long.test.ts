import { describe } from 'vitest'

import { TEST_MS } from '../support/patience.ts'
import { tellAtLength } from '../support/properties.ts'
import { seedOfToday } from '../support/seed.ts'

/** What people read on a card, gone through at length. */

tellAtLength(seedOfToday('shown'), 100)

const LONG = { timeout: 12 * TEST_MS }

describe('what is shown', LONG, async () => void (await import('./shown.test.ts')))
describe('what is shown of Markdown', LONG, async () => void (await import('./prose.test.ts')))
