import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'

import Database from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'

import { type App, type Overrides, startApp } from '../../src/app.ts'
import { runCli } from '../../src/cli/program.ts'
import { IN_CLEAR } from '../../src/cli/secret-option.ts'
import { type Config, loadConfig } from '../../src/config.ts'
import { createLog } from '../../src/log.ts'
import type { Handle, Schema } from '../../src/storage/schema.ts'
import { startDingTalk } from '../sandbox/dingtalk/index.ts'
import type * as DingTalk from '../sandbox/dingtalk/types.ts'
import { startFlashduty } from '../sandbox/flashduty/index.ts'
import type { FlashdutySandbox, Member } from '../sandbox/flashduty/types.ts'
import { CONDITION_MS } from './patience.ts'
import { type RedisServer, startRedis } from './redis.ts'

export type Person = { user: DingTalk.User; member: Member }

/** Flashduty's id of the integration, as its deliveries name it. */
export const DATA_SOURCE_ID = 5_001

/**
 * A corporation with its people, groups and app at both platforms, a Redis and an empty data folder: everything around
 * the daemon. 张三 and 李四 are linked with their keys; 王五 never opened the app.
 */
export type World = {
  env: Record<string, string>
  config: Config
  redis: RedisServer
  dingtalk: DingTalk.DingTalkSandbox
  flashduty: FlashdutySandbox
  dingtalkApp: DingTalk.App
  integrationId: string
  people: { zhang: Person; li: Person; wang: Person }
  groups: { oncall: DingTalk.Group; platform: DingTalk.Group }
  channelId: number
  /** The database file beside the running daemon, for reading only: opened at the first look and kept. */
  reader(): { raw: Database.Database; handle: Handle }
  /** What is to be done before Redis and the platforms go. */
  atClose(step: () => Promise<void>): void
  /** Runs a command of the CLI in this process. */
  cli(...args: string[]): Promise<{ code: number; out: string; err: string }>
  close(): Promise<void>
}

export type WorldSettings = { dingtalk?: Partial<DingTalk.DingTalkSettings>; env?: Record<string, string> }

/** @param settings `env` is laid over what the daemon and the CLI get */
export async function createWorld(settings: WorldSettings = {}): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'flashduty-dingtalk-'))
  const redis = await startRedis()
  const dingtalk = await startDingTalk({ endpointQuery: true, pressManner: 'each-in-turn', ...settings.dingtalk })
  const flashduty = await startFlashduty({ redisUrl: redis.url, integrationId: DATA_SOURCE_ID })
  let reader: ReturnType<World['reader']> | undefined
  const steps: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => {
    reader?.raw.close()
    for (const step of steps) await step()
    await flashduty.close()
    await dingtalk.close()
    await redis.stop()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const env = {
      REDIS_URL: redis.url,
      DATABASE_URL: `sqlite:${join(folder, 'data', 'flashduty-dingtalk.db')}`,
      HTTP_HOST: '127.0.0.1',
      HTTP_PORT: '0',
      PUBLIC_URL: 'https://oncall.example.com/fd',
      EGRESS_IP: '203.0.113.7',
      DINGTALK_API_URL: dingtalk.apiUrl,
      DINGTALK_OAPI_URL: dingtalk.oapiUrl,
      DINGTALK_LOGIN_URL: dingtalk.loginUrl,
      FLASHDUTY_API_URL: flashduty.apiUrl,
      // What the machine itself goes through does not lead to the sandbox.
      HTTPS_PROXY: '',
      ...settings.env,
    }
    const cli: World['cli'] = (...args) => runInProcess(env, args)
    const { control } = dingtalk
    const zhang = createPerson(dingtalk, flashduty, '张三', 'zhang.san@example.com')
    const li = createPerson(dingtalk, flashduty, '李四', 'li.si@example.com')
    const wang = createPerson(dingtalk, flashduty, '王五', 'wang.wu@example.com')
    const memberUserIds = [zhang, li, wang].map((person) => person.user.userId)
    const groups = {
      oncall: control.createGroup({ title: '数据库值班群', memberUserIds }),
      platform: control.createGroup({ title: '平台运维群', memberUserIds }),
    }
    const app = control.createApp()
    const form = {
      '--name': '钉钉值班',
      '--corp-id': app.corpId,
      '--agent-id': app.agentId,
      '--client-id': app.clientId,
      '--client-secret': app.clientSecret,
      '--aes-key': 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG',
      '--token': 'demoToken01',
      '--data-source-id': String(DATA_SOURCE_ID),
      '--cool-app-code': app.coolAppCode,
    }
    const added = await cli('integration', 'add', '--json', '--default', ...Object.entries(form).flat())
    if (added.code !== 0) throw new Error(`integration add failed: ${added.err}`)
    const integrationId = (JSON.parse(added.out) as { id: string }).id
    for (const { user, member } of [zhang, li]) {
      const link = ['--dingtalk-user', user.userId, '--member', String(member.member_id)]
      const linked = await cli('links', 'add', ...link, '--member-key', member.app_key)
      if (linked.code !== 0) throw new Error(`links add failed: ${linked.err}`)
    }
    const config = loadConfig(env)
    return {
      env,
      config,
      redis,
      dingtalk,
      flashduty,
      dingtalkApp: app,
      integrationId,
      people: { zhang, li, wang },
      groups,
      channelId: flashduty.control.createChannel('数据库').channel_id,
      reader: () => (reader ??= openReader(config.databasePath)),
      atClose: (step) => void steps.push(step),
      cli,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

function createPerson(
  dingtalk: DingTalk.DingTalkSandbox,
  flashduty: FlashdutySandbox,
  name: string,
  email: string,
): Person {
  return {
    user: dingtalk.control.createUser({ name }),
    member: flashduty.control.createMember({ member_name: name, email }),
  }
}

function openReader(path: string): ReturnType<World['reader']> {
  const raw = new Database(path, { readonly: true })
  return { raw, handle: new Kysely<Schema>({ dialect: new SqliteDialect({ database: raw }) }) }
}

async function runInProcess(env: Record<string, string>, args: string[]) {
  let out = ''
  let err = ''
  const code = await runCli(
    args,
    {
      env,
      print: (text) => void (out += `${text}\n`),
      complain(text) {
        // Only one test's business: the secrets of the others are no secrets.
        if (!text.includes(IN_CLEAR)) err += `${text}\n`
      },
    },
    {
      stopping: AbortSignal.abort(),
      ready: () => {},
      exitAfter: () => {},
    },
  )
  return { code, out, err }
}

export type LogLine = Record<string, unknown> & { level: string; component?: string; msg: string }

export type RunningApp = App & { lines: LogLine[] }

/** Boots the real daemon inside this process, with its log lines kept instead of printed. */
export async function bootApp(world: World, overrides: Overrides = {}): Promise<RunningApp> {
  const lines: LogLine[] = []
  const stream = new PassThrough()
  let rest = ''
  stream.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString('utf8')).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) lines.push(JSON.parse(part) as LogLine)
  })
  const app = await startApp(world.config, createLog('debug', stream), { watchMs: 200, ...overrides })
  await app.streamsSettled(AbortSignal.timeout(CONDITION_MS))
  return { ...app, lines }
}
