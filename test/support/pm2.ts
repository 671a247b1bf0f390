import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { eventually } from './eventually.ts'
import { PROCESS_MS } from './patience.ts'
import type { LogLine } from './world.ts'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PROGRAM = join(ROOT, 'node_modules', '.bin', 'pm2')

/** How pm2's own programs talk to its daemon; parts of its package without a name of their own. */
type Rpc = {
  axon: { socket(kind: 'req'): RpcSocket }
  rpc: {
    Client: new (socket: RpcSocket) => {
      call(method: string, args: object, done: (error: Error | null, answer: unknown) => void): void
    }
  }
}
type RpcSocket = { connect(path: string): void; close(): void; on(event: 'error', listener: () => void): void }
const load = createRequire(import.meta.url)
const { axon, rpc }: Rpc = {
  axon: load('pm2/modules/pm2-axon') as Rpc['axon'],
  rpc: load('pm2/modules/pm2-axon-rpc') as Rpc['rpc'],
}

export type Pm2Process = {
  pid: number
  status: string
  restarts: number
  /** Of the process before this one, or of the last one when it is stopped. */
  exitCode: number | undefined
}

/** A pm2 of its own, with its own home: whatever pm2 else runs on this machine is another one. */
export type Pm2 = {
  home: string
  run(args: string[], options?: { env?: Record<string, string>; cwd?: string }): Promise<{ code: number; text: string }>
  /** The process of that name. */
  find(name: string): Promise<Pm2Process | undefined>
  /** The lines that it has written to standard output so far, of all its lives. */
  linesOf(name: string): Promise<LogLine[]>
  errorsOf(name: string): Promise<string>
  /** What pm2 itself has noted. */
  notes(): Promise<string>
  /** Ends pm2 with all its processes and removes its home. */
  close(): Promise<void>
}

/** @param env what the processes get, beside this process's own environment */
export async function openPm2(env: Record<string, string>): Promise<Pm2> {
  const home = await mkdtemp(join(tmpdir(), 'pm2-'))
  const inherited = Object.entries(process.env).filter(([name]) => !/^pm2?_/i.test(name))
  const own = { PM2_HOME: home, PM2_DISCRETE_MODE: 'true', PM2_DISABLE_VERSION_CHECK: 'true', NO_COLOR: '1' }

  const run: Pm2['run'] = (args, options = {}) =>
    new Promise((resolve) => {
      execFile(
        PROGRAM,
        args,
        {
          cwd: options.cwd ?? ROOT,
          env: { ...Object.fromEntries(inherited), ...env, ...options.env, ...own },
          timeout: PROCESS_MS,
          maxBuffer: 16 * 1024 * 1024,
        },
        (error, out, err) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
          resolve({ code, text: `${out}${err}` })
        },
      )
    })

  const read = (path: string): Promise<string> => readFile(join(home, path), 'utf8').catch(() => '')
  const pidOf = async (): Promise<number> => Number(await read('pm2.pid'))
  const leaveNothing = (pid: number) => (): void => {
    if (pid > 0 && isAlive(pid)) process.kill(pid, 'SIGTERM')
  }
  // It runs in the background and would outlive a test run that is cut short.
  await run(['ping'])
  const killWithParent = leaveNothing(await pidOf())
  process.once('exit', killWithParent)

  return {
    home,
    run,
    async find(name) {
      const list = (await ask(join(home, 'rpc.sock'), 'getMonitorData')) as {
        name: string
        pid: number
        pm2_env: { status: string; restart_time: number; exit_code?: number }
      }[]
      const found = list.find((one) => one.name === name)
      if (!found) return undefined
      const { status, restart_time: restarts, exit_code: exitCode } = found.pm2_env
      return { pid: found.pid, status, restarts, exitCode }
    },
    async linesOf(name) {
      const written = await read(`logs/${name}-out.log`)
      const whole = written.slice(0, written.lastIndexOf('\n') + 1).split('\n')
      return whole.filter((line) => line !== '').map((line) => JSON.parse(line) as LogLine)
    },
    errorsOf: (name) => read(`logs/${name}-error.log`),
    notes: () => read('pm2.log'),
    async close() {
      const pid = await pidOf()
      const { code } = await run(['kill'])
      if (code !== 0) leaveNothing(pid)()
      process.off('exit', killWithParent)
      if (pid > 0) await eventually('pm2 is gone', () => !isAlive(pid))
      await rm(home, { recursive: true, force: true })
    },
  }
}

/** Asks the daemon itself: a program of pm2's takes a second to do the same. */
function ask(path: string, method: string): Promise<unknown> {
  const socket = axon.socket('req')
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`pm2 does not answer ${method}`)), PROCESS_MS)
    // It goes on trying by itself.
    socket.on('error', () => {})
    socket.connect(path)
    new rpc.Client(socket).call(method, {}, (error, answer) => {
      clearTimeout(timer)
      if (error) reject(error)
      else resolve(answer)
    })
  }).finally(() => socket.close())
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
