import { arm, installHooks } from './hooks.mjs'

/** The built daemon with little patience, for a parent that says at which step this process is to be killed. */

/** Ends of leases and pauses are waited for after each death. */
const OVERRIDES = {
  sweepMs: 500,
  reportMs: 250,
  watchMs: 200,
  delivery: { leaseMs: 3_000, spacingMs: 100, blockedRetryMs: 500, doubtMs: 1_000 },
  action: { clickLeaseMs: 4_000, spacingMs: 100, retryMs: 200 },
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
await app.streamsSettled(AbortSignal.timeout(8_000))
log.info({ component: 'main', url: app.url }, 'ready')
