import { type Clock, systemClock } from '../clock.ts'
import { type Config, loadConfig } from '../config.ts'
import type { Integration } from '../domain/integration.ts'
import { type Db, openDb } from '../storage/db.ts'
import { listIntegrations } from '../storage/integrations.ts'
import { createSecretBox, loadSecretKey, type SecretBox } from '../storage/secret-box.ts'

/** What a command works with; texts go out through `print` and `complain`. */
export type CliContext = {
  env: Record<string, string | undefined>
  print: (text: string) => void
  complain: (text: string) => void
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
  const box = createSecretBox(loadSecretKey(config.secret.key, config.secret.file))
  const db = await openDb(config.databasePath)
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
