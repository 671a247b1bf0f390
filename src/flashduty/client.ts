import { z } from 'zod'

import type { Act } from '../domain/button.ts'
import { type ChatTarget, readRuleLayers } from '../domain/read-delivery.ts'
import type { ListedMember } from '../domain/link-rules.ts'
import { fields, maybeFlag, maybeNumber, maybeText, someNumber, someText } from '../domain/lenient.ts'
import { AppError } from '../errors.ts'
import { type SendHttp, withoutSecrets } from '../outbound.ts'
import { classify } from './error-codes.ts'
import { type FeedItem, readFeedItems } from './feed.ts'
import type { Pace, Urgency } from './pace.ts'
import { type AskedHistory, historyBody, type HistoryPage, readHistoryPage } from './webhook-history.ts'

const CALL_TIMEOUT_MS = 5_000

/** Flashduty's Open API. An APP Key is one member: every call is made as that member. */
export type FlashdutyClient = {
  /**
   * @returns what a custom action that did not work says about itself; empty = it did
   * @throws AppError by `error-codes.ts`; `unknown-outcome` when it may have been carried out
   */
  act(appKey: string, incidentId: string, act: Act & { comment?: string | undefined }): Promise<string>
  /** As Flashduty tells it. @throws AppError; never `unknown-outcome`, since reading changes nothing */
  readIncident(appKey: string, incidentId: string): Promise<unknown>
  /** At most 100 incidents; those that it does not know, or does not tell, are left out. @throws AppError as above */
  readIncidents(appKey: string, incidentIds: string[]): Promise<unknown[]>
  /** What Flashduty pushed by webhooks in the last seven days, oldest first; needs 集成中心查看. @throws AppError as above */
  readWebhookHistory(appKey: string, asked: AskedHistory): Promise<HistoryPage>
  /**
   * The groups that each layer of an escalation rule names for one DingTalk integration, first layer first.
   * @throws AppError as above
   */
  readRuleChats(
    appKey: string,
    rule: { channelId: number; ruleId: string },
    dataSourceId: number | undefined,
  ): Promise<ChatTarget[][]>
  /** The newest entries of the incident's timeline, newest first, as far as that member may see it. @throws AppError as above */
  readFeed(appKey: string, incidentId: string, limit: number): Promise<{ items: FeedItem[]; more: boolean }>
  /** Whose key it is. @throws AppError as above */
  readMember(appKey: string): Promise<KeyOwner>
  /**
   * What `/member/list` finds for a text: a phone number as a whole; names and e-mail addresses also by a part, so look
   * at what was found. @throws AppError as above
   */
  findMembers(appKey: string, query: string, urgency: Urgency): Promise<ListedMember[]>
  /**
   * A key that acts as the member; only the account owner's own key can make one.
   * @throws AppError as `act`: a key whose making was not answered may exist, and nobody knows it
   */
  createMemberKey(ownerKey: string, memberId: number): Promise<string>
  /** Whether the owner's key may make keys at all; makes none. @throws AppError when Flashduty does not say */
  probeOwnerKey(ownerKey: string): Promise<'may' | 'key-invalid' | 'not-owner' | 'not-offered'>
}

const Envelope = fields({
  data: z.unknown(),
  error: fields({ code: maybeText, message: maybeText }).nullish().catch(undefined),
})

export type KeyOwner = { memberId: number; memberName: string; status: string; accountId: number | undefined }
const IncidentList = fields({ items: z.array(z.unknown()).nullish() })
const CustomDone = fields({ message: maybeText })
const MadeKey = fields({ key: someText })

const text = maybeText.transform((value) => value ?? '')
const id = someNumber.pipe(z.int())
const Member = fields({
  member_id: id,
  member_name: text,
  status: maybeText.transform((status) => status ?? 'enabled'),
  account_id: maybeNumber,
})

/** Older editions do not say; what was proven is then Flashduty's own business. */
const flag = maybeFlag.transform((value) => value ?? true)
const MemberList = fields({ items: z.array(z.unknown()).nullish() })
const ListItem = fields({
  member_id: id,
  member_name: text,
  email: text,
  phone: text,
  status: text,
  email_verified: flag,
  phone_verified: flag,
})

function listedOf(item: z.infer<typeof ListItem>): ListedMember {
  return {
    memberId: item.member_id,
    memberName: item.member_name,
    email: item.email,
    phone: item.phone,
    status: item.status,
    emailVerified: item.email_verified,
    phoneVerified: item.phone_verified,
  }
}

type ClientDeps = { apiUrl: string; send: SendHttp; pace?: Pace }

/** @param deps `pace` holds back calls that the account may not make yet; without it none is */
export function createFlashdutyClient(deps: ClientDeps): FlashdutyClient {
  const { call, read } = createCaller(deps)
  return {
    async act(appKey, incidentId, { action, minutes, customId, comment }) {
      if (action === 'refresh') throw new Error('a refresh is a reading')
      if (action === 'custom') {
        const body = { incident_id: incidentId, integration_id: customId }
        const done = CustomDone.safeParse(await call(appKey, '/incident/custom-action/do', body))
        return done.success ? (done.data.message ?? '').trim() : ''
      }
      await call(appKey, `/incident/${action}`, {
        incident_ids: [incidentId],
        ...(minutes === undefined ? {} : { minutes }),
        ...(action === 'reopen' && comment !== undefined ? { reason: comment } : {}),
      })
      return ''
    },
    readIncident: (appKey, incidentId) => read(appKey, '/incident/info', { incident_id: incidentId }),
    async readIncidents(appKey, incidentIds) {
      const told = IncidentList.safeParse(
        await read(appKey, '/incident/list-by-ids', { incident_ids: incidentIds }, 'look-up'),
      )
      if (told.success) return told.data.items ?? []
      throw unreadable('/incident/list-by-ids')
    },
    async readWebhookHistory(appKey, asked) {
      const page = readHistoryPage(await read(appKey, '/webhook/history/list', historyBody(asked), 'look-up'))
      if (page) return page
      throw unreadable('/webhook/history/list')
    },
    async readRuleChats(appKey, { channelId, ruleId }, dataSourceId) {
      const body = { channel_id: channelId, rule_id: ruleId }
      const layers = readRuleLayers(await read(appKey, '/channel/escalate/rule/info', body, 'look-up'), dataSourceId)
      if (layers) return layers
      throw new AppError(
        { kind: 'permanent', code: 'ACTION_REJECTED' },
        'POST /channel/escalate/rule/info: unreadable answer',
      )
    },
    async readFeed(appKey, incidentId, limit) {
      const feed = readFeedItems(
        await read(appKey, '/incident/feed', { incident_id: incidentId, p: 1, limit, asc: false }, 'look-up'),
      )
      if (feed) return feed
      throw unreadable('/incident/feed')
    },
    async readMember(appKey) {
      const parsed = Member.safeParse(await read(appKey, '/member/info', {}))
      if (parsed.success) {
        const { member_id: memberId, member_name: memberName, status, account_id: accountId } = parsed.data
        return { memberId, memberName, status, accountId }
      }
      throw unreadable('/member/info')
    },
    async findMembers(appKey, query, urgency) {
      const parsed = MemberList.safeParse(await read(appKey, '/member/list', { query, p: 1, limit: 100 }, urgency))
      if (parsed.success) {
        // What is odd about one of them costs that one only.
        return (parsed.data.items ?? []).flatMap((each) => {
          const item = ListItem.safeParse(each).data
          return item ? [listedOf(item)] : []
        })
      }
      throw unreadable('/member/list')
    },
    async createMemberKey(ownerKey, memberId) {
      const body = { key_name: 'flashduty-dingtalk', person_id: memberId }
      const made = MadeKey.safeParse(await call(ownerKey, '/person/app-key/create', body))
      if (made.success) return made.data.key
      throw new AppError(
        { kind: 'unknown-outcome', code: 'FLASHDUTY_UNAVAILABLE' },
        'POST /person/app-key/create: unreadable answer',
      )
    },
    async probeOwnerKey(ownerKey) {
      try {
        // Nameless, so that whoever may make keys is refused for that alone.
        await call(ownerKey, '/person/app-key/create', { key_name: '' }, 'look-up')
        return 'may'
      } catch (error) {
        const said = error instanceof AppError ? /^\w+/.exec(error.detail ?? '')?.[0] : undefined
        if (said === 'InvalidParameter' || said === 'BadRequest') return 'may'
        if (said === 'Unauthorized') return 'key-invalid'
        if (said === 'AccessDenied') return 'not-owner'
        if (said === 'RouteNotFound') return 'not-offered'
        throw error
      }
    },
  }
}

/** `read` is `call` for what changes nothing, so that it can always be asked again. */
function createCaller(deps: ClientDeps) {
  const call = async (appKey: string, path: string, body: unknown, urgency: Urgency = 'press'): Promise<unknown> => {
    // The key belongs into the query by Flashduty's rules, so the URL must not reach any message.
    const url = `${deps.apiUrl}${path}?app_key=${encodeURIComponent(appKey)}`
    // What it says of a refusal is shown to people.
    const headers = { 'accept-language': 'zh-CN' }
    const send = () => deps.send({ method: 'POST', url, headers, body, timeoutMs: CALL_TIMEOUT_MS })
    const answer = await (deps.pace ? deps.pace(urgency, send) : send()).catch((error: unknown) => {
      if (!(error instanceof AppError)) throw error
      throw new AppError({ ...error.failure, code: 'FLASHDUTY_UNAVAILABLE' }, error.message, {
        cause: error,
        ...(error.detail === undefined ? {} : { detail: error.detail }),
      })
    })
    let parsed: z.infer<typeof Envelope> | undefined
    try {
      parsed = Envelope.parse(JSON.parse(answer.text))
    } catch {
      parsed = undefined
    }
    const code = parsed?.error?.code ?? ''
    const ok = answer.status >= 200 && answer.status < 300 && parsed && ['', '0', 'OK'].includes(code)
    if (ok) return parsed?.data
    const said = withoutSecrets(code || `HTTP ${answer.status}`, [appKey])
    const failure = classify(answer.status, code, parsed?.error?.message)
    const { retryAfterMs } = answer
    const patient = failure.kind === 'retryable' && retryAfterMs !== undefined ? { ...failure, retryAfterMs } : failure
    throw new AppError(patient, `POST ${path}: ${said}`, {
      detail: withoutSecrets(`${said}: ${parsed?.error?.message ?? ''}`, [appKey]).slice(0, 500),
    })
  }

  const read = async (appKey: string, path: string, body: unknown, urgency?: Urgency): Promise<unknown> => {
    try {
      return await call(appKey, path, body, urgency)
    } catch (error) {
      if (!(error instanceof AppError) || error.failure.kind !== 'unknown-outcome') throw error
      throw new AppError({ kind: 'retryable', code: error.failure.code }, error.message, { cause: error })
    }
  }

  return { call, read }
}

/** Flashduty answered with something else than its pages say. */
function unreadable(path: string): AppError {
  const failure = { kind: 'retryable', code: 'FLASHDUTY_UNAVAILABLE' } as const
  return new AppError(failure, `POST ${path}: unreadable answer`)
}
