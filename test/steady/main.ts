import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { ROOT } from '../support/pm2.ts'

/**
 * Whether the tests are steady on a busy machine: all of them, then those that were unsteady once, again and again, each
 * time with programs beside them that use whatever processor time there is. Exits 0 only if every run is green.
 */
const { values } = parseArgs({
  options: {
    /** Programs that do nothing but compute. */
    loops: { type: 'string', default: '4' },
    /** Runs of `npm test`. */
    rounds: { type: 'string', default: '2' },
    /** Runs of each file below. */
    repeats: { type: 'string', default: '5' },
  },
})

/** Each was red once because the machine had other things to do. */
const ONCE_UNSTEADY = [
  'test/journeys/fairness.test.ts',
  'test/journeys/two-processes.test.ts',
  'test/journeys/acting-ways.test.ts',
  'test/journeys/stream.test.ts',
  'test/journeys/http-cards.test.ts',
  'test/pm2/pm2.test.ts',
  'test/model/model.test.ts',
]

type Report = {
  success: boolean
  numPassedTests: number
  numFailedTests: number
  testResults: {
    name: string
    status: string
    message: string
    assertionResults: { status: string; fullName: string }[]
  }[]
}

const folder = mkdtempSync(join(tmpdir(), 'steady-'))
const loops = startLoops(wholeNumber('loops'))
let failed = 0
try {
  for (let round = 1; round <= wholeNumber('rounds'); round++) await play(`npm test, round ${round}`, [])
  for (const file of ONCE_UNSTEADY) {
    for (let turn = 1; turn <= wholeNumber('repeats'); turn++) await play(`${file}, run ${turn}`, [file])
  }
} finally {
  for (const loop of loops) loop.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
}
console.log(failed === 0 ? 'steady: every run was green' : `not steady: ${failed} runs were red`)
process.exitCode = failed === 0 ? 0 : 1

function wholeNumber(name: keyof typeof values): number {
  const number = Number(values[name])
  if (Number.isSafeInteger(number) && number >= 0) return number
  console.error('usage: npm run test:steady -- [--loops N] [--rounds N] [--repeats N]')
  process.exit(2)
}

/** They end with this process, however it ends: each looks whether its parent is still the same. */
function startLoops(count: number): ChildProcess[] {
  const script = 'const parent = process.ppid; while (process.ppid === parent);'
  return Array.from({ length: count }, () => spawn(process.execPath, ['-e', script], { stdio: 'ignore' }))
}

async function play(what: string, files: string[]): Promise<void> {
  const startedAt = performance.now()
  const file = join(folder, 'report.json')
  rmSync(file, { force: true })
  const reporting = ['--reporter=json', `--outputFile=${file}`]
  const [program, args] =
    files.length === 0
      ? ['npm', ['test', '--', ...reporting]]
      : ['npx', ['vitest', 'run', '--config', 'test/vitest.config.ts', ...reporting, ...files]]
  const code = await run(program, args)
  const seconds = Math.round((performance.now() - startedAt) / 1_000)
  const report = readReport(file)
  const red = code !== 0 || report?.success !== true
  if (red) failed += 1
  const counts = report ? `${report.numPassedTests} passed, ${report.numFailedTests} failed` : 'no report'
  console.log(`${red ? 'RED  ' : 'green'} ${what}: ${counts}, ${seconds} s`)
  for (const { name, status, message, assertionResults } of report?.testResults ?? []) {
    for (const one of assertionResults) if (one.status === 'failed') console.log(`      ${name} > ${one.fullName}`)
    if (status === 'failed' && message !== '') console.log(`      ${name}: ${message.split('\n')[0]}`)
  }
}

function readReport(file: string): Report | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Report
  } catch {
    return undefined
  }
}

function run(program: string, args: string[]): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] })
    child.once('error', reject)
    child.once('close', resolve)
  })
}
