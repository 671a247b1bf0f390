import { type Command, InvalidArgumentError } from 'commander'

import { readScopes, TOKEN_SCOPES, type TokenScope } from '../domain/token-scopes.ts'
import { addToken, listTokens, revokeToken, type TokenKind } from '../storage/tokens.ts'
import { type CliContext, CommandError, UsageError, withStore } from './context.ts'
import { formatRows, formatTime } from './output.ts'

type MakeOptions = { name?: string; scope?: TokenScope[]; json?: boolean }

const KINDS: [kind: TokenKind, text: string][] = [
  ['api', 'make a token for /api: Flashduty’s webhook and scripts present it'],
  ['admin', 'make a token for the console'],
]

export function addTokenCommands(program: Command, context: CliContext): void {
  const token = program.command('token').description('tokens for /api and the console; each is shown once')

  for (const [kind, text] of KINDS) {
    const command = token
      .command(`${kind} [name]`)
      .description(text)
      .option('--name <name>', 'what it is for, as `token list` shows it', filled)
      .option('--json', 'print JSON')
    if (kind === 'api') {
      const listed = TOKEN_SCOPES.join(', ')
      command.option('--scope <scopes>', `what it may be used for, by commas: ${listed}`, scopesOf, [
        'deliver' as const,
      ])
    }
    command.action(async (given: string | undefined, { scope: scopes = [], json, ...options }: MakeOptions) => {
      const name = nameOf(given, options.name) ?? kind
      await withStore(context, async (store) => {
        const made = await store.db.write((trx) => addToken(trx, { kind, name, scopes }, store.clock.nowMs()))
        if (json) {
          const { id, token: shown } = made
          const fields = { id, kind, name, ...(kind === 'api' ? { scopes } : {}), token: shown }
          context.printLines(JSON.stringify(fields, undefined, 2))
          return
        }
        context.print(made.token)
        const uses = kind === 'api' ? ` for ${scopes.join(', ')}` : ''
        context.complain(`Made ${made.id} (${name})${uses}. The token is shown this once: only its hash is kept.`)
      })
    })
  }

  token
    .command('list')
    .description('tokens in use, without the tokens themselves')
    .option('--all', 'also those that were revoked')
    .option('--json', 'print JSON')
    .action(async ({ all, json }: { all?: boolean; json?: boolean }) => {
      await withStore(context, async ({ db }) => {
        const rows = (await listTokens(db.read, { all: all ?? false })).map((row) => ({
          id: row.id,
          kind: row.kind,
          name: row.name,
          scopes: json ? row.scopes : row.scopes.join(', '),
          made: formatTime(row.created_at),
          ...(all ? { revoked: formatTime(row.revoked_at) } : {}),
        }))
        context.printLines(formatRows(rows, { json, empty: 'There is no token yet: make one with `token api NAME`.' }))
      })
    })

  token
    .command('revoke <id>')
    .description('revoke a token by its id; a running daemon refuses it from then on')
    .action(async (id: string) => {
      await withStore(context, async (store) => {
        const revoked = await store.db.write((trx) => revokeToken(trx, id, store.clock.nowMs()))
        if (!revoked) throw new CommandError(`There is no token ${id} in use: see \`token list\`.`)
        context.print(`Revoked ${id}.`)
      })
    })
}

function filled(value: string): string {
  if (value.trim() === '') throw new InvalidArgumentError('It must not be empty.')
  return value.trim()
}

/** It may stand by itself or behind --name. */
function nameOf(given: string | undefined, option: string | undefined): string | undefined {
  if (given === undefined) return option
  if (option !== undefined) throw new UsageError('Say the name once: as `token api NAME` or with --name.')
  if (given.trim() === '') throw new UsageError('The name must not be empty.')
  return given.trim()
}

function scopesOf(value: string): TokenScope[] {
  const scopes = readScopes(value)
  if (!scopes) throw new InvalidArgumentError(`It must be one or more of: ${TOKEN_SCOPES.join(', ')}.`)
  return scopes
}
