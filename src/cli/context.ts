import { type Clock, systemClock } from '../clock.ts'
import { type Config, loadConfig } from '../config.ts'
import type { Integration } from '../domain/integration.ts'
import { shorten, visibleLine, visibleLines } from '../domain/visible.ts'
import { type Db, openDb } from '../storage/db.ts'
import { listIntegrations } from '../storage/integrations.ts'
import type { OnTightened } from '../storage/private-files.ts'
import { createSecretBox, loadSecretKey, type SecretBox } from '../storage/secret-box.ts'

/** Where a command runs: its environment, standard output and standard error. */
export type Terminal = {
  env: Record<string, string | undefined>
  print: (text: string) => void
  complain: (text: string) => void
  /** Where a person can be asked something; undefined = nobody sits there. */
  terminal?: { input: NodeJS.ReadableStream; output: NodeJS.WritableStream } | undefined
}

/** What a command works with. All it says leaves here, where nothing in it can steer the terminal any more. */
export type CliContext = {
  env: Record<string, string | undefined>
  /** One line, whatever is in it. */
  print: (line: string) => void
  /** Lines put together here, such as a table or JSON: the values in them bring no line breaks of their own. */
  printLines: (text: string) => void
  /** As `print`, on standard error. */
  complain: (line: string) => void
  terminal: Terminal['terminal']
}

/** What is longer was never meant to be read on a terminal; `--json` and tables' cells have ways of their own. */
const MAX_LINE = 2_000

export function createContext({ env, print, complain, terminal }: Terminal): CliContext {
  return {
    env,
    print: (line) => print(visibleLine(shorten(line, MAX_LINE))),
    printLines: (text) => print(visibleLines(text)),
    complain: (line) => complain(visibleLine(shorten(line, MAX_LINE))),
    terminal,
  }
}

export type Store = { config: Config; db: Db; box: SecretBox; clock: Clock }

/** The command failed for a reason the person can act on; the exit code is 1. */
export class CommandError extends Error {
  override name = 'CommandError'
}

/** The command line makes no sense; the exit code is 2. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/** Opens the database for one command and closes it after. */
export async function withStore<T>(context: CliContext, work: (store: Store) => Promise<T>): Promise<T> {
  const config = loadConfig(context.env)
  const onTightened: OnTightened = ({ refused }) => {
    for (const { file, mode, why } of refused) {
      context.complain(`Others on this host may read ${file} (mode ${mode}), which cannot be changed (${why}).`)
    }
  }
  const box = createSecretBox(loadSecretKey(config.secret.key, config.secret.file, onTightened))
  const db = await openDb(config.databasePath, {
    onCopied: ({ file, before }) => context.complain(`The database was copied to ${file} before ${before} changes it.`),
    onTightened,
  })
  try {
    return await work({ config, db, box, clock: systemClock })
  } finally {
    await db.close()
  }
}

/** By id or name; without either the default one, or the only one. @throws CommandError */
export async function chooseIntegration({ db, box }: Store, wanted: string | undefined): Promise<Integration> {
  const all = await listIntegrations(db.read, box)
  if (all.length === 0) throw new CommandError('There is no integration yet: make one with `integration add`.')
  const found =
    wanted === undefined
      ? (all.find((integration) => integration.isDefault) ?? (all.length === 1 ? all[0] : undefined))
      : (all.find(({ id }) => id === wanted) ?? all.find(({ name }) => name === wanted))
  const listed = (some: Integration[]): string => some.map(({ id, name }) => `${id} (${name})`).join(', ')
  const namesakes = all.filter(({ name }) => name === wanted)
  if (found && found.id !== wanted && namesakes.length > 1) {
    throw new CommandError(`Several integrations are called "${wanted}"; say which by its id: ${listed(namesakes)}.`)
  }
  if (found) return found
  const names = listed(all)
  throw new CommandError(
    wanted === undefined
      ? `Which integration? Say --integration with one of: ${names}.`
      : `There is no integration "${wanted}". There are: ${names}.`,
  )
}
