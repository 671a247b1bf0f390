import { isatty } from 'node:tty'

import { runCli } from './cli/program.ts'
import { createLog } from './log.ts'

const stopping = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopping.abort())

// What nobody caught is a mistake of ours: say it once, in the log's own shape, and let the process manager start anew.
for (const kind of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(kind, (error: unknown) => {
    createLog('fatal').fatal({ component: 'main', kind, err: error }, 'crashed')
    process.exit(1)
  })
}

process.exitCode = await runCli(
  process.argv.slice(2),
  {
    env: process.env,
    print: (text) => void process.stdout.write(`${text}\n`),
    complain: (text) => void process.stderr.write(`${text}\n`),
    // Questions go where they are read when the output goes into a file. process.stdin is touched for a question alone: from
    // then on reading the descriptor does not wait, and fails when whoever writes or types is slow.
    terminal:
      isatty(0) && isatty(2)
        ? {
            get input() {
              return process.stdin
            },
            output: process.stderr,
          }
        : undefined,
  },
  {
    stopping: stopping.signal,
    ready: () => process.send?.('ready'),
    exitAfter: (ms) => {
      setTimeout(() => process.exit(1), ms).unref()
    },
  },
)
// The pipe to the process manager would keep the process alive.
if (process.connected) process.disconnect()
