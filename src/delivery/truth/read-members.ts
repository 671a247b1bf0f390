import type { Clock } from '../../clock.ts'
import type { DingTalkClient } from '../../dingtalk/client.ts'
import { type Members, queryGroupMembers, type ReadMembers } from '../../dingtalk/group-members.ts'
import { asReason } from '../../domain/reasons.ts'
import { AppError } from '../../errors.ts'
import { patiently, within } from '../../lifecycle.ts'
import type { Log } from '../../log.ts'
import type { Producer } from '../../queue/producer.ts'
import type { Db } from '../../storage/db.ts'
import { recordSeen } from '../../storage/group-facts.ts'
import { findGroup } from '../../storage/groups.ts'
import { isOfAnother } from '../../storage/integrations.ts'
import { costNothing, type Quota } from '../quota.ts'

const API = 'members/batchQuery'
/** As DingTalk writes them; whatever else an address brings is not worth a call. */
const WELL_FORMED = /^cid[A-Za-z0-9+/]{4,200}={0,2}$/
/** A group of more is not read to its end. */
const MAX_CALLS = 3
const KEPT_MS = 5 * 60_000
const KEPT_REFUSAL_MS = 60_000
/** One that may be over at any moment is not held against whoever tries again. */
const KEPT_TROUBLE_MS = 5_000
/** Somebody is looking at an empty page meanwhile. */
const PATIENCE_MS = 3_000
/** While DingTalk does not answer, its last answer still counts this long. */
const STALE_MS = 3_600_000
const MOST_KEPT = 500
/** Calls that one person may cause in ten minutes by opening pages of group after group. */
const CALLS_EACH = 12
const WINDOW_MS = 10 * 60_000

/**
 * Who is in a group, by DingTalk's own answer: kept for some minutes, since each call counts against the month's quota.
 * Never throws for DingTalk's refusals.
 */
export function createReadMembers(deps: {
  db: Db
  clock: Clock
  log: Log
  client: DingTalkClient
  integrationId: string
  corpId: string
  coolAppCode: string | undefined
  quota: Quota
  producer: Pick<Producer, 'tick'>
}): ReadMembers {
  const kept = new Map<string, { members: Promise<Members>; untilMs: number }>()
  const last = new Map<string, { members: Members; atMs: number }>()
  const askers = new Map<string, { since: number; calls: number }>()

  /** @returns seconds to wait before DingTalk may be asked for this person; 0 = go on */
  const takeTurn = (userId: string): number => {
    const nowMs = deps.clock.nowMs()
    const asker = askers.get(userId)
    if (!asker || asker.since + WINDOW_MS <= nowMs) {
      if (askers.size >= MOST_KEPT) askers.clear()
      askers.set(userId, { since: nowMs, calls: 1 })
      return 0
    }
    asker.calls += 1
    return asker.calls <= CALLS_EACH ? 0 : Math.ceil((asker.since + WINDOW_MS - nowMs) / 1_000)
  }

  const ask = async (openConversationId: string): Promise<Members> => {
    const group = await findGroup(deps.db.read, { integrationId: deps.integrationId, openConversationId })
    const coolAppCode = group?.cool_app_code ?? deps.coolAppCode
    const userIds = new Set<string>()
    const names = new Map<string, string>()
    let next: string | undefined = ''
    for (let calls = 0; next !== undefined && calls < MAX_CALLS; calls++) {
      const scarce = await deps.db.write(async (trx) => {
        if (await deps.quota.isScarce(trx)) return true
        await deps.quota.countCall(trx, API)
        return false
      })
      if (scarce) return { kind: 'refused', reason: 'IM_QUOTA_EXCEEDED', final: false }
      const page = await queryGroupMembers(deps.client, { openConversationId, coolAppCode }, next)
      for (const userId of page.userIds) userIds.add(userId)
      for (const [userId, name] of page.names) names.set(userId, name)
      next = page.nextToken
    }
    // The answer proves that the cool app is there, whose install may have been missed.
    if (group?.status !== 'installed') await learn(openConversationId)
    return { kind: 'known', userIds, names, whole: next === undefined }
  }

  const learn = async (openConversationId: string): Promise<void> => {
    const { integrationId } = deps
    const { refreshGroup } = await deps.db.write(async (trx) => {
      if (await isOfAnother(trx, integrationId, deps.corpId)) return { refreshGroup: false }
      return recordSeen(trx, { integrationId, openConversationId, ask: true }, deps.clock.nowMs())
    })
    if (refreshGroup) await deps.producer.tick(integrationId, 'group')
  }

  const askSafely = async (openConversationId: string): Promise<Members> => {
    try {
      return await ask(openConversationId)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      deps.log.warn({ openConversationId, err: error, detail: error.detail }, 'members-unread')
      if (costNothing(error.failure)) {
        await deps.db.write((trx) => deps.quota.refundCall(trx, API)).catch(() => {})
      }
      const { code, kind } = error.failure
      return { kind: 'refused', reason: asReason(code), final: kind === 'permanent' }
    }
  }

  const keepLast = (openConversationId: string, members: Members): void => {
    last.delete(openConversationId)
    if (members.kind === 'known') last.set(openConversationId, { members, atMs: deps.clock.nowMs() })
    const [oldest] = last.keys()
    if (last.size > MOST_KEPT && oldest !== undefined) last.delete(oldest)
  }

  /** What DingTalk said last, where it says nothing now. */
  const orLast = (openConversationId: string, members: Members): Members => {
    const known = last.get(openConversationId)
    if (members.kind === 'known' || members.final || known?.members.kind !== 'known') return members
    if (known.atMs + STALE_MS <= deps.clock.nowMs()) return members
    return { ...known.members, stale: { atMs: known.atMs, reason: members.reason } }
  }

  const inTimeOrLast = async (openConversationId: string, members: Promise<Members>): Promise<Members> => {
    const answer = await within(PATIENCE_MS, members, patiently)
    const inTime: Members = answer === 'timeout' ? { kind: 'refused', reason: 'NETWORK', final: false } : answer
    return orLast(openConversationId, inTime)
  }

  return async (openConversationId, askedBy) => {
    if (!WELL_FORMED.test(openConversationId)) return { kind: 'refused', reason: 'CHAT_NOT_FOUND', final: true }
    const nowMs = deps.clock.nowMs()
    const known = kept.get(openConversationId)
    if (known && known.untilMs > nowMs) return inTimeOrLast(openConversationId, known.members)
    const waitS = takeTurn(askedBy)
    if (waitS > 0) {
      return orLast(openConversationId, { kind: 'refused', reason: 'IM_RATE_LIMITED', final: false, waitS })
    }
    const members = askSafely(openConversationId)
    const entry = { members, untilMs: nowMs + KEPT_MS }
    kept.delete(openConversationId)
    kept.set(openConversationId, entry)
    const [oldest] = kept.keys()
    if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest)
    const drop = () => kept.get(openConversationId) === entry && kept.delete(openConversationId)
    members.then(
      (answer) => {
        const refused = answer.kind === 'refused'
        if (refused) entry.untilMs = deps.clock.nowMs() + (answer.final ? KEPT_REFUSAL_MS : KEPT_TROUBLE_MS)
        if (!refused || answer.final) keepLast(openConversationId, answer)
      },
      () => drop(),
    )
    return inTimeOrLast(openConversationId, members)
  }
}
