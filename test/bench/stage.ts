import { execFile, spawn } from 'node:child_process'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import Database from 'better-sqlite3'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'

import type { DingTalkSettings, Group, JournalEntry } from '../sandbox/dingtalk/types.ts'
import { eventually } from '../support/eventually.ts'
import { createWorld, type World } from '../support/world.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const UNPACED = fileURLToPath(new URL('./unpaced.mjs', import.meta.url))
const DELIVER_QUEUE = 'flashduty-dingtalk-deliver'
const READY_MS = 20_000

/** The world of the tests with the built daemon in a process of its own, its log going to a file. */
export type Stage = {
  world: World
  queue: Queue
  daemonPid: number
  /** Groups of one member each, with the cool app, known to the daemon. */
  addGroups(count: number): Promise<Group[]>
  /** Hands over many jobs in one go, as Flashduty would one by one. */
  enqueue(bodies: Body[]): Promise<void>
  /** Waiting jobs are not begun with until the returned function is called. */
  hold(): Promise<() => Promise<void>>
  /** Resolves when no job waits or is worked on. */
  jobsDone(timeoutMs: number): Promise<void>
  /** The number that `select count(*) as count …` finds in the daemon's database. */
  count(query: string, ...values: unknown[]): number
  /** Changes the pace and resolves when the daemon follows it. */
  setQps(qps: number): Promise<void>
  rssMb(): Promise<number>
  /** Seconds of computing that the daemon has used so far, on whichever core. */
  cpuS(): Promise<number>
  close(): Promise<void>
}

/** A job of the deliver queue. */
export type Body = { event_id: string; event_type: string } & Record<string, unknown>

/** @param settings `qps` of the integration and of DingTalk; 0 = no limit, which switches the pacer off */
export async function setStage(settings: {
  qps: number
  dingtalk?: Partial<DingTalkSettings>
  env?: Record<string, string>
  /** Neither Flashduty's account nor a reader of pages has a limit. */
  unpaced?: boolean
}): Promise<Stage> {
  const undo: (() => Promise<unknown>)[] = []
  const close = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    const world = await createWorld({
      dingtalk: { qpsPerApi: settings.qps, systemPingMs: 0, ...settings.dingtalk },
      env: { ...settings.env },
    })
    undo.push(() => world.close())
    const change = async (...fields: string[]): Promise<void> => {
      const { code, err } = await world.cli('integration', 'set', world.integrationId, ...fields)
      if (code !== 0) throw new Error(err)
    }
    await change('--qps', String(settings.qps), '--monthly-calls', '0', '--monthly-pushes', '0')
    const daemon = await startDaemon(world.env, settings.unpaced ?? false)
    undo.push(() => daemon.stop())
    const redis = new Redis(world.redis.url, { maxRetriesPerRequest: null })
    const queue = new Queue(DELIVER_QUEUE, { connection: redis })
    undo.push(async () => {
      await queue.close()
      redis.disconnect()
    })
    const db = new Database(world.config.databasePath, { readonly: true })
    undo.push(async () => db.close())

    return {
      world,
      queue,
      daemonPid: daemon.pid,
      addGroups: (count) => addGroups(world, count),
      enqueue: (bodies) => addJobs(queue, bodies),
      async hold() {
        await queue.pause()
        return () => queue.resume()
      },
      async jobsDone(timeoutMs) {
        await eventually(
          'the deliver queue is empty',
          async () => {
            const counts = await queue.getJobCounts('waiting', 'active', 'delayed')
            return Object.values(counts).every((count) => count === 0)
          },
          timeoutMs,
        )
      },
      count: (query, ...values) => (db.prepare(query).get(...values) as { count: number }).count,
      async setQps(qps) {
        const before = await daemon.countLogged('integration-changed')
        await change('--qps', String(qps))
        const isTaken = async () => (await daemon.countLogged('integration-changed')) > before
        await eventually('the daemon has taken the change up', isTaken, 20_000)
      },
      rssMb: async () => Number(await ps(daemon.pid, 'rss')) / 1_024,
      cpuS: () => readCpuS(daemon.pid),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Calls the listener for each card call that DingTalk has answered. */
export function onCardCall(world: World, listener: (call: CardCall) => void): () => void {
  return world.dingtalk.journal.subscribe((entry) => {
    const call = cardCall(entry)
    if (call) listener(call)
  })
}

export type CardCall = {
  api: 'createAndDeliver' | 'deliver' | 'updateCard'
  incidentId: string
  outTrackId: string
  status: number
  /** When it arrived, on the clock of `performance.now()`. */
  atMs: number
}

function cardCall(entry: JournalEntry): CardCall | undefined {
  if (entry.type !== 'request') return undefined
  const { api } = entry
  if (api !== 'createAndDeliver' && api !== 'deliver' && api !== 'updateCard') return undefined
  const { outTrackId = '' } = entry.body as { outTrackId?: string }
  const incidentId = outTrackId.split('-')[1] ?? ''
  return { api, incidentId, outTrackId, status: entry.status, atMs: performance.now() - entry.tookMs }
}

async function addJobs(queue: Queue, bodies: Body[]): Promise<void> {
  for (let from = 0; from < bodies.length; from += 500) {
    await queue.addBulk(
      bodies.slice(from, from + 500).map((body) => ({
        name: body.event_type,
        data: body,
        opts: {
          jobId: `ev-${body.event_id}`,
          attempts: 5,
          backoff: { type: 'exponential', delay: 2_000 },
          removeOnComplete: { age: 86_400 },
          removeOnFail: { age: 604_800 },
        },
      })),
    )
  }
}

async function addGroups(world: World, count: number): Promise<Group[]> {
  const { control } = world.dingtalk
  const memberUserIds = [world.people.zhang.user.userId]
  const groups = Array.from({ length: count }, (_, index) =>
    control.createGroup({ title: `值班群 ${index + 1}`, memberUserIds }),
  )
  for (const group of groups) control.installCoolApp(group.openConversationId, world.dingtalkApp.clientId)
  await eventually(
    'the groups are known by title',
    async () => {
      const { out } = await world.cli('groups', '--json')
      const rows = JSON.parse(out) as { openConversationId: string; title: string | null }[]
      const known = new Set(rows.filter(({ title }) => title !== null).map((row) => row.openConversationId))
      return groups.every((group) => known.has(group.openConversationId))
    },
    60_000,
  )
  return groups
}

/**
 * As `npm start` would, and its log goes to a file, so that nobody's reading of it is measured. `BENCH_NODE_OPTIONS` reaches
 * this process only.
 */
async function startDaemon(
  env: Record<string, string>,
  unpaced: boolean,
): Promise<{ pid: number; countLogged(msg: string): Promise<number>; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'flashduty-dingtalk-bench-'))
  const log = await open(join(folder, 'daemon.log'), 'w')
  const options = (process.env['BENCH_NODE_OPTIONS'] ?? '').split(' ').filter((option) => option !== '')
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { scripts: { start: string } }
  const usual = scripts.start.split(' ').slice(1)
  const command = unpaced ? [...usual.filter((word) => word.startsWith('-')), UNPACED] : usual
  const child = spawn(process.execPath, [...options, ...command], {
    cwd: ROOT,
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', log.fd, log.fd, 'ipc'],
  })
  const killWithParent = (): void => void child.kill('SIGKILL')
  process.once('exit', killWithParent)
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const stop = async (): Promise<void> => {
    process.off('exit', killWithParent)
    child.kill('SIGTERM')
    await gone
    await log.close()
    await rm(folder, { recursive: true, force: true })
  }
  const ready = await new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), READY_MS)
    const settle = (isReady: boolean) => () => {
      clearTimeout(timer)
      resolve(isReady)
    }
    child.once('message', settle(true))
    void gone.then(settle(false))
  })
  if (!ready) {
    await stop()
    throw new Error(`the daemon was not ready within ${READY_MS} ms`)
  }
  const countLogged = async (msg: string): Promise<number> =>
    (await readFile(join(folder, 'daemon.log'), 'utf8')).split(`"msg":"${msg}"`).length - 1
  return { pid: child.pid ?? 0, countLogged, stop }
}

/** What the operating system says about the process. */
async function ps(pid: number, column: 'rss' | 'time'): Promise<string> {
  const { stdout } = await promisify(execFile)('ps', ['-o', `${column}=`, '-p', String(pid)])
  return stdout.trim()
}

/** In hundredths on Linux, where `ps` knows whole seconds only. */
async function readCpuS(pid: number): Promise<number> {
  if (process.platform !== 'linux') return toSeconds(await ps(pid, 'time'))
  const [, fields = ''] = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')
  const [user, system] = fields.split(' ').slice(11, 13)
  return (Number(user) + Number(system)) / 100
}

/** `[[hh:]mm:]ss`, with a fraction where the system has one. */
function toSeconds(time: string): number {
  return time.split(':').reduce((sum, part) => sum * 60 + Number(part), 0)
}
