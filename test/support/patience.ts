/**
 * How long the tests wait for what is sure to come. Each is far beyond what a busy machine needs: whoever waits does so
 * for a condition, and goes on the moment it holds. Only a test that is about to fail waits as long as this.
 */

/** For a condition. */
export const CONDITION_MS = 90_000
/** For a server, a browser, a daemon or a command of another program to start or to end. */
export const PROCESS_MS = 120_000
/** For one test or hook with all its conditions. */
export const TEST_MS = 300_000
