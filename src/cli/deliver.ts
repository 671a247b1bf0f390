import { readFileSync } from 'node:fs'

import type { Command } from 'commander'

import { loadConfig } from '../config.ts'
import { parseIncidentEvent } from '../domain/event.ts'
import { createLog } from '../log.ts'
import { createProducer } from '../queue/producer.ts'
import { connectImpatiently } from '../queue/redis.ts'
import { type CliContext, CommandError } from './context.ts'

export function addDeliverCommand(program: Command, context: CliContext): void {
  program
    .command('deliver <file>')
    .description('enqueue an incident webhook body from a file (- = standard input), as Flashduty would')
    .action(async (file: string) => {
      const config = loadConfig(context.env)
      const body = readBody(file)
      const parsed = parseIncidentEvent(body)
      if (parsed.kind === 'invalid') {
        throw new CommandError(
          `${file} is not an incident event: ${parsed.path}: ${parsed.problem}. Nothing was enqueued.`,
        )
      }
      const { eventId, eventType } = parsed.kind === 'event' ? parsed.event : parsed
      const log = createLog('silent')
      const producer = createProducer(connectImpatiently(config.redis, log), config.redis.prefix, log)
      try {
        const jobId = await producer.addDelivery(body, eventId, eventType)
        context.print(`Enqueued ${eventType} as job ${jobId}. See \`records\` for what becomes of it.`)
      } catch {
        throw new CommandError('Redis does not answer at REDIS_URL. Nothing was enqueued.')
      } finally {
        await producer.close()
      }
    })
}

function readBody(file: string): unknown {
  let text: string
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch {
    throw new CommandError(`${file} cannot be read.`)
  }
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new CommandError(`${file} is not JSON.`)
  }
}
