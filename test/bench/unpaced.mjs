/** The built daemon for which neither Flashduty's account nor a reader of pages knows a limit. */

const { startApp } = await import('../../dist/app.js')
const { loadConfig } = await import('../../dist/config.js')
const { createLog } = await import('../../dist/log.js')

const log = createLog('info')
const unlimited = { flashdutyPace: { perSecond: 0, perMinute: 0 }, viewsPerMinute: 1_000_000 }
const app = await startApp(loadConfig(process.env), log, unlimited)
await app.streamsSettled(AbortSignal.timeout(8_000))
process.on('SIGTERM', () => {
  setTimeout(() => process.exit(0), 2_000).unref()
  void app.stop().finally(() => process.exit(0))
})
process.send?.('ready')
