import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import {
  findCycle,
  importsOf,
  isTest,
  reachableFrom,
  readSources,
  ROOT,
  type Sources,
  withoutComments,
} from './sources.ts'

const everything = readSources('src')
const product: Sources = new Map([...everything].filter(([path]) => !isTest(path)))

/** The folder, or the file where it lies in none. */
const roomOf = (path: string): string => path.split('/')[0] ?? path

const SHARED = ['domain', 'errors.ts', 'log.ts', 'lifecycle.ts', 'clock.ts']
const CALLS = ['domain', 'errors.ts', 'clock.ts', 'outbound.ts']

/** Who may import whom; everybody may import from the own room. */
const MAY_IMPORT: Record<string, string[]> = {
  // What comes in.
  stream: [...SHARED, 'room.ts', 'event-loop.ts', 'outbound.ts', 'proxy.ts'],
  http: [
    ...SHARED,
    'room.ts',
    'event-loop.ts',
    'metrics.ts',
    'events',
    'actions',
    'storage',
    'dingtalk',
    'flashduty',
    'queue',
  ],
  events: [...SHARED, 'storage', 'flashduty', 'queue'],
  actions: [...SHARED, 'storage', 'flashduty', 'queue'],
  // What goes out.
  delivery: [...SHARED, 'storage', 'dingtalk', 'flashduty', 'queue'],
  dingtalk: [...CALLS, 'log.ts', 'proxy.ts'],
  flashduty: CALLS,
  'outbound.ts': ['errors.ts', 'lifecycle.ts', 'proxy.ts'],
  'proxy.ts': [],
  // What both stand on. The queue knows nobody: handlers are handed in.
  queue: ['errors.ts', 'log.ts', 'lifecycle.ts'],
  storage: ['domain', 'errors.ts', 'clock.ts'],
  domain: ['errors.ts'],
  'log.ts': ['domain', 'errors.ts'],
  'errors.ts': [],
  'lifecycle.ts': [],
  'clock.ts': [],
  'event-loop.ts': [],
  'metrics.ts': [],
  'room.ts': ['domain', 'lifecycle.ts', 'log.ts'],
  'config.ts': ['proxy.ts'],
  // Putting it together.
  'integration-doors.ts': [...SHARED, 'outbound.ts', 'room.ts', 'events', 'delivery', 'dingtalk', 'storage'],
  'integration-stream.ts': [...SHARED, 'room.ts', 'stream'],
  'integration-runtime.ts': [
    ...SHARED,
    'outbound.ts',
    'room.ts',
    'event-loop.ts',
    'integration-doors.ts',
    'integration-stream.ts',
    'stream',
    'events',
    'actions',
    'delivery',
    'dingtalk',
    'queue',
    'storage',
  ],
  // What is seen of it from outside.
  'status.ts': [...SHARED, 'metrics.ts', 'integration-runtime.ts', 'http', 'delivery', 'queue', 'storage', 'stream'],
  // Which of them run, as the database says.
  'integrations.ts': [...SHARED, 'integration-runtime.ts', 'room.ts', 'storage'],
  // What goes on without anything coming in.
  'upkeep.ts': [...SHARED, 'integrations.ts', 'delivery', 'queue', 'storage'],
  'app.ts': [
    ...SHARED,
    'upkeep.ts',
    'integrations.ts',
    'status.ts',
    'config.ts',
    'event-loop.ts',
    'outbound.ts',
    'metrics.ts',
    'integration-doors.ts',
    'integration-runtime.ts',
    'stream',
    'http',
    'events',
    'actions',
    'delivery',
    'dingtalk',
    'flashduty',
    'queue',
    'storage',
  ],
  // What a stored push needs to go through the handlers once more.
  'replay.ts': [...SHARED, 'events', 'actions', 'delivery', 'flashduty', 'queue', 'storage'],
  cli: [...SHARED, 'config.ts', 'outbound.ts', 'app.ts', 'replay.ts', 'storage', 'dingtalk', 'flashduty', 'queue'],
  'main.ts': ['cli', 'log.ts'],
  // What runs in people's browsers: bundled by itself, with nothing of the rest in it.
  browser: [],
}

/** Packages have one owner each, so that they can be replaced; only zod is at home everywhere. */
const OWNERS: Record<string, string[]> = {
  'dingtalk-stream': ['stream'],
  ws: ['stream'],
  'https-proxy-agent': ['stream'],
  bullmq: ['queue'],
  ioredis: ['queue'],
  kysely: ['storage'],
  'better-sqlite3': ['storage'],
  hono: ['http'],
  '@hono/node-server': ['http'],
  'rate-limiter-flexible': ['http'],
  'dingtalk-jsapi': ['browser'],
  'markdown-it': ['http', 'delivery'],
  htmlparser2: ['domain'],
  'lru-cache': ['http'],
  undici: ['outbound.ts'],
  pino: ['log.ts'],
  'p-queue': ['flashduty', 'http'],
  'prom-client': ['metrics.ts'],
  'safe-stable-stringify': ['domain'],
  commander: ['cli'],
  'cli-table3': ['cli'],
  '@inquirer/password': ['cli'],
  'node:fs': ['cli', 'http', 'storage'],
  'node:path': ['config.ts', 'storage'],
  'node:crypto': ['domain', 'queue', 'storage'],
  'node:net': ['http', 'proxy.ts'],
  'node:tty': ['cli', 'main.ts'],
  'node:http': ['http'],
  'node:stream': ['http'],
  'node:zlib': ['http'],
}

/** Narrower than a room: the app is started by one command, the vendor's client is caged in one file. */
const ONLY_FROM: Record<string, string[]> = {
  'app.ts': ['cli/start.ts'],
  'integration-runtime.ts': ['app.ts', 'integrations.ts', 'status.ts'],
  'dingtalk-stream': ['stream/connection.ts'],
  ws: ['stream/connection.ts'],
  'https-proxy-agent': ['stream/connection.ts'],
  'better-sqlite3': ['storage/db.ts'],
  'rate-limiter-flexible': ['http/h5/limits.ts'],
  htmlparser2: ['domain/html-text.ts'],
  'node:zlib': ['http/api/inflate.ts', 'http/h5/answer-html.ts'],
}

const packageOf = (spec: string): string =>
  spec.startsWith('node:') ? spec : spec.split('/', spec.startsWith('@') ? 2 : 1).join('/')

function findBreaches(sources: Sources): string[] {
  const breaches: string[] = []
  for (const [path, text] of sources) {
    const room = roomOf(path)
    for (const spec of importsOf(path, text)) {
      const inside = sources.has(spec)
      const name = inside ? roomOf(spec) : packageOf(spec)
      const allowed = inside
        ? name === room || MAY_IMPORT[room]?.includes(name)
        : name === 'zod' || OWNERS[name]?.includes(room)
      const onlyFrom = ONLY_FROM[inside ? spec : name]
      if (!allowed || (onlyFrom && !onlyFrom.includes(path))) breaches.push(`${path} imports ${spec}`)
    }
  }
  return breaches
}

describe('the rooms', () => {
  test('are those of the map', () => {
    expect([...new Set([...product.keys()].map(roomOf))].sort()).toEqual(Object.keys(MAY_IMPORT).sort())
  })

  test('import only what the map allows', () => {
    expect(findBreaches(product)).toEqual([])
  })

  test('do not import each other in circles, types included', () => {
    expect(findCycle(product)).toBeUndefined()
  })

  test('hold nothing that the program does not use', () => {
    const starts = ['main.ts', 'browser/login.ts', 'browser/page.ts']
    const used = new Set(starts.flatMap((start) => [...reachableFrom(product, start)]))
    expect([...product.keys()].filter((path) => !used.has(path))).toEqual([])
  })

  test.each<[string, string, string]>([
    ['domain/x.ts', "import { y } from '../storage/db.ts'", 'domain/x.ts imports storage/db.ts'],
    ['queue/x.ts', "import type { y } from '../delivery/plan/plan.ts'", 'queue/x.ts imports delivery/plan/plan.ts'],
    ['stream/x.ts', "export { y } from '../delivery/plan/plan.ts'", 'stream/x.ts imports delivery/plan/plan.ts'],
    ['actions/x.ts', "await import('../dingtalk/client.ts')", 'actions/x.ts imports dingtalk/client.ts'],
    ['delivery/x.ts', "import { Queue } from 'bullmq'", 'delivery/x.ts imports bullmq'],
    ['cli/x.ts', "import { Hono } from 'hono/tiny'", 'cli/x.ts imports hono/tiny'],
    ['stream/x.ts', "import { WebSocket } from 'ws'", 'stream/x.ts imports ws'],
    ['http/x.ts', "import 'node:child_process'", 'http/x.ts imports node:child_process'],
    ['http/x.ts', "import { startApp } from '../app.ts'", 'http/x.ts imports app.ts'],
    ['cli/x.ts', "import { rig } from '../../test/support/world.ts'", 'cli/x.ts imports ../test/support/world.ts'],
  ])('would be guarded against %s: %s', (path, text, breach) => {
    expect(findBreaches(new Map([...product, [path, text]]))).toEqual([breach])
  })

  test('would be guarded against circles', () => {
    const circle: Sources = new Map([
      ['a.ts', "import { b } from './x/b.ts'"],
      ['x/b.ts', "export type { c } from '../c.ts'"],
      ['c.ts', "import './x/b.ts'"],
    ])
    expect(findCycle(circle)).toEqual(['x/b.ts', 'c.ts', 'x/b.ts'])
  })
})

describe('packages', () => {
  type Package = { dependencies: Record<string, string>; devDependencies: Record<string, string> }
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Package

  test('that the product imports are its dependencies, and it has no others', () => {
    const imported = [...product].flatMap(([path, text]) => importsOf(path, text).filter((spec) => !product.has(spec)))
    const packages = new Set(imported.map(packageOf).filter((name) => !name.startsWith('node:')))
    expect([...packages].sort()).toEqual(Object.keys(dependencies).sort())
  })

  test('have one exact version each', () => {
    for (const version of Object.values({ ...dependencies, ...devDependencies }))
      expect(version).toMatch(/^\d+\.\d+\.\d+$/)
  })
})

describe('the sandbox and the product know nothing of each other', () => {
  test('test/sandbox imports nothing of src', () => {
    const sandbox = readSources('test/sandbox')
    expect(sandbox.size).toBeGreaterThan(20)
    const breaches = [...sandbox].flatMap(([path, text]) =>
      importsOf(path, text)
        .filter((spec) => spec.startsWith('..') && !/^\.\.\/(support|sandbox)\//.test(spec))
        .map((spec) => `${path} imports ${spec}`),
    )
    expect(breaches).toEqual([])
  })

  test('nothing in src imports anything of test, its unit tests nothing but what they share', () => {
    const shared = ['../test/support/properties.ts']
    const breaches = [...everything].flatMap(([path, text]) =>
      importsOf(path, text)
        .filter((spec) => spec.startsWith('..') && !(isTest(path) && shared.includes(spec)))
        .map((spec) => `${path} imports ${spec}`),
    )
    expect(breaches).toEqual([])
    for (const path of shared) {
      const text = readFileSync(join(ROOT, 'src', path), 'utf8')
      expect(
        importsOf(path.slice('../test/'.length), text).filter((spec) => /^(sandbox|support)\//.test(spec)),
      ).toEqual([])
    }
  })
})

/** Time, chance, the environment and the network come in where they can be handed over, and nowhere else. */
describe('only the files whose job it is', () => {
  test.each<[string, RegExp, string[]]>([
    ['read the environment', /\bprocess\.env\b/, ['main.ts']],
    ['end the process or listen to its signals', /\bprocess\.(exit|on|once|kill|abort)\b/, ['main.ts']],
    // BullMQ's delays and job ages count in real time, whatever clock the rest is given.
    [
      'ask for the time',
      /\bDate\.now\b|\bnew Date\(\)|\bDate\(\)/,
      ['browser/login.ts', 'clock.ts', 'queue/workers.ts'],
    ],
    // The jitter between two attempts to connect.
    ['throw dice', /\bMath\.random\b/, ['stream/back-off.ts']],
    // Ids, the key of the callback addresses, nonces, the secret key, tokens and sessions.
    [
      'make random bytes',
      /\brandom(UUID|Bytes|Int)\b|\bgetRandomValues\b/,
      [
        'domain/callback-crypto.ts',
        'domain/ids.ts',
        'storage/card-routes.ts',
        'storage/integrations.ts',
        'storage/secret-box.ts',
        'storage/sessions.ts',
        'storage/tokens.ts',
      ],
    ],
    // Node 20 forgets it when it is joined with others and garbage is collected: `deadline` does not.
    ['wait for a timeout signal', /\bAbortSignal\.timeout\b/, []],
    [
      'call others over HTTP',
      /(?<![\w.])fetch\(|\bXMLHttpRequest\b/,
      ['browser/login.ts', 'browser/send.ts', 'browser/show.ts'],
    ],
    ['open a WebSocket', /\bnew WebSocket\b/, ['stream/connection.ts']],
    ['write to the console', /\bconsole\.\w|\bprocess\.(stdout|stderr)\b/, ['main.ts']],
  ])('%s', (_what, pattern, files) => {
    const found = [...product].filter(([, text]) => pattern.test(withoutComments(text))).map(([path]) => path)
    expect(found).toEqual(files)
  })
})
