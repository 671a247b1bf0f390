import { knownSeverity, type Severity } from './incident.ts'

export type Locale = 'zh-CN' | 'en-US'

/** Every text people see in DingTalk and on the pages: Chinese, English beside it. `{name}` is filled in by `say`. */
export const MESSAGES = {
  'progress.Triggered': ['待处理', 'Triggered'],
  'progress.Processing': ['处理中', 'Processing'],
  'progress.Closed': ['已关闭', 'Closed'],
  'progress.recovered': ['已恢复', 'Recovered'],
  'progress.gone': ['已删除', 'Deleted'],
  'progress.snoozed': ['已暂缓至 {time}', 'Snoozed until {time}'],
  'progress.snoozed.open': ['已暂缓', 'Snoozed'],
  'fact.channel': ['协作空间', 'Channel'],
  'fact.severity': ['严重程度', 'Severity'],
  'fact.start': ['触发时间', 'Started'],
  'fact.duration': ['持续时长', 'Duration'],
  'fact.alerts': ['聚合告警', 'Alerts'],
  'fact.alerts.count': ['{count} 条', '{count}'],
  'fact.responders': ['处理人', 'Responders'],
  'fact.nobody': ['暂无', 'nobody yet'],
  'fact.impact': ['影响', 'Impact'],
  'sign.flapping': ['抖动', 'flapping'],
  'sign.storm': ['告警风暴', 'alert storm'],
  'button.ack': ['认领', 'Acknowledge'],
  'button.unack': ['取消认领', 'Withdraw'],
  'button.snooze': ['暂缓 {span}', 'Snooze {span}'],
  'button.wake': ['取消暂缓', 'Wake up'],
  'button.resolve': ['关闭', 'Close'],
  'button.detail': ['查看详情', 'Details'],
  'button.silence': ['快速静默', 'Silence'],
  'button.reopen': ['重新打开', 'Reopen'],
  'button.custom': ['自定义动作', 'Custom action'],
  'button.refresh': ['刷新', 'Refresh'],
  'button.test_seen': ['确认收到', 'I see this'],
  'button.link': ['去关联', 'Link my account'],
  'button.switch': ['切换账户', 'Switch account'],
  'span.hours': ['{n} 小时', '{n} h'],
  'span.minutes': ['{n} 分钟', '{n} min'],
  'span.days': ['{n} 天', '{n} d'],
  'act.i_ack': ['{name} 于 {time} 认领', 'Acknowledged by {name} at {time}'],
  'act.i_unack': ['{name} 于 {time} 取消认领', 'Acknowledgement withdrawn by {name} at {time}'],
  'act.i_snooze': ['{name} 于 {time} 暂缓', 'Snoozed by {name} at {time}'],
  'act.i_wake': ['{name} 于 {time} 取消暂缓', 'Woken up by {name} at {time}'],
  'act.i_rslv': ['{name} 于 {time} 关闭', 'Closed by {name} at {time}'],
  'act.i_reopen': ['{name} 于 {time} 重新打开', 'Reopened by {name} at {time}'],
  'act.snooze': ['暂缓', 'Snooze'],
  'act.i_custom': ['{name} 于 {time} 执行{what}', '{what} run by {name} at {time}'],
  'act.i_merge': ['{name} 于 {time} 合并', 'Merged by {name} at {time}'],
  'act.i_comm': ['{name} 于 {time} 评论', 'Comment by {name} at {time}'],
  'act.i_assign': ['{name} 于 {time} 分派', 'Assigned by {name} at {time}'],
  'act.i_a_rspd': ['{name} 于 {time} 添加处理人', 'Responders added by {name} at {time}'],
  'act.test_seen': ['{name} 于 {time} 确认收到', 'Seen by {name} at {time}'],
  'act.test_over': ['测试于 {time} 结束，无人按下按钮', 'The test ended at {time}; nobody pressed'],
  'see.detail': ['点“查看详情”', 'open the details'],
  'see.console': ['到 Flashduty 控制台查看', 'look in the Flashduty console'],
  'see.link': ['点“去关联”或打开工作台应用', 'press “Link my account”, or open the app on the workbench,'],
  'see.app': ['打开工作台应用', 'open the app on the workbench'],
  'see.continue': ['，刚才的操作届时可直接继续', '; what you pressed can be continued there'],
  'card.truncated': ['内容过长，已截断，完整内容请{see}', 'Too long, so cut short: {see} for all of it'],
  'card.images.missing': [
    '（{count} 张图片的地址过长或不可用，未显示）',
    '({count} pictures are not shown: their addresses are too long or cannot be opened)',
  ],
  'card.page.missing': [
    '（“{button}”的地址过长或不可用，未显示此按钮）',
    '(the button “{button}” is missing: its address is too long or cannot be opened)',
  ],
  'card.untitled': ['（无标题）', '(no title)'],
  'card.link.omitted': ['链接略', 'link left out'],
  'card.mentions': ['请处理', 'Please look into it'],
  'card.gone': ['故障不存在或已删除', 'The incident does not exist any more'],
  'card.superseded': ['已更新，请见新消息', 'Updated: see the newer message'],
  'notice.storm': ['⚠️ 告警风暴：{title} 已聚合 {count} 条告警', '⚠️ Alert storm: {title} has grouped {count} alerts'],
  'taken.key': [
    '你关联的 Flashduty 成员「{member}」已于 {time} 改由钉钉用户「{who}」关联，对方使用了该成员的 APP Key。你不再收到该成员的通知，也不能再以其身份操作。如果这不是你安排的：请打开应用，用该成员的 APP Key 重新关联，在 Flashduty 停用已泄露的 APP Key，并联系管理员',
    'The Flashduty member “{member}”, whom you were linked to, has been linked to the DingTalk user “{who}” since {time}: they used an APP Key of the member. You no longer get the member’s alerts nor act as them. If that was not your doing, link again in the app with the member’s APP Key, switch off the leaked key in Flashduty and tell your administrator',
  ],
  'taken.admin': [
    '管理员已于 {time} 把你关联的 Flashduty 成员「{member}」改为关联到钉钉用户「{who}」。你不再收到该成员的通知，也不能再以其身份操作。如果这不符合预期：请联系管理员，或打开应用重新关联',
    'On {time} the administrator linked the Flashduty member “{member}”, whom you were linked to, to the DingTalk user “{who}”. You no longer get the member’s alerts nor act as them. If that is not as it should be, tell your administrator, or link again in the app',
  ],
  'press.working': ['处理中，卡片稍后更新', 'Working on it; the card will follow'],
  'press.done': ['操作成功', 'Done'],
  'press.done.superseded': ['操作成功，最新状态请见新消息', 'Done; see the newer message for how it is now'],
  'press.done.before': [
    '该操作已于 {time} 执行，本次点击未重复执行；如需再次执行，请点刷新后的按钮',
    'This ran at {time} and was not run again; to run it once more, press the button as it is drawn now',
  ],
  'press.test.over': ['测试已结束', 'The test is over'],
  'press.late': ['{incident}：{action}未成功。{why}', '{incident}: {action} did not work. {why}'],
  'press.NOT_LINKED': ['未关联应用：请{link}完成登录关联{goesOn}', 'Not linked: {link} to link your account{goesOn}'],
  'press.KEY_MISSING': [
    '已关联，但未登记你的 Flashduty APP Key：请打开工作台应用登记，或联系管理员',
    'Linked, but your Flashduty APP Key is not on file: open the app from the workbench to add it, or ask the administrator',
  ],
  'press.KEY_INVALID': [
    '关联已失效：APP Key 无效或已过期，请重新登录关联（右上角切换账户），或联系管理员',
    'The link is no longer valid: your APP Key is wrong or expired. Link again, or ask the administrator',
  ],
  'press.NO_LICENSE': [
    '无可用 License：请联系管理员在费用中心处理',
    'No licence: ask the administrator to look in the billing centre',
  ],
  'press.SUBSCRIPTION_OVER': [
    '账户订阅已到期或余额不足{said}：请联系管理员在费用中心处理',
    'The subscription of the account has run out{said}: ask the administrator to look in the billing centre',
  ],
  'press.NO_PERMISSION': [
    '当前账号无故障管理权限：请联系管理员，或切换账户后再试',
    'This account may not handle incidents: ask the administrator or switch account',
  ],
  'press.INCIDENT_NOT_FOUND': ['故障不存在或已删除', 'The incident does not exist any more'],
  'press.ACTION_REJECTED': [
    '操作未被接受{said}（可能需填写表单）：请{see}并操作',
    'Not accepted{said} (a form may be required): {see} and act there',
  ],
  'press.ACCOUNT_LOCKED': [
    '账号因多次失败已被锁定：请稍后再试，或到控制台解锁',
    'The account is locked after failures: try again later, or unlock it in the console',
  ],
  'press.MEMBER_DISABLED': [
    'Flashduty 成员未激活或已删除：请联系管理员，或切换账户后再试',
    'The Flashduty member is not active: ask the administrator or switch account',
  ],
  'press.OTHER_CORPORATION': [
    '非本企业成员不能操作此卡片：请联系值班人员',
    'People of other corporations cannot act on this card: ask whoever is on call',
  ],
  'press.PRESSER_UNKNOWN': [
    '钉钉未告知操作人，操作未执行：请到控制台操作',
    'DingTalk did not say who pressed, so nothing was done: act in the console',
  ],
  'press.COMMENT_MISSING': ['请先填写原因', 'Say why first'],
  'press.CUSTOM_ACTION_FAILED': [
    '自定义动作执行失败{said}：请{see}并确认',
    'The custom action failed{said}: {see} and make sure',
  ],
  'press.OUTCOME_UNKNOWN': ['结果未知，请到控制台确认', 'The outcome is unknown: look in the console'],
  'press.ACTION_UNANSWERED': [
    'Flashduty 未返回执行结果：请到控制台确认',
    'Flashduty did not say what came of it: look in the console',
  ],
  'press.SECOND_FACTOR': ['需要二次验证：请到控制台操作', 'A second factor is needed: act in the console'],
  'press.FLASHDUTY_RATE_LIMITED': ['操作过于频繁：请稍后再试', 'Too many actions: try again in a moment'],
  'press.FLASHDUTY_UNAVAILABLE': [
    'Flashduty 服务暂不可用：请稍后再试，或{see}',
    'Flashduty is not available: try again in a moment, or {see}',
  ],
  'press.STATE_CHANGED': [
    '故障状态已变化，此操作不再适用：请以最新卡片为准',
    'The incident has moved on and this action no longer applies: see the card as it is now',
  ],
  'press.CARD_UNKNOWN': [
    '卡片已失效：请在 Flashduty 控制台查看该故障',
    'This card is no longer known: open the incident in the Flashduty console',
  ],
  'press.BUTTON_UNKNOWN': ['按钮已失效：请以最新卡片为准', 'This button is no longer known: see the newest card'],
  'press.STORE_UNAVAILABLE': ['服务暂不可用：请稍后再点一次', 'The service is not available: press again in a moment'],
  'press.INTEGRATION_DISABLED': ['集成已停用：请联系管理员', 'The integration is switched off: ask the administrator'],
  'history.NO_PERMISSION': [
    '无法向 Flashduty 查询漏收的 Webhook{said}：请为该集成的 Flashduty APP Key（--flashduty-key）开通“集成中心查看”和“故障查看”权限',
    'Flashduty does not tell which webhooks were missed{said}: let the APP Key of --flashduty-key view the integration centre and incidents',
  ],
  'history.KEY_INVALID': [
    '无法向 Flashduty 查询漏收的 Webhook{said}：APP Key 已失效，请用 integration set --flashduty-key 更换',
    'Flashduty does not tell which webhooks were missed{said}: the APP Key is no longer valid, set another with integration set --flashduty-key',
  ],
  'history.NO_LICENSE': [
    '无法向 Flashduty 查询漏收的 Webhook{said}：APP Key 所属成员无可用 License，请联系管理员在费用中心处理',
    'Flashduty does not tell which webhooks were missed{said}: the member of the APP Key has no licence, see the billing centre',
  ],
  'history.SUBSCRIPTION_OVER': [
    '无法向 Flashduty 查询漏收的 Webhook{said}：账户订阅已到期或余额不足，请联系管理员在费用中心处理',
    'Flashduty does not tell which webhooks were missed{said}: the subscription has run out, see the billing centre',
  ],
  'history.UNKNOWN': [
    '无法向 Flashduty 查询漏收的 Webhook{said}：请检查 Flashduty 版本与 APP Key，或设置 WEBHOOK_HISTORY=off 关闭',
    'Flashduty does not tell which webhooks were missed{said}: look at its version and at the APP Key, or switch this off with WEBHOOK_HISTORY=off',
  ],
  'press.UNKNOWN': ['操作失败：请{see}并操作', 'It failed: {see} and act there'],
} as const satisfies Record<string, readonly [string, string]>

export type MessageKey = keyof typeof MESSAGES

export function say(locale: Locale, key: MessageKey, fill?: Record<string, string | number>): string {
  const text: string = MESSAGES[key][locale === 'zh-CN' ? 0 : 1]
  if (!fill) return text
  return text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => String(fill[name] ?? whole))
}

export function isMessageKey(key: string): key is MessageKey {
  return Object.hasOwn(MESSAGES, key)
}

type Look = { dot: string; color: string; token: string; names: readonly [string, string] }

const SEVERITY: Record<Severity, Look> = {
  Critical: { dot: '🔴', color: '#C80000', token: 'common_red1_color', names: ['严重', 'Critical'] },
  Warning: { dot: '🟠', color: '#FA7D00', token: 'common_orange1_color', names: ['警告', 'Warning'] },
  Info: { dot: '🟡', color: '#FABE00', token: 'common_yellow1_color', names: ['提醒', 'Info'] },
  Ok: { dot: '🟢', color: '#008800', token: 'common_green1_color', names: ['恢复', 'Ok'] },
}

/** One that nobody knows looks like a warning. */
export function severityDot(severity: string): string {
  return SEVERITY[knownSeverity(severity) ?? 'Warning'].dot
}

/** Flashduty's own colours, `#RRGGBB`. */
export function severityColor(severity: string): string {
  return SEVERITY[knownSeverity(severity) ?? 'Warning'].color
}

/** DingTalk's name of the nearest colour, which follows light and dark (page "markdown-variable-new"). */
export function severityColorToken(severity: string): string {
  return SEVERITY[knownSeverity(severity) ?? 'Warning'].token
}

/** One that nobody knows is called as it was written: text from outside. */
export function severityName(locale: Locale, severity: string): string {
  const known = knownSeverity(severity)
  return known ? SEVERITY[known].names[locale === 'zh-CN' ? 0 : 1] : severity
}

/** A stretch of time in its largest fitting units: `2 小时`, `1 小时 30 分钟`. */
export function span(locale: Locale, minutes: number): string {
  const whole = Math.max(0, Math.round(minutes))
  const days = Math.floor(whole / 1440)
  const hours = Math.floor((whole % 1440) / 60)
  const rest = whole % 60
  const parts = [
    days > 0 ? say(locale, 'span.days', { n: days }) : '',
    hours > 0 ? say(locale, 'span.hours', { n: hours }) : '',
    rest > 0 || whole === 0 ? say(locale, 'span.minutes', { n: rest }) : '',
  ]
  return parts.filter(Boolean).join(' ')
}
