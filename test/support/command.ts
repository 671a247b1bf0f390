import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { PROCESS_MS } from './patience.ts'

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

export type Printed = { code: number | null; out: string; err: string }

/** Runs a command of the built CLI as a process of its own; `input` is its standard input. */
export function runCommand(env: Record<string, string>, args: string[], input = ''): Promise<Printed> {
  return startCommand(env, args, input).done
}

/** The same, to be stopped by the way. */
export function startCommand(
  env: Record<string, string>,
  args: string[],
  input = '',
): { done: Promise<Printed>; stop: (signal: 'SIGINT' | 'SIGKILL') => void } {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, ...env }, timeout: PROCESS_MS })
  const done = new Promise<Printed>((resolve, reject) => {
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')))
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString('utf8')))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, out, err }))
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
  return { done, stop: (signal) => void child.kill(signal) }
}

/** Columns that a terminal gives the text: Chinese letters and full-width punctuation take two. */
export function displayWidth(text: string): number {
  return Array.from(text).reduce(
    (sum, letter) => sum + (/[\p{Script=Han}\u3000-\u303F\uFF00-\uFF60]/u.test(letter) ? 2 : 1),
    0,
  )
}
