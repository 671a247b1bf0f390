import { AI_TEMPLATE_ID, AI_TEMPLATE_NAME, PUBLIC_TEMPLATE_NAME, templateNameOf } from '../domain/card-template.ts'
import type { Integration } from '../domain/integration.ts'
import type { PressManner } from '../domain/press-manner.ts'
import { asReason, type Reason, reasonText, reasonWords } from '../domain/reasons.ts'
import type { TestResult } from '../domain/test-card.ts'
import type { CardTest } from '../storage/card-tests.ts'
import type { Seen } from './look-at-test-card.ts'
import { formatTime } from './output.ts'

export function describeBusy({ ends_at: endsAt }: CardTest, nowMs: number): string {
  return endsAt > nowMs
    ? `A test card is under way there until ${formatTime(endsAt)}: wait for its end, or press its button.`
    : 'The test card before is not closed yet: the daemon does that as soon as it runs. Is it running?'
}

const MANNERS: Record<PressManner, string> = {
  'own-id': 'the button’s own id (actionIds)',
  index: 'the button’s own id with its place in a loop behind it (actionIds)',
  'params.id': 'the id of a layout’s node, and the button’s own in params.id',
  'params.text': 'the id of a layout’s node, and only the button’s words in params.text',
  beside: 'params beside cardPrivateData',
  unreadable: 'nothing that names the button',
}

export const DOOR_NAMES: Record<string, string> = { stream: 'the Stream connection', http: 'HTTP push' }

/** As far as the test has come; each leg has its time and its words. */
export function describeLegs(seen: Seen): { leg: string; atMs: number; words: string }[] {
  const { test, card, fellBack, delayed } = seen
  const legs: [leg: string, at: number | null | undefined, words: string][] = [
    ['taken', seen.takenAt, 'taken from the queue by the daemon'],
    [`delayed ${delayed?.reason}`, delayed?.at, `tried again: ${delayed ? reasonText(asReason(delayed.reason)) : ''}`],
    [
      'created',
      card && seen.shownAt,
      `created by ${card ? describeTemplate(card.templateId) : ''}${fellBack ? ', since DingTalk refused the integration’s own' : ''}`,
    ],
    [
      'shown',
      seen.shownAt,
      `delivered to ${test.kind === 'group' ? 'the group' : 'the user'} ${test.target_name ?? test.target_id}: please press the button`,
    ],
    [
      `pressed ${test.manner}`,
      test.pressed_at,
      `pressed by ${test.pressed_by ?? ''}: received over ${doorName(test.door)}, named by ${mannerName(test.manner)}`,
    ],
    ['answered', test.answered_at, test.answer_written === 1 ? 'answered' : 'the answer could not be written in time'],
    ['repainted', test.pressed_at === null ? undefined : seen.closedAt, 'repainted for everybody'],
  ]
  return legs.flatMap(([leg, at, words]) =>
    at === null || at === undefined ? [] : [{ leg, atMs: Math.max(0, at - test.started_at), words }],
  )
}

export function doorName(door: string | null): string {
  return DOOR_NAMES[door ?? ''] ?? 'an unknown way'
}

export function mannerName(manner: string | null): string {
  return MANNERS[(manner ?? 'unreadable') as PressManner] ?? MANNERS.unreadable
}

function describeTemplate(templateId: string): string {
  return `the template ${templateNameOf(templateId)}`
}

const REMEDIES: Partial<Record<Reason, string>> = {
  APP_PERMISSION_MISSING: 'Apply for the permissions Card.Instance.Write and qyapi_robot_sendmsg under 权限管理.',
  APP_CREDENTIAL_INVALID: 'Copy Client ID and Client Secret anew from 凭证与基础信息: `integration set`.',
  IP_NOT_ALLOWED: 'Enter this host’s egress address as 服务器出口 IP in the developer console.',
  COOL_APP_NOT_INSTALLED: 'Install the cool app in the group.',
  ROBOT_NOT_IN_CHAT: 'Add the app’s robot to the group, or install the cool app there anew.',
  CHAT_NOT_FOUND: 'The group is gone, or its id is wrong: see `groups`.',
  OUT_OF_SCOPE: 'Add the person to the visible range (可见范围) of the app’s published version.',
  IM_USER_NOT_FOUND: 'Look whether the userId is right, and whether the app’s visible range includes the person.',
  IM_QUOTA_EXCEEDED: 'The month’s API calls are used up: buy more, or wait for the next month.',
  IM_RATE_LIMITED: 'Try again a little later.',
  TEMPLATE_INVALID: 'Publish the template, or go back to the public one with --template-id public.',
  NETWORK: 'This host cannot reach DingTalk: look at firewall, HTTPS_PROXY and NO_PROXY.',
  INTEGRATION_DISABLED: 'Switch it on: `integration set ID --enable`.',
}

/** Why the test did not pass, and what to do. */
export function describeOutcome(result: TestResult, integration: Integration, waitMs: number): string {
  switch (result.outcome) {
    case 'passed':
      return 'Passed.'
    case 'not-taken':
      return (
        'Nobody took the job from the queue: the daemon does not run, or works with another Redis (REDIS_URL, REDIS_PREFIX) ' +
        'or another database. Start it, and look at /readyz.'
      )
    case 'not-delivered':
      return `The card was not delivered: ${describeWhy(result)}`
    case 'not-pressed':
      return (
        `Nobody pressed the button within ${waitMs / 1_000} s: what is missing is the press. If the card shows 内容加载失败 or no ` +
        `button, which no program can see, ${otherTemplate(result, integration)} and test again. If it was pressed and the client ` +
        'said 请求失败, the press did not reach the daemon: look at /readyz.'
      )
    case 'unreadable':
      return (
        'A press came, but nothing in it names the button: what is missing is its name. See the log line `press-nameless` for ' +
        `what it said; ${otherTemplate(result, integration)} and test again.`
      )
    case 'not-answered':
      return 'The press came, but its answer did not get out in time: what is missing is the answer. See the log for the card.'
    case 'not-repainted':
      return 'The press was answered, but the card was not updated for everybody: what is missing is the update. See `records`.'
    case 'stopped':
      return 'Stopped before the whole way was seen.'
  }
}

function describeWhy({ reason, detail }: TestResult): string {
  if (reason === undefined) return 'DingTalk was not asked in time. See the log for `card-create-failed`.'
  const known = asReason(reason)
  const said = detail === undefined ? '' : ` (${detail})`
  const remedy = REMEDIES[known] ?? 'See the log for `card-create-failed`.'
  return `${reasonText(known)} / ${reasonWords(known, 'en-US')}${said}. ${remedy}`
}

/** A template that does not render can only be told by people; another may. */
function otherTemplate({ templateId }: TestResult, { id }: Integration): string {
  const other = templateId === AI_TEMPLATE_ID ? PUBLIC_TEMPLATE_NAME : AI_TEMPLATE_NAME
  return `try the vendor’s other public template (\`integration set ${id} --template-id ${other}\`)`
}
