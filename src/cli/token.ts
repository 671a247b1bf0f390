import { type Command, InvalidArgumentError } from 'commander'

import { addToken, listTokens, revokeToken, type TokenKind } from '../storage/tokens.ts'
import { type CliContext, CommandError, withStore } from './context.ts'
import { formatRows, formatTime } from './output.ts'

const KINDS: [kind: TokenKind, text: string][] = [
  ['api', 'make a token for /api: Flashduty’s webhook and scripts present it'],
  ['admin', 'make a token for the console'],
]

export function addTokenCommands(program: Command, context: CliContext): void {
  const token = program.command('token').description('tokens for /api and the console; each is shown once')

  for (const [kind, text] of KINDS) {
    token
      .command(kind)
      .description(text)
      .option('--name <name>', 'what it is for, as `token list` shows it', filled, kind)
      .option('--json', 'print JSON')
      .action(async ({ name, json }: { name: string; json?: boolean }) => {
        await withStore(context, async (store) => {
          const made = await store.db.write((trx) => addToken(trx, { kind, name }, store.clock.nowMs()))
          if (json) {
            const { id, token: shown } = made
            context.printLines(JSON.stringify({ id, kind, name, token: shown }, undefined, 2))
            return
          }
          context.print(made.token)
          context.complain(`Made ${made.id} (${name}). The token is shown this once: only its hash is kept.`)
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
          made: formatTime(row.created_at),
          ...(all ? { revoked: formatTime(row.revoked_at) } : {}),
        }))
        context.printLines(
          formatRows(rows, { json, empty: 'There is no token yet: make one with `token api --name NAME`.' }),
        )
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
