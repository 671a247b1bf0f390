import { closeSync, openSync, readSync } from 'node:fs'
import { isatty } from 'node:tty'

import type { Command } from 'commander'

import { CommandError, type CliContext, UsageError } from './context.ts'

/*
 * Whoever can list the processes of a host reads their command lines, and shells write them down. So a secret need not
 * stand there: `-` reads standard input, `@FILE` a file, and one that is needed and left out is asked for without echo.
 */

export type SecretOption = {
  /** As commander takes them: `--client-secret <secret>`. */
  flags: string
  text: string
  /** The value as it is kept. @throws UsageError without the value */
  read: (value: string) => string
  /** Whether an empty one empties the field. */
  mayBeEmpty?: boolean
}

/** No secret of either platform is a tenth of it. */
const MAX_BYTES = 16 * 1024
const STANDARD_INPUT = 0

export const HOW_TO_GIVE =
  '`-` reads it from standard input, `@FILE` from a file; a value that begins with @ is written @@…'

const ON_A_TERMINAL = 'On a terminal `-`, and whatever is needed and left out, is asked for without showing it.'

/** Said of secrets that anybody on the host could read. */
export const IN_CLEAR =
  'can be read by others on this host while the command runs, and stays in the shell’s history and in npm’s logs'

export function addSecretOptions(command: Command, secrets: SecretOption[]): void {
  for (const { flags, text } of secrets) command.option(flags, text)
  command.addHelpText('after', `\nSecrets (${secrets.map(flagOf).join(', ')}): ${HOW_TO_GIVE}. ${ON_A_TERMINAL}`)
}

/**
 * The secrets among what the options say, wherever they are kept. To be called once for a command, before anything else
 * is done: it reads standard input.
 * @param required those that are asked for when they were not given
 * @throws UsageError, which never holds a value
 */
export async function readSecrets<Given extends object>(
  context: CliContext,
  given: Given,
  secrets: SecretOption[],
  required: SecretOption[] = [],
): Promise<Given> {
  const named = secrets.flatMap((secret) => {
    const value: unknown = Reflect.get(given, nameOf(secret))
    return typeof value === 'string' ? [{ secret, value }] : []
  })
  const fromInput = named.filter(({ value }) => value === '-').map(({ secret }) => flagOf(secret))
  if (fromInput.length > 1) {
    throw new UsageError(`Only one option can be read from standard input, not ${fromInput.join(' and ')}.`)
  }
  const found: Record<string, string> = {}
  const inClear: string[] = []
  for (const { secret, value } of named) {
    const { text, isShown } = await resolve(context, secret, value)
    if (isShown) inClear.push(flagOf(secret))
    found[nameOf(secret)] = accept(secret, text)
  }
  if (inClear.length > 0) {
    context.complain(`warning: ${inClear.join(', ')} ${IN_CLEAR}: ${HOW_TO_GIVE}.`)
  }
  for (const secret of required) {
    if (!(nameOf(secret) in found)) found[nameOf(secret)] = await askFor(context, secret)
  }
  return { ...given, ...found }
}

/** Asks for a secret that was left out, without showing it. @throws UsageError where nobody can be asked */
export async function askFor(context: CliContext, secret: SecretOption): Promise<string> {
  const { terminal } = context
  if (!terminal) {
    throw new UsageError(
      `required option '${secret.flags}' not specified: ${HOW_TO_GIVE}; on a terminal you are asked for it.`,
    )
  }
  // Only here, since no other command needs it.
  const { default: password } = await import('@inquirer/password')
  const config = { message: `${secret.text} (${flagOf(secret)})`, mask: false, toggleMask: false } as const
  const typed = await password(config, terminal).catch((error: unknown) => {
    if (error instanceof Error && error.name === 'ExitPromptError') {
      throw new CommandError(`${flagOf(secret)} was not given. Nothing was changed.`)
    }
    throw error
  })
  return accept(secret, typed)
}

async function resolve(
  context: CliContext,
  secret: SecretOption,
  value: string,
): Promise<{ text: string; isShown: boolean }> {
  if (value === '-') {
    // Whoever sits before it would see it typed.
    if (context.terminal) return { text: await askFor(context, secret), isShown: false }
    if (isatty(STANDARD_INPUT)) {
      throw new UsageError(
        `${flagOf(secret)}: what is typed would be seen, and the question could not: leave standard error on the terminal.`,
      )
    }
    return { text: readOneLine(secret, STANDARD_INPUT, 'standard input'), isShown: false }
  }
  if (value.startsWith('@@')) return { text: value.slice(1), isShown: true }
  if (value.startsWith('@')) return { text: readFile(secret, value.slice(1)), isShown: false }
  return { text: value, isShown: value.trim() !== '' }
}

function accept(secret: SecretOption, text: string): string {
  if (text.trim() === '' && !secret.mayBeEmpty) throw new UsageError(`${flagOf(secret)} must not be empty.`)
  return secret.read(text)
}

function readFile(secret: SecretOption, path: string): string {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    throw new UsageError(`${flagOf(secret)}: the file ${path} cannot be read.`)
  }
  try {
    return readOneLine(secret, file, `the file ${path}`)
  } finally {
    closeSync(file)
  }
}

/** Without the line break at its end. Reads no more than a secret can be, since a file may have no end. */
function readOneLine(secret: SecretOption, file: number, what: string): string {
  const bytes = Buffer.alloc(MAX_BYTES + 1)
  let size = 0
  try {
    for (let read = -1; read !== 0 && size < bytes.length; size += read) {
      read = readSync(file, bytes, size, bytes.length - size, null)
    }
  } catch {
    throw new UsageError(`${flagOf(secret)}: ${what} cannot be read.`)
  }
  if (size > MAX_BYTES) throw new UsageError(`${flagOf(secret)}: ${what} is longer than ${MAX_BYTES} bytes.`)
  const text = bytes
    .toString('utf8', 0, size)
    .replace(/^\uFEFF/, '')
    .replace(/\r?\n$/, '')
  if (/[\r\n]/.test(text)) throw new UsageError(`${flagOf(secret)}: ${what} has several lines.`)
  return text
}

function flagOf({ flags }: SecretOption): string {
  return flags.split(' ')[0] ?? flags
}

/** As commander names the value. */
function nameOf(secret: SecretOption): string {
  return flagOf(secret)
    .slice(2)
    .replaceAll(/-(\w)/g, (_dash, letter: string) => letter.toUpperCase())
}
