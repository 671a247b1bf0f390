import type { Audience, Space } from '../../domain/card.ts'
import type { ChatTarget } from '../../domain/read-delivery.ts'
import type { Locale } from '../../domain/messages.ts'
import type { Reason } from '../../domain/reasons.ts'
import { PUBLIC_TEMPLATE_ID } from '../../domain/card-template.ts'
import { type PlanInput, type RecordTarget, targetKey } from './plan.ts'
import { refuseAll, refuseGroup, refuseSeverity } from './refusals.ts'
import type { Found } from './targets.ts'

/** Somebody whom an event that tells people is meant for. */
export type Candidate = {
  who: { target: RecordTarget; memberId?: number }
  audience: Audience
  /** Would get the card, had they been there: they get it when they come, or when the incident is severe enough for them. */
  joinsLate: false | { severities: string[] | null }
  /** `undefined` as reason: nothing speaks against telling them. A person who is not linked has no space. */
} & ({ space: Space; reason: Reason | undefined } | { space: undefined; reason: Reason | 'seen' })

/** Groups, then people; `seen` = the event found them before, whatever account was linked to them then. */
export function listCandidates(input: PlanInput, { chats, people }: Found): Candidate[] {
  const refusal = refuseAll(input)
  const groups = chats.map((chat): Candidate => {
    const group = input.groups.get(chat.chatId)
    const severity = refuseSeverity(chat, input.event)
    const reason = refusal ?? refuseGroup(group) ?? severity
    return {
      who: { target: { kind: 'group', id: chat.chatId, name: group?.title ?? chat.chatName } },
      space: { kind: 'group', targetId: chat.chatId },
      reason,
      audience: audienceOf(input, group?.robotCode ?? input.integration.clientId, chat),
      joinsLate:
        reason === 'COOL_APP_NOT_INSTALLED' || reason === 'SEVERITY_FILTERED'
          ? { severities: severity ? chat.severities : null }
          : false,
    }
  })
  const audience = audienceOf(input, input.integration.clientId, undefined)
  const persons = people.ids.map((memberId): Candidate => {
    const name = people.names.get(memberId)
    const target: RecordTarget = { kind: 'person', id: `member:${memberId}`, name }
    if (input.seen.has(targetKey(target))) {
      return { who: { target }, space: undefined, reason: 'seen', audience, joinsLate: false }
    }
    const userId = input.links.get(memberId)
    if (userId === undefined) {
      const reason = input.left.has(memberId) ? 'IM_USER_NOT_FOUND' : 'NOT_LINKED'
      return {
        who: { target, memberId },
        space: undefined,
        reason,
        audience,
        joinsLate: refusal ? false : { severities: null },
      }
    }
    return {
      who: { target: { kind: 'person', id: userId, name } },
      space: { kind: 'person', targetId: userId },
      reason: refusal,
      audience,
      joinsLate: false,
    }
  })
  return [...groups, ...persons]
}

function audienceOf(input: PlanInput, robotCode: string, chat: ChatTarget | undefined): Audience {
  const { delivery, incident } = input.event
  const accountLocale: Locale = incident.account_locale?.startsWith('en') ? 'en-US' : 'zh-CN'
  return {
    robotCode,
    templateId: input.integration.templateId ?? PUBLIC_TEMPLATE_ID,
    callbackType: input.integration.cardCallback,
    locale: delivery.locale ?? accountLocale,
    replyEventTypes: [...new Set(chat?.replyEventTypes)].sort(),
    disableAt: chat?.disableAt ?? false,
    snoozeMinutes: delivery.snoozeMinutes,
    customActions: delivery.customActions,
  }
}
