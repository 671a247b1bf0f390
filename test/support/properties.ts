import fc from 'fast-check'
import { afterAll, beforeAll } from 'vitest'

/** How far the tests of properties go: a little way from a fixed seed, unless they are told at length. */
let told = { seed: 1, times: 1 }

/** What is imported from now on goes so many times as far, from that seed. */
export function tellAtLength(seed: number, times: number): void {
  told = { seed, times }
}

/** @param count what is enough every time */
export function atLength(count: number): number {
  return count * told.times
}

/** For the properties of this file, or of the `describe` that is open. @param runs of each of them */
export function useProperties(runs = 100): void {
  const settings = { seed: told.seed, numRuns: atLength(runs) }
  beforeAll(() => fc.configureGlobal(settings))
  afterAll(() => fc.resetConfigureGlobal())
}
