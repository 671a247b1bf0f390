import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { DRAIN_MS } from '../../src/cli/start.ts'
import { runCli } from '../../src/cli/program.ts'
import { Env } from '../../src/config.ts'
import { REASONS } from '../../src/domain/reasons.ts'
import { isTest, readSources, ROOT } from './sources.ts'

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

const README = read('README.md')
const PACKAGE = JSON.parse(read('package.json')) as {
  name: string
  version: string
  license: string
  engines: { node: string }
  scripts: Record<string, string>
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
}

/** The text between this heading and the next. */
function section(heading: string): string {
  const [, rest = ''] = README.split(`\n${heading}\n`)
  expect(rest, `${heading} is in the README`).not.toBe('')
  return rest.split(/\n#+ /)[0] ?? ''
}

/** The cells of each row of the first table in the text, its head left out. */
function tableOf(text: string): string[][] {
  const lines = text.split('\n')
  const start = lines.findIndex((line) => line.startsWith('|'))
  const rows = lines.slice(start).findIndex((line) => !line.startsWith('|'))
  return lines.slice(start + 2, start + rows).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

/** Texts between backticks. */
const codeIn = (text: string): string[] => [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code)
const codeBlocks = [...README.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, code = '']) => code.replaceAll('\\\n', ' '))

describe('the settings table', () => {
  const rows = tableOf(section('### Settings')).map(([name = '', value = '', meaning = '']) => ({
    name,
    value,
    meaning,
  }))
  const defaults = Env.parse({}) as Record<string, string | number | undefined>

  test('names each setting the daemon reads, once, and no other', () => {
    expect(rows.map(({ name }) => name)).toEqual(Object.keys(Env.shape).map((name) => `\`${name}\``))
  })

  test.each(rows.map(({ name, value, meaning }) => [name.replaceAll('`', ''), value, meaning]))(
    '%s defaults to %s',
    (name, value, meaning) => {
      const actual = defaults[name ?? '']
      if (actual === undefined) expect(value).not.toMatch(/^`[^`]*`$/)
      else expect(value).toBe(`\`${actual}\``)
      expect(meaning).not.toBe('')
    },
  )

  test('lists the log levels there are', () => {
    const row = rows.find(({ name }) => name === '`LOG_LEVEL`')
    expect(codeIn(row?.meaning ?? '')).toEqual(['fatal', 'error', 'warn', 'info', 'debug', 'trace'])
  })
})

describe('npm scripts', () => {
  const named = new Set([
    ...[...README.matchAll(/npm run (?:-s )?([\w:-]+)/g)].map(([, name = '']) => name),
    ...[...README.matchAll(/npm (start|test)\b/g)].map(([, name = '']) => name),
  ])

  test.each([...named])('npm run %s exists', (name) => {
    expect(Object.keys(PACKAGE.scripts)).toContain(name)
  })

  test('the README names those a reader needs', () => {
    expect([...named]).toEqual(expect.arrayContaining(['start', 'test', 'demo', 'build', 'cli', 'check']))
  })

  test('files that scripts start are there', () => {
    const files = Object.values(PACKAGE.scripts).flatMap((script) => script.match(/\btest\/[\w./-]+\.ts\b/g) ?? [])
    expect(files).not.toEqual([])
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([])
  })
})

describe('commands', () => {
  /** What `--help` says of a command; undefined when there is no such command. */
  async function helpOf(words: string[]): Promise<string | undefined> {
    const printed: string[] = []
    const code = await runCli(
      [...words, '--help'],
      { env: {}, print: (text) => void printed.push(text), complain: () => {} },
      { stopping: AbortSignal.abort(), ready: () => {}, exitAfter: () => {} },
    )
    const help = printed.join('\n')
    return code === 0 && help.startsWith(`Usage: flashduty-dingtalk ${words.join(' ')}`.trimEnd()) ? help : undefined
  }

  const subcommandsOf = (help: string): string[] =>
    [...(help.split('\nCommands:\n')[1] ?? '').matchAll(/^ {2}(\w[\w-]*)/gm)]
      .map(([, name = '']) => name)
      .filter((name) => name !== 'help')

  async function allCommands(): Promise<string[]> {
    const commands: string[] = []
    for (const name of subcommandsOf((await helpOf([])) ?? '')) {
      const subcommands = subcommandsOf((await helpOf([name])) ?? '')
      commands.push(...(subcommands.length > 0 ? subcommands.map((sub) => `${name} ${sub}`) : [name]))
    }
    return commands
  }

  const table = tableOf(section('### Commands')).map(([commands = '', text = '']) => ({ commands, text }))
  const listed = table.flatMap(({ commands }) => {
    const [first = '', ...others] = codeIn(commands)
    const [name = ''] = first.split(' ')
    return [first.replace(/ [A-Z]+$/, ''), ...others.map((sub) => `${name} ${sub}`)]
  })

  test('the table lists each command there is, and no other', async () => {
    expect(listed.sort()).toEqual((await allCommands()).sort())
  })

  /** Each mention of a command with its flags, wherever it stands. */
  async function mentions(): Promise<{ command: string; flags: string[] }[]> {
    const commands = await allCommands()
    const lines = [
      ...codeBlocks.flatMap((block) => [...block.matchAll(/npm run cli -- ([^\n]+)/g)].map(([, line = '']) => line)),
      ...codeIn(README).map((code) => code.replace(/^npm run cli -- /, '')),
    ]
    return lines.flatMap((line) => {
      const command = commands.find((name) => line === name || line.startsWith(`${name} `))
      return command ? [{ command, flags: line.match(/--[\w-]+/g) ?? [] }] : []
    })
  }

  test('whatever a command is shown with, it takes', async () => {
    const shown = [
      ...(await mentions()),
      ...table.flatMap(({ commands, text }) =>
        codeIn(text).flatMap((code) => {
          const [name = ''] = (codeIn(commands)[0] ?? '').split(' ')
          const [word = ''] = code.split(' ')
          if (!code.includes('--')) return []
          return [{ command: word.startsWith('--') ? name : `${name} ${word}`, flags: code.match(/--[\w-]+/g) ?? [] }]
        }),
      ),
    ]
    const flags = shown.flatMap((mention) => mention.flags)
    expect(flags).toEqual(expect.arrayContaining(['--corp-id', '--member-key', '--disable', '--incident', '--all']))
    const unknown: string[] = []
    for (const { command, flags: given } of shown) {
      const help = (await helpOf(command.split(' '))) ?? ''
      unknown.push(...given.filter((flag) => !help.includes(`${flag} `)).map((flag) => `${command} ${flag}`))
    }
    expect(unknown).toEqual([])
  })

  test('the example of a new integration gives all that is required, but for what should not stand on a command line', async () => {
    const example = (await mentions()).find(({ command, flags }) => command === 'integration add' && flags.length > 3)
    for (const flag of ['--name', '--corp-id', '--agent-id', '--client-id']) expect(example?.flags).toContain(flag)
    // Those are asked for.
    for (const flag of ['--client-secret', '--aes-key', '--token']) expect(example?.flags).not.toContain(flag)
    expect(section('## Run it')).toContain('asks for Client Secret, 加密 aes_key and 签名 Token')
  })

  test('an unknown command is wrong usage', async () => {
    expect(await helpOf(['no-such-command'])).toBeUndefined()
  })
})

describe('what the README points at', () => {
  const folders = tableOf(section('## Tests')).flatMap(([, where = '']) => codeIn(where))

  test('lists the layers of tests', () => {
    expect(folders).toEqual(
      expect.arrayContaining(['src/**/*.test.ts', 'test/rules', 'test/journeys', 'test/contract']),
    )
  })

  test('leaves out no folder that holds tests', () => {
    const holding = [...readSources('test').keys()].filter(isTest).map((path) => `test/${path.split('/')[0]}`)
    expect([...new Set(holding)].filter((folder) => !folders.includes(folder))).toEqual([])
  })

  test.each(folders.filter((folder) => !folder.includes('*')))('%s is there', (folder) => {
    expect(existsSync(join(ROOT, folder))).toBe(true)
  })

  test.each([...new Set(codeIn(README).filter((code) => /^(src|test|docs)\/[\w./-]+\.\w+$/.test(code)))])(
    '%s is there',
    (file) => {
      expect(existsSync(join(ROOT, file))).toBe(true)
    },
  )

  test('reasons are told in the words the records use', () => {
    const told = [...README.matchAll(/`([A-Z_]+)` (\p{Script=Han}+)/gu)].map(([, code = '', text]) => [code, text])
    expect(told).not.toEqual([])
    for (const [code, text] of told) expect(REASONS[code as keyof typeof REASONS]?.[0]).toBe(text)
  })

  test('a stop is waited for as long as the README says, and pm2 waits longer', async () => {
    expect(README).toContain(`at most ${DRAIN_MS / 1000} s`)
    const { apps } = (await import(join(ROOT, 'ecosystem.config.js'))) as {
      apps: { name: string; script: string; kill_timeout: number; instances: number; wait_ready: boolean }[]
    }
    expect(apps).toMatchObject([{ name: PACKAGE.name, script: 'dist/main.js', instances: 1, wait_ready: true }])
    expect(apps[0]?.kill_timeout).toBeGreaterThan(DRAIN_MS + 2_000)
  })

  test('pm2 and `npm start` run the same command', async () => {
    const { apps } = (await import(join(ROOT, 'ecosystem.config.js'))) as {
      apps: { script: string; args: string; node_args: string }[]
    }
    expect(apps.map((app) => `node ${app.node_args} ${app.script} ${app.args}`)).toEqual([PACKAGE.scripts['start']])
  })

  test('README, the pm2 file and CI mean the same versions of Node, and package.json lets all of them in', () => {
    const least = PACKAGE.engines.node.replace('>=', '')
    expect(least).toMatch(/^\d+\.\d+$/)
    const texts = [section('## Try it'), section('## Run it'), read('ecosystem.config.js')]
    const named = texts.map(
      (text) =>
        text
          .match(/Node\.js (\d+) or (\d+)\b/)
          ?.slice(1)
          .map(Number) ?? [],
    )
    const [lines = []] = named
    expect(named).toEqual([lines, lines, lines])
    expect(Math.min(...lines)).toBeGreaterThan(Number(least))
    for (const text of texts) expect(text.match(/\b\d+\.\d+ (?=is the least|gets no)/)?.[0].trim()).toBe(least)

    const [, second] = read('.ci/second-node').match(/^major=\$\{1:-(\d+)\}$/m) ?? []
    expect(Number(second)).toBe(Math.max(...lines))
    expect(section('## Tests')).toMatch(new RegExp(`\\.ci/second-node.* on Node\\.js ${second} `))
    expect(read('.ci/run')).toMatch(/^\.ci\/second-node\b/m)
  })
})

describe('the package', () => {
  test('has the licence it names', () => {
    expect(read('LICENSE')).toMatch(new RegExp(`^${PACKAGE.license} License\\b`))
  })

  test('has a lock that fits it and names no registry', () => {
    type Locked = { version: string; dependencies: object; devDependencies: object; resolved?: string; link?: boolean }
    const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> }
    const { name, version, dependencies, devDependencies } = PACKAGE
    expect(lock.packages['']).toMatchObject({ name, version, dependencies, devDependencies })
    expect(Object.keys(lock.packages).length).toBeGreaterThan(20)
    const resolved = Object.entries(lock.packages).filter(([, locked]) =>
      /^(https?|git|file)/.test(locked.resolved ?? ''),
    )
    expect(resolved.map(([path]) => path)).toEqual([])
  })
})
