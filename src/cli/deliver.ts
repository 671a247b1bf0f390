import { readFileSync } from 'node:fs'

import type { Command } from 'commander'

import { loadConfig } from '../config.ts'
import { hashOfJson } from '../domain/canonical.ts'
import { parseIncidentEvent } from '../domain/event.ts'
import { shorten } from '../domain/visible.ts'
import { AppError } from '../errors.ts'
import { createLog } from '../log.ts'
import { type AddedDelivery, createProducer } from '../queue/producer.ts'
import { connectImpatiently } from '../queue/redis.ts'
import { type CliContext, CommandError } from './context.ts'

const MAX_NAMED_TYPE = 100

export function addDeliverCommand(program: Command, context: CliContext): void {
  program
    .command('deliver <file>')
    .description('enqueue an incident webhook body from a file (- = standard input), as Flashduty would')
    .action(async (file: string) => {
      const config = loadConfig(context.env)
      const { body, leftOut } = readBody(file)
      const parsed = parseIncidentEvent(body)
      if (parsed.kind === 'invalid') {
        throw new CommandError(
          `${file} is not an incident event: ${parsed.path}: ${parsed.problem}. Nothing was enqueued.`,
        )
      }
      const event = parsed.kind === 'event' ? parsed.event : parsed
      const log = createLog('silent')
      const producer = createProducer(connectImpatiently(config.redis, log), config.redis.prefix, log, hashOfJson)
      try {
        context.print(tell(event.eventType, await producer.addDelivery(body, event)))
      } catch (error) {
        throw new CommandError(explain(file, error))
      } finally {
        await producer.close()
      }
      for (const { path, problem } of [...leftOut, ...ignoredIn(parsed)]) context.print(`Left out: ${path}: ${problem}`)
    })
}

function tell(eventType: string, { jobId, state }: AddedDelivery): string {
  if (state === 'waiting') return `Already waiting as job ${jobId}: nothing was added.`
  if (state === 'ended') {
    return `This very event was taken in before, by job ${jobId}: nothing was added. See \`records\`.`
  }
  const type = shorten(eventType, MAX_NAMED_TYPE)
  return `Enqueued ${type} as job ${jobId}. See \`records\` for what becomes of it.`
}

function explain(file: string, error: unknown): string {
  if (error instanceof RangeError) return `${file} is nested too deeply. Nothing was enqueued.`
  if (error instanceof AppError && error.failure.kind === 'unknown-outcome') {
    return (
      'Redis at REDIS_URL did not answer in time: whether it was enqueued is not known. ' +
      'Deliver it again: the same body is never added twice.'
    )
  }
  // Such as OOM, READONLY or NOAUTH.
  const refusal =
    error instanceof Error && error.name === 'ReplyError' ? /^[A-Z]+\b/.exec(error.message)?.[0] : undefined
  return `Redis ${refusal === undefined ? 'does not answer' : `refuses (${refusal})`} at REDIS_URL. Nothing was enqueued.`
}

type LeftOut = { path: string; problem: string }

/** What the event was taken without. */
function ignoredIn(parsed: object): LeftOut[] {
  return 'ignored' in parsed ? (parsed.ignored as LeftOut[]) : []
}

function readBody(file: string): { body: unknown; leftOut: LeftOut[] } {
  let bytes: Buffer
  try {
    bytes = readFileSync(file === '-' ? 0 : file)
  } catch {
    throw new CommandError(`${file} cannot be read.`)
  }
  const encoding = encodingOf(bytes)
  const { text, whole } = decode(bytes, encoding)
  try {
    const body = JSON.parse(text) as unknown
    const problem = `what is not ${encoding.toUpperCase()} in it became U+FFFD`
    return { body, leftOut: whole ? [] : [{ path: file, problem }] }
  } catch {
    throw new CommandError(`${file} is not JSON.`)
  }
}

/** By its mark; without one, JSON begins with a letter of ASCII. */
function encodingOf([first, second]: Buffer): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if ((first === 0xff && second === 0xfe) || (first !== undefined && second === 0)) return 'utf-16le'
  if ((first === 0xfe && second === 0xff) || (first === 0 && second !== undefined)) return 'utf-16be'
  return 'utf-8'
}

/** Without the mark; what cannot be read is replaced, since an alert must not be lost over a letter. */
function decode(bytes: Buffer, encoding: string): { text: string; whole: boolean } {
  try {
    return { text: new TextDecoder(encoding, { fatal: true }).decode(bytes), whole: true }
  } catch {
    return { text: new TextDecoder(encoding).decode(bytes), whole: false }
  }
}
