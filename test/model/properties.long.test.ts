import { describe } from 'vitest'

import { TEST_MS } from '../support/patience.ts'
import { tellAtLength } from '../support/properties.ts'
import { seedOfToday } from '../support/seed.ts'

/** The tests beside the code that meet whatever comes from outside, gone through at length. */

tellAtLength(seedOfToday('properties'), 20)

const LONG = { timeout: 4 * TEST_MS }

describe('drawing a card', LONG, async () => void (await import('../../src/delivery/render/draw.test.ts')))
describe('cutting a text', LONG, async () => void (await import('../../src/delivery/render/cut-markdown.test.ts')))
describe('planning a delivery', LONG, async () => void (await import('../../src/delivery/plan/plan-delivery.test.ts')))
describe('opening a push', LONG, async () => void (await import('../../src/domain/callback-crypto.test.ts')))
describe('reading an event', LONG, async () => void (await import('../../src/domain/event.test.ts')))
describe('reading a button', LONG, async () => void (await import('../../src/domain/button.test.ts')))
describe('hearing of a group', LONG, async () => void (await import('../storage/group-facts.test.ts')))
