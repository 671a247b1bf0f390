import { templateNameOf } from '../domain/card-template.ts'
import { type ActingWay, addressesOf, type Integration } from '../domain/integration.ts'
import { visibleLine } from '../domain/visible.ts'
import { describeCardTests, type LastTest } from './describe-card-tests.ts'
import { describeDoors, type Doors } from './describe-doors.ts'

const ACTING_NAMES: Record<ActingWay, string> = {
  'owner-key': '主账号代建成员 APP Key（owner-key）',
  'member-key': '成员自己的 APP Key（member-key）',
  queue: 'Flashduty 从队列取走执行（queue）',
}

const PLACEHOLDER = 'https://PUBLIC_URL-is-not-set.example'

function ofLimit(used: number, limit: number): string {
  return limit === 0 ? `${used}（不限）` : `${used} / ${limit}`
}

function templateOf({ templateId, templateRefusedAt }: Integration): string {
  if (templateId === undefined) return '钉钉公共模板'
  const name = templateNameOf(templateId)
  return templateRefusedAt === undefined ? name : `${name}（钉钉不接受，暂用公共模板）`
}

/** What `integration show` prints: with `json` for programs, without it for people. Contains the secret callback address. */
export function describeIntegration(
  integration: Integration,
  config: { http: { publicUrl: string | undefined }; egressIp: string | undefined },
  json: boolean | undefined,
  usage: { calls: number; pushes: number },
  doors: Doors,
  tests: LastTest[],
): string {
  const addresses = addressesOf(integration, config.http.publicUrl ?? PLACEHOLDER)
  if (json) {
    return JSON.stringify(
      {
        id: integration.id,
        name: integration.name,
        enabled: integration.enabled,
        ...addresses,
        egressIp: config.egressIp ?? null,
        connections: integration.connections,
        templateId: integration.templateId === undefined ? null : templateNameOf(integration.templateId),
        templateRefused: integration.templateRefusedAt !== undefined,
        acting: integration.acting,
        calls: { used: usage.calls, limit: integration.monthlyCalls },
        pushes: { used: usage.pushes, limit: integration.monthlyPushes },
        ...doors,
        testCards: tests,
      },
      undefined,
      2,
    )
  }
  const hints = [
    ...(config.http.publicUrl === undefined
      ? ['Set PUBLIC_URL to how people’s browsers reach this daemon; the addresses above start with it.']
      : []),
    ...(config.egressIp === undefined ? ['Set EGRESS_IP to the address DingTalk sees this host call from.'] : []),
    '事件订阅请求网址 contains a secret key: paste it into DingTalk’s console and nowhere else.',
  ]
  return [
    `${integration.name} (${integration.id})${integration.enabled ? '' : '  已停用'}`,
    '',
    `酷应用网页地址      ${addresses.coolAppPage}`,
    `应用首页地址        ${addresses.mobileHome}`,
    `PC 端首页地址       ${addresses.pcHome}`,
    `服务器出口 IP       ${config.egressIp ?? '(EGRESS_IP is not set)'}`,
    `事件订阅请求网址    ${addresses.eventSubscription}`,
    `本月 API 调用       ${ofLimit(usage.calls, integration.monthlyCalls)}`,
    `本月推送            ${ofLimit(usage.pushes, integration.monthlyPushes)}`,
    `卡片模板            ${templateOf(integration)}`,
    ...describeDoors(doors),
    ...describeCardTests(tests),
    `操作方式            ${ACTING_NAMES[integration.acting]}`,
    '',
    ...hints,
  ]
    .map(visibleLine)
    .join('\n')
}
