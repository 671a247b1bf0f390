import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { PROCESS_MS } from './patience.ts'
import type { LogLine } from './world.ts'

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

/** The built daemon as a process of its own. */
export type Daemon = {
  pid: number
  /** Its log so far. */
  lines: LogLine[]
  /** Everything it wrote so far, to standard output and standard error. */
  written(): string
  /** Sends the signal and resolves when the process is gone. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<End>
  /** Resolves when the process is gone, for whatever reason. */
  gone: Promise<End>
  /** Hands the process a message; only one with an entry of its own listens. */
  send(message: object): void
}

export type End = { code: number | null; signal: NodeJS.Signals | null }

/**
 * Starts `dist/main.js start` (made by `npm run build`) and resolves at its line `ready`.
 * @param entry what Node is to run instead; it is given a channel for messages
 */
export async function startDaemon(env: Record<string, string>, entry?: string[]): Promise<Daemon> {
  const child = spawn(process.execPath, ['--enable-source-maps', ...(entry ?? [MAIN, 'start'])], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', ...(entry ? (['ipc'] as const) : [])],
  })
  const lines: LogLine[] = []
  let errors = ''
  let printed = ''
  child.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString('utf8')))
  child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString('utf8')))
  const killWithParent = (): void => void child.kill('SIGKILL')
  process.once('exit', killWithParent)
  const gone = new Promise<End>((resolve) => {
    child.once('exit', (code, signal) => {
      process.off('exit', killWithParent)
      resolve({ code, signal })
    })
  })
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`the daemon was not ready within ${PROCESS_MS} ms\n${errors}${describe(lines)}`))
    }, PROCESS_MS)
    onLines(child, (line) => {
      lines.push(line)
      if (line.msg !== 'ready') return
      clearTimeout(timer)
      resolve()
    })
    void gone.then(({ code }) => {
      clearTimeout(timer)
      reject(new Error(`the daemon ended with ${code} before it was ready\n${errors}${describe(lines)}`))
    })
  })
  return {
    pid: child.pid ?? 0,
    lines,
    written: () => printed + errors,
    gone,
    end(signal) {
      child.kill(signal)
      return gone
    },
    send(message) {
      if (child.connected) child.send(message)
    },
  }
}

function onLines(child: ChildProcess, take: (line: LogLine) => void): void {
  let rest = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString('utf8')).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) if (part.startsWith('{')) take(JSON.parse(part) as LogLine)
  })
}

function describe(lines: LogLine[]): string {
  return lines
    .slice(-20)
    .map((line) => JSON.stringify(line))
    .join('\n')
}
