import { type Command, InvalidArgumentError } from 'commander'

import { hashOfJson } from '../domain/canonical.ts'
import { isReachable } from '../domain/group.ts'
import type { Integration } from '../domain/integration.ts'
import { MAX_ID } from '../domain/limits.ts'
import { newTestIncidentId, testBody, type TestResult, type TestTarget } from '../domain/test-card.ts'
import { within } from '../lifecycle.ts'
import { createLog } from '../log.ts'
import { createProducer } from '../queue/producer.ts'
import { connectImpatiently } from '../queue/redis.ts'
import { beginCardTest, keepTestResult, stopCardTest } from '../storage/card-tests.ts'
import { findGroup } from '../storage/groups.ts'
import { chooseIntegration, type CliContext, CommandError, type Store, UsageError, withStore } from './context.ts'
import { judge, isOver } from './judge-test-card.ts'
import { lookAtTest, type Seen } from './look-at-test-card.ts'
import { describeBusy, describeLegs, describeOutcome } from './test-card-words.ts'

type Options = { integration?: string; group?: string; user?: string; wait: number }
type Test = { integration: Integration; target: TestTarget & { name: string | undefined }; waitMs: number }

const LOOK_MS = 200
/** How long the daemon has for closing the card. */
const CLOSE_MS = 10_000

/** @param stopping aborts when the person presses Ctrl-C */
export function addTestCardCommand(program: Command, context: CliContext, stopping: AbortSignal): void {
  program
    .command('test-card')
    .description('send a card with one button, wait until somebody presses it, and say which legs of the way were seen')
    .option('--integration <id>', 'id or name')
    .option('--group <openConversationId>', 'the group')
    .option('--user <userId>', 'the DingTalk user, in their own chat')
    .option('--wait <seconds>', 'how long to wait for the press', seconds, 120)
    .action(async (options: Options) => {
      if ((options.group === undefined) === (options.user === undefined)) {
        throw new UsageError('Say either --group or --user.')
      }
      await withStore(context, async (store) => {
        const integration = await chooseIntegration(store, options.integration)
        if (!integration.enabled) {
          throw new CommandError(`${integration.name} is switched off: \`integration set ${integration.id} --enable\`.`)
        }
        const target = await findTarget(store, integration, options)
        await runTest(context, store, { integration, target, waitMs: options.wait * 1_000 }, stopping)
      })
    })
}

function seconds(value: string): number {
  const number = Number(value)
  if (!Number.isInteger(number) || number < 1 || number > 3_600) {
    throw new InvalidArgumentError('It must be a whole number from 1 to 3600.')
  }
  return number
}

async function findTarget(store: Store, integration: Integration, options: Options): Promise<Test['target']> {
  if (options.group === undefined) {
    const id = options.user?.trim() ?? ''
    if (id === '' || id.length > MAX_ID) throw new UsageError('--user must be the userId of a DingTalk user.')
    return { kind: 'person', id, name: undefined }
  }
  const id = { integrationId: integration.id, openConversationId: options.group }
  const group = await findGroup(store.db.read, id)
  if (!group || !isReachable(group.status)) {
    throw new CommandError('The cool app is not known to be installed in that group; see `groups --all`.')
  }
  return { kind: 'group', id: options.group, name: group.title ?? undefined }
}

/** @throws CommandError unless the whole way was seen */
async function runTest(context: CliContext, store: Store, test: Test, stopping: AbortSignal): Promise<void> {
  const { integration, target, waitMs } = test
  const { db, clock } = store
  const incidentId = newTestIncidentId()
  const startedAt = clock.nowMs()
  const begun = {
    incident_id: incidentId,
    integration_id: integration.id,
    kind: target.kind,
    target_id: target.id,
    target_name: target.name ?? null,
    started_at: startedAt,
    ends_at: startedAt + waitMs,
  }
  const earlier = await db.write((trx) => beginCardTest(trx, begun))
  if (earlier) throw new CommandError(describeBusy(earlier, startedAt))
  let result: TestResult = { outcome: 'stopped', legs: [] }
  const over = async (): Promise<Seen> => {
    await db.write((trx) => stopCardTest(trx, incidentId, clock.nowMs()))
    const last = await waitUntilOver(store, integration.id, incidentId)
    await db.write((trx) => keepTestResult(trx, incidentId, result))
    return last
  }
  try {
    await enqueue(store, incidentId, startedAt)
    context.print(`Test card ${incidentId} for ${target.name ?? target.id}: on its way through the queue.`)
    result = await follow(context, store, test, incidentId, stopping)
  } catch (error) {
    await over()
    throw error
  }
  const last = await over()
  context.print(
    isOver(last)
      ? last.card
        ? 'The card is closed: it has no button any more.'
        : 'No card is left behind.'
      : 'The card is not closed yet: the daemon does that as soon as it runs and DingTalk answers.',
  )
  if (result.outcome !== 'passed') throw new CommandError(describeOutcome(result, integration, waitMs))
  context.print('Passed: the card was shown, pressed, answered and repainted.')
}

async function enqueue({ config }: Store, incidentId: string, nowMs: number): Promise<void> {
  const log = createLog('silent')
  const producer = createProducer(connectImpatiently(config.redis, log), config.redis.prefix, log, hashOfJson)
  const body = testBody(incidentId, nowMs)
  try {
    await producer.addDelivery(body, { eventId: body.event_id, eventType: body.event_type })
  } catch {
    throw new CommandError('Redis does not answer at REDIS_URL: no test card was sent.')
  } finally {
    await producer.close()
  }
}

/** Says each leg as it happens. */
async function follow(
  context: CliContext,
  store: Store,
  { integration, waitMs }: Test,
  incidentId: string,
  stopping: AbortSignal,
): Promise<TestResult> {
  const stopped = new Promise((resolve) => stopping.addEventListener('abort', resolve, { once: true }))
  const told = new Set<string>()
  for (;;) {
    const seen = await lookAtTest(store.db.read, integration.id, incidentId)
    if (!seen)
      throw new CommandError('The test was taken away: the integration is gone, or is another corporation’s now.')
    for (const { leg, atMs, words } of describeLegs(seen)) {
      if (told.has(leg)) continue
      told.add(leg)
      context.print(`${(atMs / 1_000).toFixed(1).padStart(6)} s  ${words}`)
    }
    const result = judge(seen, { nowMs: store.clock.nowMs(), stopped: stopping.aborted, waitMs })
    if (result) return result
    await within(LOOK_MS, stopped)
  }
}

async function waitUntilOver({ db, clock }: Store, integrationId: string, incidentId: string): Promise<Seen> {
  const untilMs = clock.nowMs() + CLOSE_MS
  for (;;) {
    const seen = await lookAtTest(db.read, integrationId, incidentId)
    if (!seen) throw new CommandError('The test was taken away.')
    if (isOver(seen) || clock.nowMs() > untilMs) return seen
    await within(LOOK_MS, new Promise(() => {}))
  }
}
