import type { Command } from 'commander'

import { startApp } from '../app.ts'
import { loadConfig } from '../config.ts'
import { within } from '../lifecycle.ts'
import { createLog } from '../log.ts'
import type { CliContext } from './context.ts'

/** How long work under way may take at a stop; pm2's kill timeout is longer. */
export const DRAIN_MS = 12_000
/** How long `start` waits for the Stream connections before it says ready all the same. */
const STREAMS_MS = 8_000

export type ProcessEdge = {
  /** Aborts when the process is asked to stop. */
  stopping: AbortSignal
  /** Tells the process manager that the daemon takes work. */
  ready: () => void
  /** Ends the process unless it has ended by itself after `ms`. */
  exitAfter: (ms: number) => void
}

export function addStartCommand(program: Command, context: CliContext, edge: ProcessEdge): void {
  program
    .command('start')
    .description('run the daemon until SIGTERM or SIGINT')
    .action(async () => {
      const config = loadConfig(context.env)
      const log = createLog(config.logLevel)
      const main = log.child({ component: 'main' })
      const startedAt = performance.now()
      const app = await startApp(config, log)
      await within(STREAMS_MS, app.streamsSettled(edge.stopping))
      main.info({ url: app.url, pid: process.pid, tookMs: Math.round(performance.now() - startedAt) }, 'ready')
      edge.ready()
      if (!edge.stopping.aborted) {
        await new Promise((resolve) => edge.stopping.addEventListener('abort', resolve, { once: true }))
      }
      main.info('stopping')
      edge.exitAfter(DRAIN_MS)
      await app.stop()
      main.info('stopped')
    })
}
