import { Command, CommanderError } from 'commander'

import { ConfigError } from '../config.ts'
import { AppError } from '../errors.ts'
import { CommandError, createContext, type Terminal, UsageError } from './context.ts'
import { addDeliverCommand } from './deliver.ts'
import { addGroupsCommand } from './groups.ts'
import { addIntegrationCommands } from './integration.ts'
import { addJournalCommands } from './journal.ts'
import { addLinksCommands } from './links.ts'
import { addRecordsCommand } from './records.ts'
import { addRoutesCommands } from './routes.ts'
import { addSendTestCommand } from './send-test.ts'
import { addStartCommand, type ProcessEdge } from './start.ts'
import { addTestCardCommand } from './test-card.ts'
import { addTokenCommands } from './token.ts'

/** @returns the exit code: 0 done, 1 failed, 2 wrong usage */
export async function runCli(args: string[], terminal: Terminal, edge: ProcessEdge): Promise<number> {
  const context = createContext(terminal)
  const program = new Command('flashduty-dingtalk')
    .description('Receive and answer Flashduty alerts inside DingTalk')
    .configureOutput({
      writeOut: (text) => context.printLines(text.trimEnd()),
      writeErr: (text) => withoutValue(text).trimEnd().split('\n').forEach(context.complain),
    })
    .exitOverride()
  addStartCommand(program, context, edge)
  addIntegrationCommands(program, context)
  addGroupsCommand(program, context)
  addLinksCommands(program, context)
  addRoutesCommands(program, context)
  addRecordsCommand(program, context)
  addJournalCommands(program, context)
  addDeliverCommand(program, context)
  addSendTestCommand(program, context)
  addTestCardCommand(program, context, edge.stopping)
  addTokenCommands(program, context)
  try {
    await program.parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (error instanceof UsageError) {
      context.complain(`error: ${error.message}`)
      return 2
    }
    if (error instanceof ConfigError) {
      context.complain('These settings are wrong:')
      for (const { variable, problem } of error.faults) context.complain(`  ${variable}: ${problem}`)
      return 1
    }
    if (error instanceof CommandError || error instanceof AppError) {
      context.complain(error.message)
      return 1
    }
    throw error
  }
}

/** What stands behind the name of an option that there is none of may be a secret. */
function withoutValue(text: string): string {
  const option = text.indexOf("unknown option '")
  const value = option < 0 ? -1 : text.indexOf('=', option)
  if (value < 0) return text
  const end = text.lastIndexOf("'")
  return `${text.slice(0, value)}=…${end > value ? text.slice(end) : "'"}`
}
