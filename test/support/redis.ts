import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { access, chmod, constants, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Socket, createConnection, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

import { PROCESS_MS } from './patience.ts'

const SERVERS = ['redis-server', 'valkey-server']
const STARTS = 5
/** After this a server that was told to end is ended. */
const EXIT_MS = 10_000

export type RedisServer = {
  /** `redis://127.0.0.1:<port>` */
  url: string
  port: number
  /** Of the server running now; changes with `restart`. */
  pid: number
  stop(): Promise<void>
  /** Stops it and starts an empty one on the same port. */
  restart(): Promise<void>
  /** Forgets every key, keeps the connections. */
  flush(): Promise<void>
}

/**
 * Path of `redis-server` or `valkey-server`; installs it where that can be done without asking (root, apt-get).
 * Otherwise throws an error whose message is the one line to show before leaving with code 1.
 */
export async function ensureRedisServer(): Promise<string> {
  const found = await findOnPath(SERVERS)
  if (found !== undefined) return found
  if (await canInstall()) {
    await installWithApt('redis-server', 'The tests and the demo start their own Redis')
    const installed = await findOnPath(SERVERS)
    if (installed !== undefined) return installed
  }
  throw new Error(`redis-server (or valkey-server) is needed and was not found on PATH; ${await howToGetIt()}`)
}

/** A Redis of our own on a free port of 127.0.0.1, keeping nothing on disk. A Redis that already runs is left alone. */
export async function startRedis(): Promise<RedisServer> {
  const program = await ensureRedisServer()
  let running = await launchOnFreePort(program)
  const server: RedisServer = {
    url: `redis://127.0.0.1:${running.port}`,
    port: running.port,
    pid: running.pid,
    stop: () => running.stop(),
    restart: async () => {
      await running.stop()
      running = await launch(program, server.port)
      server.pid = running.pid
    },
    flush: async () => {
      const answer = await send(server.port, 'FLUSHALL')
      if (!answer.startsWith('+OK')) throw new Error(`Redis answered FLUSHALL with ${answer.trim()}`)
    },
  }
  return server
}

/** First of these programs found in a folder of PATH. */
export async function findOnPath(names: string[]): Promise<string | undefined> {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  for (const path of names.flatMap((name) => folders.map((folder) => join(folder, name)))) {
    if (await isExecutable(path)) return path
  }
  return undefined
}

export async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

/** Whether a Debian package can be installed without asking anybody. */
export async function canInstall(): Promise<boolean> {
  return process.getuid?.() === 0 && (await findOnPath(['apt-get'])) !== undefined
}

/**
 * Installs one Debian package, after saying so in one line on stderr. Services that come along are not started: for
 * as long as the installation runs, `policy-rc.d` forbids it (a policy that is already there is left to decide).
 */
export async function installWithApt(name: string, reason: string): Promise<void> {
  process.stderr.write(`${reason}; installing ${name} with apt-get, which may take a minute\n`)
  const policy = '/usr/sbin/policy-rc.d'
  const ours = await writeFile(policy, '#!/bin/sh\nexit 101\n', { flag: 'wx' }).then(
    () => true,
    () => false,
  )
  const run = (...args: string[]) =>
    promisify(execFile)('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
      maxBuffer: 64 * 1024 * 1024,
    })
  try {
    if (ours) await chmod(policy, 0o755)
    await run('update', '-q')
    await run('install', '-q', '-y', '--no-install-recommends', name)
  } catch (cause) {
    throw new Error(`apt-get could not install ${name}; try: apt-get update && apt-get install ${name}`, { cause })
  } finally {
    if (ours) await rm(policy, { force: true })
  }
}

async function howToGetIt(): Promise<string> {
  const ways: [program: string, hint: string][] = [
    ['apt-get', 'sudo apt-get install redis-server'],
    ['dnf', 'sudo dnf install valkey (or redis)'],
    ['yum', 'sudo yum install redis'],
    ['apk', 'apk add redis'],
    ['pacman', 'sudo pacman -S valkey'],
    ['zypper', 'sudo zypper install redis'],
    ['brew', 'brew install redis'],
  ]
  for (const [program, hint] of ways) {
    if ((await findOnPath([program])) !== undefined) return `get it with: ${hint}`
  }
  return 'get it with your package manager (apt-get install redis-server, dnf install valkey, brew install redis)'
}

type Running = { port: number; pid: number; stop(): Promise<void> }

/** Between finding a free port and listening on it somebody else may take it, hence the second try. */
async function launchOnFreePort(program: string): Promise<Running> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await launch(program, await findFreePort())
    } catch (cause) {
      if (attempt === STARTS) throw cause
    }
  }
}

async function launch(program: string, port: number): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), 'redis-'))
  const child = spawn(
    program,
    ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  const dismissGuard = guardAgainstLeftovers(child, folder)
  void exited.then(dismissGuard)

  const stop = async () => {
    child.ref()
    child.kill('SIGTERM')
    const hard = setTimeout(() => child.kill('SIGKILL'), EXIT_MS)
    await exited
    clearTimeout(hard)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await saysItIsReady(child)
    const answer = await send(port, 'PING')
    if (!answer.startsWith('+PONG')) throw new Error(`Redis on port ${port} answered PING with ${answer.trim()}`)
    child.unref()
    for (const pipe of [child.stdout, child.stderr]) if (pipe instanceof Socket) pipe.unref()
    return { port, pid: child.pid ?? 0, stop }
  } catch (cause) {
    await stop()
    throw cause
  }
}

/** Nothing is asked over the network before this very process has announced that the port is its own. */
function saysItIsReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = ''
    const settle = (outcome: () => void) => {
      clearTimeout(timer)
      outcome()
    }
    const fail = (why: string) => settle(() => reject(new Error(`Redis did not start: ${why}\n${output.slice(-2000)}`)))
    const timer = setTimeout(() => fail(`not ready after ${PROCESS_MS} ms`), PROCESS_MS)
    const read = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-10_000)
      if (/ready to accept connections/i.test(output)) settle(resolve)
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('error', (error) => fail(error.message))
    child.once('exit', (code, signal) => fail(`it ended with ${code ?? signal}`))
  })
}

/**
 * Ends the server and removes its folder when this process goes away without `stop`: on `exit`, and, since a killed
 * process runs no handler, by a shell that waits for the end of its standard input. Returns how to call both off.
 */
function guardAgainstLeftovers(child: ChildProcess, folder: string): () => void {
  if (child.pid === undefined) return () => {}
  const watcher = spawn('sh', ['-c', 'cat >/dev/null; kill -9 "$1"; rm -rf "$2"', 'sh', `${child.pid}`, folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  watcher.on('error', () => {})
  watcher.stdin.on('error', () => {})
  watcher.unref()
  const onExit = () => child.kill('SIGKILL')
  process.once('exit', onExit)
  return () => {
    process.removeListener('exit', onExit)
    watcher.kill('SIGKILL')
  }
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => (address !== null && typeof address === 'object' ? resolve(address.port) : reject()))
    })
  })
}

/** One inline command over a connection of its own; the first chunk of the answer. */
function send(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ port, host: '127.0.0.1' }, () => socket.write(`${command}\r\n`))
    socket.setTimeout(PROCESS_MS, () => socket.destroy(new Error(`Redis did not answer ${command}`)))
    socket.once('error', reject)
    socket.once('data', (chunk) => {
      resolve(chunk.toString())
      socket.destroy()
    })
  })
}
