import { arm, installHooks } from './hooks.mjs'

/** The built daemon with little patience, for a parent that says at which step this process is to be killed. */

/** No lease ends before its process does, however slow that is: after a death the parent lets them run out. */
const LEASE_MS = 9 * 60_000

const OVERRIDES = {
  sweepMs: 500,
  reportMs: 250,
  watchMs: 200,
  delivery: { leaseMs: LEASE_MS, spacingMs: 100, blockedRetryMs: 500, doubtMs: 1_000 },
  action: { clickLeaseMs: LEASE_MS, spacingMs: 100, retryMs: 200 },
  supervisor: { backOffMinMs: 50, backOffMaxMs: 400, blockedMs: 200, lingerMs: 500 },
}

installHooks()
process.on('message', arm)
// A parent that died leaves nobody to end this process.
process.on('disconnect', () => process.exit(1))

const { startApp } = await import('../../dist/app.js')
const { loadConfig } = await import('../../dist/config.js')
const { createLog } = await import('../../dist/log.js')

const log = createLog('info')
const app = await startApp(loadConfig(process.env), log, OVERRIDES)
await app.streamsSettled(AbortSignal.timeout(90_000))
log.info({ component: 'main', url: app.url }, 'ready')
