import { pino } from 'pino'

import { actFromPage, type PageAct, type PageAnswer } from '../../src/actions/act-from-page.ts'
import { ACTION_SETTINGS, type ActionSettings } from '../../src/actions/deps.ts'
import { systemClock } from '../../src/clock.ts'
import { createWakeDueCards } from '../../src/delivery/wake.ts'
import { hashOfJson } from '../../src/domain/canonical.ts'
import { createFlashdutyClient } from '../../src/flashduty/client.ts'
import { InFlight } from '../../src/lifecycle.ts'
import { createOutbound } from '../../src/outbound.ts'
import { createProducer } from '../../src/queue/producer.ts'
import { connectImpatiently } from '../../src/queue/redis.ts'
import { openDb } from '../../src/storage/db.ts'
import { createSecretBox, loadSecretKey } from '../../src/storage/secret-box.ts'
import { listWantedActs, takeWantedAct, type WantedAct } from '../../src/storage/wanted-acts.ts'
import { HeldPatience } from './held-patience.ts'
import type { Person, World } from './world.ts'

/** What pages do for a person who is logged in and waits for the end, as a process of its own beside the daemon. */
export type PageActs = {
  act(person: Person, request: Omit<PageAct, 'integrationId' | 'corpId' | 'userId'>): Promise<PageAnswer>
  wanted(person: Person): Promise<WantedAct[]>
  take(person: Person, token: string): Promise<WantedAct | undefined>
  close(): Promise<void>
}

export async function openPageActs(world: World, settings: Partial<ActionSettings> = {}): Promise<PageActs> {
  const { config, integrationId } = world
  const clock = systemClock
  const log = pino({ level: 'silent' })
  const db = await openDb(config.databasePath)
  const outbound = createOutbound()
  const producer = createProducer(connectImpatiently(config.redis, log), config.redis.prefix, log, hashOfJson)
  const inFlight = new InFlight(() => {})
  const deps = {
    db,
    box: createSecretBox(loadSecretKey(config.secret.key, config.secret.file)),
    clock,
    log,
    flashduty: createFlashdutyClient({ apiUrl: config.flashduty.apiUrl, send: outbound.send }),
    owner: 'a-page',
    settings: { ...ACTION_SETTINGS, ...new HeldPatience().settings, spacingMs: 100, retryMs: 200, ...settings },
    producer,
    wakeDueCards: createWakeDueCards({ db, clock, log, producer }),
    inFlight,
  }
  return {
    act: ({ user }, request) =>
      actFromPage(deps, { ...request, integrationId, corpId: world.dingtalkApp.corpId, userId: user.userId }),
    wanted: ({ user }) => listWantedActs(db.read, integrationId, user.userId, clock.nowMs()),
    take: ({ user }, token) =>
      db.write((trx) => takeWantedAct(trx, { integrationId, userId: user.userId, token }, clock.nowMs())),
    async close() {
      await inFlight.idle()
      await producer.close()
      await outbound.close()
      await db.close()
    },
  }
}
