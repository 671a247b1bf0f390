import { spawn } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { runCli } from '../../src/cli/program.ts'
import { IN_CLEAR } from '../../src/cli/secret-option.ts'
import { loadConfig } from '../../src/config.ts'
import { openDb } from '../../src/storage/db.ts'
import { findIntegration } from '../../src/storage/integrations.ts'
import { createSecretBox, loadSecretKey } from '../../src/storage/secret-box.ts'
import { type Printed, runCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'

/** Command lines are read by whoever is on the host: a secret can be given in other ways. */

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const SECRET = 'very-secret-client-secret'
const AES_KEY = 'Zyxwvutsrqponmlkjihgfedcba9876543210ZYXWVUT'
const TOKEN = 'anotherToken99'
const SECRETS = [SECRET, AES_KEY, TOKEN]

let folder: string
let env: Record<string, string>
let count = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flashduty-dingtalk-secrets-'))
  env = { DATABASE_URL: `sqlite:${join(folder, 'test.db')}`, SECRET_KEY: '', REDIS_URL: 'redis://127.0.0.1:1' }
})
beforeEach(() => void (count += 1))
afterAll(() => rm(folder, { recursive: true, force: true }))

/** The guide's form without its secrets. */
const form = () => [
  'integration',
  'add',
  '--json',
  '--name',
  'n',
  '--corp-id',
  'c',
  '--agent-id',
  '1',
  '--client-id',
  `k${count}`,
]

async function fileOf(content: string | Buffer): Promise<string> {
  const path = join(folder, `secret-${Math.random()}`)
  await writeFile(path, content)
  return path
}

/** The given, the others in files. */
async function add(given: { secret?: string; aes?: string; token?: string }, input?: string) {
  const at = async (value: string) => `@${await fileOf(`${value}\n`)}`
  const values = {
    '--client-secret': given.secret ?? (await at(SECRET)),
    '--aes-key': given.aes ?? (await at(AES_KEY)),
    '--token': given.token ?? (await at(TOKEN)),
  }
  const args = [...form(), ...Object.entries(values).flat()]
  return input === undefined ? runHere(args) : runCommand(env, args, input)
}

/** Without a process of its own, where standard input has no part in it. */
async function runHere(args: string[]): Promise<Printed> {
  let out = ''
  let err = ''
  const terminal = {
    env,
    print: (text: string) => void (out += `${text}\n`),
    complain: (text: string) => void (err += `${text}\n`),
  }
  const code = await runCli(args, terminal, { stopping: AbortSignal.abort(), ready: () => {}, exitAfter: () => {} })
  return { code, out, err }
}

async function kept(printed: { out: string }) {
  const { id } = JSON.parse(printed.out) as { id: string }
  const config = loadConfig(env)
  const db = await openDb(config.databasePath)
  try {
    return await findIntegration(db.read, createSecretBox(loadSecretKey(config.secret.key, config.secret.file)), id)
  } finally {
    await db.close()
  }
}

describe('a secret', () => {
  test.each(['', '\n', '\r\n'])('in a file, with %j behind it', async (end) => {
    const printed = await add({ secret: `@${await fileOf(SECRET + end)}` })
    expect(printed).toMatchObject({ code: 0, err: '' })
    expect(await kept(printed)).toMatchObject({ clientSecret: SECRET, aesKey: AES_KEY, token: TOKEN })
  })

  test('on standard input, one of them', async () => {
    const printed = await add({ secret: '-' }, `${SECRET}\n`)
    expect(printed).toMatchObject({ code: 0, err: '' })
    expect(await kept(printed)).toMatchObject({ clientSecret: SECRET })
    const two = await add({ secret: '-', token: '-' }, `${SECRET}\n`)
    expect(two).toMatchObject({ code: 2, out: '' })
    expect(two.err).toContain('--client-secret and --token')
  })

  test('that begins with @ is written @@; in clear it works, and is warned about once, by name alone', async () => {
    const printed = await add({ secret: '@@home', token: TOKEN })
    expect(printed.code).toBe(0)
    expect(await kept(printed)).toMatchObject({ clientSecret: '@home', token: TOKEN })
    expect(printed.err.trimEnd().split('\n')).toHaveLength(1)
    expect(printed.err).toContain(`warning: --client-secret, --token ${IN_CLEAR}`)
    for (const value of ['home', TOKEN]) expect(printed.err).not.toContain(value)
  })

  test.each<[string, () => Promise<string> | string, string]>([
    ['a file that is not there', () => '@/nowhere/at-all', 'the file /nowhere/at-all cannot be read'],
    ['a folder', () => `@${folder}`, 'cannot be read'],
    ['a file of several lines', async () => `@${await fileOf(`${SECRET}\nmore\n`)}`, 'several lines'],
    ['a file that never ends', () => '@/dev/zero', 'longer than 16384 bytes'],
    ['an empty file', async () => `@${await fileOf('\n')}`, 'must not be empty'],
    ['an empty value', () => '', 'must not be empty'],
  ])('%s is refused, without the content', async (_what, value, why) => {
    const printed = await add({ secret: await value() })
    expect(printed).toMatchObject({ code: 2, out: '' })
    expect(printed.err).toContain('--client-secret')
    expect(printed.err).toContain(why)
    expect(printed.err).not.toContain(SECRET)
  })

  test('nothing on standard input is refused; what may be empty may be so there', async () => {
    expect(await add({ secret: '-' }, '')).toMatchObject({ code: 2, out: '' })
    const { id } = JSON.parse((await add({})).out) as { id: string }
    expect(await runCommand(env, ['integration', 'set', id, '--flashduty-key', '-'], 'a-key\n')).toMatchObject({
      code: 0,
      err: '',
    })
    expect(await kept({ out: JSON.stringify({ id }) })).toMatchObject({ flashdutyKey: 'a-key' })
    expect(await runCommand(env, ['integration', 'set', id, '--flashduty-key', '-'], '')).toMatchObject({
      code: 0,
      err: '',
    })
    expect((await kept({ out: JSON.stringify({ id }) }))?.flashdutyKey).toBeUndefined()
  })

  test('that is refused, or stands behind a name that no option has, is not repeated', async () => {
    const bad = await add({ aes: `@${await fileOf('tooShort1234')}` })
    expect(bad).toMatchObject({ code: 2, out: '' })
    expect(bad.err).not.toContain('tooShort1234')
    const unknown = await runHere([...form(), `--clientsecret=${SECRET}`])
    expect(unknown).toMatchObject({ code: 2, out: '' })
    expect(unknown.err).toContain('--clientsecret')
    expect(unknown.err).not.toContain(SECRET)
    const withSigns = await runHere([...form(), `--client-secrt=it's\n${SECRET}=' b`])
    expect(withSigns).toMatchObject({ code: 2, out: '', err: expect.stringContaining("'--client-secrt=…'") })
    for (const part of ["it's", SECRET, "' b"]) expect(withSigns.err).not.toContain(part)
  })

  test('left out where nobody can be asked: it says which, and how to give it', async () => {
    const printed = await runHere(form())
    expect(printed).toMatchObject({ code: 2, out: '' })
    expect(printed.err).toContain("required option '--client-secret <secret>' not specified")
    for (const way of ['`-`', '@FILE', 'on a terminal']) expect(printed.err).toContain(way)
  })

  test('a member’s key for `links add` comes the same ways', async () => {
    const link = ['links', 'add', '--dingtalk-user', 'u', '--member', '1', '--member-key']
    const lines = await runCommand(env, [...link, '-'], `${SECRET}\n${SECRET}\n`)
    expect(lines).toMatchObject({ code: 2, out: '' })
    expect(lines.err).toContain('--member-key: standard input has several lines')
    const empty = await runCommand(env, [...link, '-'], '')
    expect(empty.err).toContain('--member-key must not be empty')
  })
})

/** What anybody on the host reads of a process. */
const commandLine = async (pid: number): Promise<string> =>
  (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ')

/** Whether a process waits for its standard input: read(0, …) on x64 and arm64. */
const isReading = async (pid: number): Promise<boolean> =>
  /^(0|63) 0x0 /.test(await readFile(`/proc/${pid}/syscall`, 'utf8').catch(() => ''))

/** The process that was begun last, below those that only wait for it. */
async function innermost(pid: number): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  const child = Number(children.trim().split(' ').at(-1))
  return child > 0 ? innermost(child) : pid
}

test('the process list has a secret given in clear, and none that was given otherwise', async () => {
  const lookAt = async (secret: string): Promise<string> => {
    const fields = ['--client-secret', secret, '--aes-key', `@${await fileOf(AES_KEY)}`, '--token', '-']
    const child = spawn(process.execPath, [MAIN, ...form(), ...fields], { env: { ...process.env, ...env } })
    const ended = new Promise((resolve) => child.once('close', resolve))
    try {
      return await eventually('it runs', async () => {
        const line = await commandLine(child.pid ?? 0)
        return line.includes('--client-secret') && line
      })
    } finally {
      child.stdin.end(TOKEN)
      await ended
    }
  }
  expect(await lookAt(SECRET)).toContain(SECRET)
  const file = await fileOf(SECRET)
  await chmod(file, 0o600)
  count += 1
  const line = await lookAt(`@${file}`)
  for (const value of SECRETS) expect(line).not.toContain(value)
})

test('standard input is waited for, however long whoever writes into it thinks', async () => {
  const fields = [
    '--aes-key',
    `@${await fileOf(AES_KEY)}`,
    '--token',
    `@${await fileOf(TOKEN)}`,
    '--client-secret',
    '-',
  ]
  const child = spawn(process.execPath, [MAIN, ...form(), ...fields], { env: { ...process.env, ...env } })
  let out = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')))
  child.stdin.on('error', () => {})
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  try {
    await eventually('it reads, or has given up', async () => child.exitCode !== null || isReading(child.pid ?? 0))
  } finally {
    child.stdin.end(`${SECRET}\n`)
  }
  expect(await ended).toBe(0)
  expect(await kept({ out })).toMatchObject({ clientSecret: SECRET })
})

/** A terminal of its own, in which a person sits. @param redirected what the shell is told behind the command */
function onTerminal(args: string[], redirected = '') {
  const words = [process.execPath, MAIN, ...args].map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`)
  const quoted = [...words, redirected].join(' ')
  const child = spawn('script', ['-qec', quoted, '/dev/null'], { env: { ...process.env, ...env, TERM: 'xterm' } })
  let shown = ''
  child.stdout.on('data', (chunk: Buffer) => (shown += chunk.toString('utf8')))
  child.stdin.on('error', () => {})
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return {
    pid: child.pid ?? 0,
    shown: () => shown,
    ended,
    /** Once the question is there. */
    answer: async (question: string, text: string): Promise<void> => {
      await eventually(`asked for ${question}`, () => shown.includes(question))
      child.stdin.write(text)
    },
  }
}

describe('on a terminal', () => {
  test('each secret that was left out is asked for, and shown nowhere', async () => {
    const { shown, ended, answer } = onTerminal(form())
    await answer('(--client-secret)', `${SECRET}\r`)
    await answer('(--aes-key)', `${AES_KEY}\r`)
    // What shows it elsewhere shows nothing here.
    await answer('(--token)', `${TOKEN}\u0014\r`)
    expect(await ended).toBe(0)
    for (const value of SECRETS) expect(shown()).not.toContain(value)
    const json = shown().slice(shown().indexOf('{'), shown().lastIndexOf('}') + 1)
    expect(await kept({ out: json })).toMatchObject({ clientSecret: SECRET, aesKey: AES_KEY, token: TOKEN })
  })

  test('`-` is asked for as well, since it would be seen when typed', async () => {
    const fields = ['--aes-key', `@${await fileOf(AES_KEY)}`, '--token', `@${await fileOf(TOKEN)}`]
    const { shown, ended, answer } = onTerminal([...form(), '--client-secret', '-', ...fields])
    await answer('(--client-secret)', `${SECRET}\r`)
    expect(await ended).toBe(0)
    expect(shown()).not.toContain(SECRET)
  })

  test('where the question would not be seen, `-` is refused and nothing that is typed is read', async () => {
    const said = await fileOf('')
    const fields = ['--aes-key', `@${await fileOf(AES_KEY)}`, '--token', `@${await fileOf(TOKEN)}`]
    const { ended } = onTerminal([...form(), '--client-secret', '-', ...fields], `2>'${said}'`)
    expect(await ended).toBe(2)
    expect(await readFile(said, 'utf8')).toContain('--client-secret: what is typed would be seen')
  })

  test('what is no secret is read as it is typed', async () => {
    const { shown, ended, answer, pid } = onTerminal(['deliver', '-'])
    let isOver = false
    void ended.then(() => (isOver = true))
    await eventually('it reads, or has given up', async () => isOver || (await isReading(await innermost(pid))))
    await answer('', 'no JSON\n\u0004')
    expect(await ended).toBe(1)
    expect(shown()).toContain('- is not JSON.')
  })

  test('whoever thinks better of it ends it with Ctrl-C, and nothing is made', async () => {
    const { shown, ended, answer } = onTerminal(form())
    await answer('(--client-secret)', 'half-a-sec\u0003')
    expect(await ended).toBe(1)
    expect(shown()).toContain('--client-secret was not given. Nothing was changed.')
    expect(shown()).not.toContain('half-a-sec')
  })
})
