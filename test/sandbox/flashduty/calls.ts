import { invalid } from './errors.ts'
import { type Body, incidentId, incidentIds, integer, optionalBoolean, optionalText, personIds, text } from './body.ts'
import type { Act } from './incidents.ts'
import { type Store, checkPermission, toPerson } from './store.ts'
import type { Member } from './types.ts'

const RESPONDER_ROLE = 6
const VIEWER_ROLE = 8

/** One call of the Open API: checks the caller and the body, does it, returns `data`. Throws the refusal. */
export type Call = (store: Store, caller: Member, body: Body) => unknown

/** Path to call; anything else answers `RouteNotFound` (F 3.4). */
export const CALLS: Record<string, Call> = {
  '/incident/ack': acting((body, { forms }) => {
    demandForm(body, forms.ack)
    return { kind: 'ack' }
  }),
  '/incident/unack': acting(() => ({ kind: 'unack' })),
  '/incident/snooze': acting((body) => ({ kind: 'snooze', minutes: integer(body, 'minutes', 1, 1440) })),
  '/incident/wake': acting(() => ({ kind: 'wake' })),
  '/incident/resolve': acting((body, { forms }) => {
    demandForm(body, forms.close)
    return {
      kind: 'resolve',
      rootCause: optionalText(body, 'root_cause', 1024),
      resolution: optionalText(body, 'resolution', 1024),
    }
  }),
  '/incident/reopen': acting((body) => {
    optionalText(body, 'reason', 1024)
    return { kind: 'reopen' }
  }),
  '/incident/comment': acting((body) => {
    text(body, 'comment', { from: 1, to: 1024 })
    optionalBoolean(body, 'mute_reply')
    return { kind: 'comment' }
  }),
  '/incident/custom-action/do': (store, caller, body) => {
    checkPermission(caller, 'handle')
    const id = incidentId(body)
    const integrationId = integer(body, 'integration_id', 1, Number.MAX_SAFE_INTEGER)
    store.checkChannel(caller, id)
    return store.runCustom(id, integrationId, caller)
  },
  '/incident/feed': (store, caller, body) => {
    checkPermission(caller, 'view')
    const id = incidentId(body)
    store.checkChannel(caller, id)
    const p = integer(body, 'p', 1, 10_000, 1)
    const limit = integer(body, 'limit', 1, 100, 20)
    const types = body['types']
    const wanted = store
      .feed(id)
      .filter(({ type }) => !Array.isArray(types) || types.length === 0 || types.includes(type))
    const ordered = optionalBoolean(body, 'asc') === true ? wanted : wanted.toReversed()
    return { has_next_page: ordered.length > p * limit, items: ordered.slice((p - 1) * limit, p * limit) }
  },
  '/incident/info': (store, caller, body) => {
    checkPermission(caller, 'view')
    const incident = store.get(incidentId(body))
    store.checkChannel(caller, incident.incident_id)
    return store.alterInfo(incident)
  },
  '/incident/list-by-ids': (store, caller, body) => {
    checkPermission(caller, 'view')
    return { items: incidentIds(body).flatMap((id) => store.find(id) ?? []) }
  },
  '/channel/escalate/rule/info': (store, caller, body) => {
    checkPermission(caller, 'view')
    const channelId = integer(body, 'channel_id', 1, Number.MAX_SAFE_INTEGER)
    const ruleId = text(body, 'rule_id', { from: 24, to: 24 })
    const { layers } = store.getRule(channelId, ruleId)
    return {
      rule_id: ruleId,
      rule_name: '默认分派',
      channel_id: channelId,
      status: 'enabled',
      layers: layers.map(({ webhooks }) => ({
        target: { person_ids: [], team_ids: [], webhooks },
        escalate_window: 30,
      })),
    }
  },
  '/member/info': (store, caller) => ({
    account_id: caller.account_id ?? store.account.accountId,
    account_name: store.account.accountName,
    ...describe(caller),
  }),
  '/person/app-key/create': (store, caller, body) => {
    const { key_id, key_name, key } = store.keys.create(caller, {
      key_name: body['key_name'],
      person_id: body['person_id'],
    })
    return { key_id, key_name, key }
  },
  '/oncall/license/list': (store) => {
    const holders = [...store.members.values()].filter((one) => one.licensed)
    const items = holders.map((one) => ({
      ...toPerson(one),
      type: 'fixed',
      created_at: 0,
      updated_at: 0,
      updated_by: 0,
    }))
    return { items, total: items.length }
  },
  '/member/list': (store, caller, body) => {
    const p = integer(body, 'p', 1, 10_000, 1)
    const limit = integer(body, 'limit', 1, 100, 20)
    const query = optionalText(body, 'query', 256)?.trim().toLowerCase() ?? ''
    const found = [...store.members.values()]
      .filter((one) => one.status !== 'deleted' && one.account_id === caller.account_id)
      .filter((one) => matches(one, query))
    return { p, limit, total: found.length, items: found.slice((p - 1) * limit, p * limit).map(describe) }
  },
  '/webhook/history/list': (store, caller, body) => store.webhooks.list(caller, body),
  '/person/infos': (store, _caller, body) => ({
    items: personIds(body).flatMap((id) => {
      const member = store.members.get(id)
      if (member === undefined) return []
      const shown = { phone: maskPhone(member.phone), as: 'member', status: member.status }
      return [{ ...toPerson(member), ...shown, locale: 'zh-CN', time_zone: 'Asia/Shanghai' }]
    }),
  }),
}

/** The caller does `act` to every incident of `incident_ids`. The answer does not wait for the webhooks. */
function acting(act: (body: Body, store: Store) => Act): Call {
  return (store, caller, body) => {
    checkPermission(caller, 'handle')
    const ids = incidentIds(body)
    const asked = act(body, store)
    for (const id of ids) store.checkChannel(caller, id)
    store.perform(ids, asked, toPerson(caller)).catch(() => {})
    return {}
  }
}

/** A form that was set up for the act has to come along (F 1.4). */
function demandForm(body: Body, text: string | undefined): void {
  if (text === undefined || body['summary'] !== undefined || body['custom_fields'] !== undefined) return
  throw invalid(text, text)
}

function describe(member: Member): Record<string, unknown> {
  return {
    member_id: member.member_id,
    member_name: member.member_name,
    email: member.email,
    email_verified: true,
    country_code: member.phone === '' ? '' : 'CN',
    phone: maskPhone(member.phone),
    phone_verified: member.phone !== '',
    status: member.status,
    account_role_ids: [member.may_handle ? RESPONDER_ROLE : VIEWER_ROLE],
    ref_id: '',
    is_external: false,
    locale: 'zh-CN',
    time_zone: 'Asia/Shanghai',
  }
}

/** Part of the name or e-mail; a phone number or a member id only as a whole. */
function matches(member: Member, query: string): boolean {
  return (
    member.member_name.toLowerCase().includes(query) ||
    member.email.toLowerCase().includes(query) ||
    (member.phone !== '' && member.phone === query) ||
    String(member.member_id) === query
  )
}

function maskPhone(phone: string): string {
  return phone.replace(/^(\d{3})\d+(\d{4})$/, '$1****$2')
}
