import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { runCli } from '../../src/cli/program.ts'
import { displayWidth, type Printed, runCommand } from '../support/command.ts'

/** Moves the cursor, recolours, names the window, begins a line, turns the direction and hides something. */
const NASTY = '值班\u001B[2J\u001B[31m\u001B]0;owned\u0007\u009B1A\r\nfake\t\u202Egpj\u2066\u200B\u2028\u{E0041}👨‍👩‍👧'
const SHOWN = String.raw`值班\x1b[2J\x1b[31m\x1b]0;owned\x07\u009b1A\r\nfake\t\u202egpj\u2066\u200b\u2028\udb40\udc41👨‍👩‍👧`
const LONG = '磁盘'.repeat(200_000)

let folder: string
let env: Record<string, string>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flashduty-dingtalk-cli-'))
  const path = join(folder, 'test.db')
  env = { DATABASE_URL: `sqlite:${path}`, SECRET_KEY: '', REDIS_URL: 'redis://127.0.0.1:1' }
  const added = await run([
    ...['integration', 'add', '--name', NASTY, '--corp-id', 'c', '--agent-id', '1', '--client-id', 'k'],
    ...['--client-secret', 's', '--aes-key', 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG', '--token', 'tok1'],
  ])
  expect(added.code).toBe(0)
  const file = new Database(path)
  const insert = file.prepare(
    `insert into groups (integration_id, open_conversation_id, title, status, operated_at, titled_at, refresh_failures,
      created_at, updated_at) select id, ?, ?, 'installed', 1, 1, 0, 1, 1 from integrations`,
  )
  for (const title of [NASTY, LONG]) insert.run(`cid${title.length}`, title)
  file.close()
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function run(args: string[]): Promise<Printed> {
  let out = ''
  let err = ''
  const code = await runCli(
    args,
    { env, print: (text) => void (out += `${text}\n`), complain: (text) => void (err += `${text}\n`) },
    { stopping: AbortSignal.abort(), ready: () => {}, exitAfter: () => {} },
  )
  return { code, out, err }
}

function expectHarmless({ out, err }: { out: string; err: string }): void {
  expect(out + err).not.toMatch(/(?!\n)[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]|[\u200B\u{E0000}-\u{E0FFF}]/u)
}

describe('what comes from outside', () => {
  test('is a visible cell of one line in a table, and cut', async () => {
    const printed = await run(['groups'])
    expectHarmless(printed)
    expect(printed.out).toContain(SHOWN)
    expect(printed.out.length).toBeLessThan(20_000)
    const lines = printed.out.trimEnd().split('\n')
    expect(lines).toHaveLength(7)
    expect(new Set(lines.map((line) => displayWidth(line.replace('👨‍👩‍👧', 'ab')))).size).toBe(1)
  })

  test('is whole and the same when its JSON is parsed', async () => {
    const printed = await run(['groups', '--json'])
    expectHarmless(printed)
    const titles = (JSON.parse(printed.out) as { title: string }[]).map(({ title }) => title)
    expect(titles.sort()).toEqual([NASTY, LONG].sort())
  })

  test('is one line of a sentence and of a listing', async () => {
    const shown = await run(['integration', 'show'])
    expectHarmless(shown)
    expect(shown.out.split('\n')[0]).toContain(SHOWN)
    const set = await run(['integration', 'set', NASTY, '--qps', '5'])
    expectHarmless(set)
    expect(set).toMatchObject({ code: 0, err: '' })
    expect(set.out.split('\n')[0]).toContain(`(${SHOWN})`)
    expect(JSON.parse((await run(['integration', 'show', '--json'])).out)).toMatchObject({ name: NASTY })
  })
})

describe('what somebody typed or a file holds', () => {
  test.each([
    [['integration', 'show', NASTY.slice(2)], 1],
    [['token', 'revoke', NASTY], 1],
    [['journal', 'show', NASTY], 1],
    [[NASTY], 2],
    [['groups', `--${NASTY}`], 2],
    [['groups', NASTY], 2],
    [['records', '--limit', NASTY], 2],
    [['records', '--status', LONG], 2],
    [['deliver', NASTY], 1],
    [['links', 'import', LONG], 1],
  ])('%j is told without doing anything', async (args, code) => {
    const printed = await run(args)
    expect(printed).toMatchObject({ code, out: '' })
    expectHarmless(printed)
    expect(printed.err.trim()).not.toBe('')
    expect(printed.err.length).toBeLessThan(3_000)
  })

  test('so it is by the process itself', async () => {
    const file = join(folder, 'event.json')
    await writeFile(file, JSON.stringify({ event_id: 'e1', event_time: 1, event_type: NASTY }))
    for (const args of [[NASTY], ['deliver', file], ['deliver', NASTY.replaceAll('\0', '')]]) {
      const printed = await runCommand(env, args)
      expect(printed.code).not.toBe(0)
      expectHarmless(printed)
    }
  })
})
