import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { runCli } from '../../src/cli/program.ts'
import { type Printed, runCommand } from '../support/command.ts'

const KEY = 'the-key-of-this-very-installation-0001'

let folder: string
let env: Record<string, string>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flashduty-dingtalk-cli-'))
})
beforeEach(async () => {
  const place = await mkdtemp(join(folder, 'one-'))
  env = { DATABASE_URL: `sqlite:${join(place, 'data', 'test.db')}`, SECRET_KEY: '', REDIS_URL: 'redis://127.0.0.1:1' }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const INTEGRATION = [
  ...['integration', 'add', '--name', '值班', '--corp-id', 'c', '--agent-id', '1', '--client-id', 'k'],
  ...['--client-secret', 's', '--aes-key', 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG', '--token', 'tok1'],
]

/** In this process, where a failure that no sentence was made of would be thrown. */
async function run(env: Record<string, string>, args: string[]): Promise<Printed> {
  let out = ''
  let err = ''
  const code = await runCli(
    args,
    { env, print: (text) => void (out += `${text}\n`), complain: (text) => void (err += `${text}\n`) },
    { stopping: AbortSignal.abort(), ready: () => {}, exitAfter: () => {} },
  )
  return { code, out, err }
}

/** What a person at a terminal may be shown of a failure: sentences, not the inside of a program. */
function expectSentences({ out, err }: { out: string; err: string }): void {
  expect(out).toBe('')
  expect(err.trim()).not.toBe('')
  expect(err).not.toMatch(/\n {4}at |"level"|UnhandledPromise|node:internal/)
}

describe('wrong usage ends with 2', () => {
  test.each([
    ['no command', [], 'Usage:'],
    ['an unknown command', ['frobnicate'], 'frobnicate'],
    ['an unknown subcommand', ['links', 'frobnicate'], 'frobnicate'],
    ['a group of commands alone', ['integration'], 'Usage:'],
    ['an unknown option', ['groups', '--frobnicate'], '--frobnicate'],
    ['an argument too many', ['groups', 'extra'], 'groups'],
    ['a missing argument', ['deliver'], 'file'],
    ['an option without its value', ['records', '--incident'], '--incident'],
    ['send-test to nobody', ['send-test'], '--group'],
    ['send-test to two', ['send-test', '--group', 'g', '--user', 'u'], '--user'],
    ['a limit that is none', ['records', '--limit', 'all'], '--limit'],
    ['a status that is none', ['records', '--status', 'broken'], 'success'],
  ])('%s', async (...[, args, named]) => {
    const printed = await run(env, args)
    expect(printed.code).toBe(2)
    expectSentences(printed)
    expect(printed.err).toContain(named)
  })

  test('as the exit code of the process', async () => {
    expect(await runCommand(env, ['frobnicate'])).toMatchObject({ code: 2, out: '' })
  })

  test('help is no failure and names every command', async () => {
    const printed = await run(env, ['--help'])
    expect(printed).toMatchObject({ code: 0, err: '' })
    for (const command of ['start', 'integration', 'groups', 'links', 'records', 'deliver', 'send-test']) {
      expect(printed.out).toMatch(new RegExp(`^ {2}${command}\\b`, 'm'))
    }
    const sub = await run(env, ['integration', 'add', '--help'])
    expect(sub).toMatchObject({ code: 0, err: '' })
    for (const flag of ['--corp-id', '--aes-key', '--data-source-id', '--default']) expect(sub.out).toContain(flag)
  })
})

describe('settings', () => {
  test('all wrong ones are named at once, never by value, whatever the command', async () => {
    const wrong = {
      REDIS_URL: 'http://user:hush@redis',
      REDIS_PREFIX: 'a:b',
      DATABASE_URL: 'mysql://user:hush@db',
      HTTP_PORT: '99999',
      PUBLIC_URL: 'oncall.example.com',
      EGRESS_IP: '203.0.113',
      DINGTALK_API_URL: 'ftp://ding',
      FLASHDUTY_API_URL: 'not-an-address',
      SECRET_KEY: 'hush-too-short',
      LOG_LEVEL: 'loud',
    }
    for (const command of [['groups'], ['deliver', '-']]) {
      const printed = await run({ ...env, ...wrong }, command)
      expect(printed.code).toBe(1)
      expectSentences(printed)
      for (const [name, value] of Object.entries(wrong)) {
        expect(printed.err).toMatch(new RegExp(`^ *${name}: .*must`, 'm'))
        expect(printed.err).not.toContain(value)
      }
    }
  })

  test('a blank one counts as unset', async () => {
    const blank = { PUBLIC_URL: '', EGRESS_IP: ' ', HTTP_PORT: '', LOG_LEVEL: '', REDIS_PREFIX: '' }
    const printed = await run({ ...env, ...blank }, INTEGRATION)
    expect(printed.code).toBe(0)
    expect(printed.err).toMatch(/^warning: --client-secret, --aes-key, --token .*\n$/)
    expect(printed.out).toContain('PUBLIC_URL')
    expect(printed.out).toContain('EGRESS_IP')
  })
})

describe('a fresh installation', () => {
  test('says what to do first', async () => {
    const empty = [
      [['integration', 'list'], 'integration add'],
      [['groups'], '酷应用'],
      [['links', 'list'], 'linked'],
      [['records'], 'No records'],
    ] as const
    for (const [command, word] of empty) {
      const printed = await run(env, [...command])
      expect(printed).toMatchObject({ code: 0, err: '' })
      expect(printed.out).toContain(word)
      expect(JSON.parse((await run(env, [...command, '--json'])).out)).toEqual([])
    }
    for (const command of [
      ['integration', 'show'],
      ['send-test', '--user', 'u'],
      ['links', 'remove', '--dingtalk-user', 'u'],
    ]) {
      const printed = await run(env, command)
      expect(printed.code).toBe(1)
      expectSentences(printed)
      expect(printed.err).toContain('integration add')
    }
  })

  test('makes a key that only its owner can read, and keeps to it', async () => {
    expect((await run(env, INTEGRATION)).code).toBe(0)
    const data = (env['DATABASE_URL'] ?? '').slice('sqlite:'.length).replace(/\/[^/]+$/, '')
    expect(await readdir(data)).toEqual(expect.arrayContaining(['secret.key', 'test.db']))
    expect((await stat(join(data, 'secret.key'))).mode & 0o777).toBe(0o600)
    expect((await run(env, ['integration', 'show'])).code).toBe(0)
  })
})

describe('a store that cannot be used is told in a sentence with the setting', () => {
  test('another key than the one it was made with', async () => {
    expect((await run({ ...env, SECRET_KEY: KEY }, INTEGRATION)).code).toBe(0)
    for (const command of [['integration', 'list'], ['integration', 'show'], ['start']]) {
      const other = 'another-key-than-before-0123456789abcdef'
      const wrong = { ...env, SECRET_KEY: other, HTTP_PORT: '0' }
      // Only `start` has a process to end.
      const printed = command[0] === 'start' ? await runCommand(wrong, command) : await run(wrong, command)
      expect(printed.code).toBe(1)
      expect(printed.err).toContain('SECRET_KEY')
      expect(printed.err).toContain('restore')
      for (const key of [KEY, other]) expect(printed.out + printed.err).not.toContain(key)
    }
  })

  test('a key file that holds next to nothing', async () => {
    const data = join(folder, 'short-key')
    await mkdir(data)
    await writeFile(join(data, 'secret.key'), 'hush\n')
    const printed = await run({ ...env, DATABASE_URL: `sqlite:${data}/test.db` }, ['groups'])
    expect(printed.code).toBe(1)
    expectSentences(printed)
    expect(printed.err).toContain(join(data, 'secret.key'))
    expect(printed.err).not.toContain('hush')
  })

  test.each([
    ['a folder', (place: string) => mkdir(place)],
    ['a file that is no database', (place: string) => writeFile(place, 'no database at all '.repeat(100))],
  ])('a database that is %s', async (...[, make]) => {
    const place = join(await mkdtemp(join(folder, 'odd-')), 'test.db')
    await make(place)
    const printed = await run({ ...env, DATABASE_URL: `sqlite:${place}` }, ['groups'])
    expect(printed.code).toBe(1)
    expectSentences(printed)
    expect(printed.err).toContain('DATABASE_URL')
    expect(printed.err).toContain(place)
  })

  test('a database below a file', async () => {
    const file = join(await mkdtemp(join(folder, 'odd-')), 'file')
    await writeFile(file, '')
    for (const key of ['', KEY]) {
      const printed = await run({ ...env, SECRET_KEY: key, DATABASE_URL: `sqlite:${file}/test.db` }, ['groups'])
      expect(printed.code).toBe(1)
      expectSentences(printed)
      expect(printed.err).toContain('DATABASE_URL')
    }
  })
})
