/** Why a delivery or a press did not count, in words for operation records. Chinese as Flashduty shows it; English beside. */
export const REASONS = {
  NOT_LINKED: ['未关联应用', 'not linked'],
  KEY_MISSING: ['未登记 APP Key', 'no APP Key on file'],
  KEY_INVALID: ['关联已失效', 'the link is no longer valid'],
  NO_LICENSE: ['无可用 License', 'no licence'],
  SUBSCRIPTION_OVER: ['账户订阅已到期或余额不足', 'the subscription of the account has run out'],
  NO_PERMISSION: ['无操作权限', 'no permission'],
  INCIDENT_NOT_FOUND: ['故障不存在或已删除', 'the incident is gone'],
  ACTION_REJECTED: ['操作未被接受', 'the action was not accepted'],
  ACCOUNT_LOCKED: ['账号已被锁定', 'the account is locked'],
  MEMBER_DISABLED: ['成员未激活或已删除', 'the member is not active'],
  OTHER_CORPORATION: ['非本企业成员', 'a person of another corporation'],
  PRESSER_UNKNOWN: ['未知操作人', 'nobody knows who pressed it'],
  CORPORATION_CHANGED: ['集成已改属其他企业', 'the integration belongs to another corporation now'],
  COMMENT_MISSING: ['未填写原因', 'no reason was given'],
  CUSTOM_ACTION_FAILED: ['自定义动作执行失败', 'the custom action failed'],
  OUTCOME_UNKNOWN: ['结果未知', 'the outcome is unknown'],
  ACTION_UNANSWERED: ['未收到执行结果', 'no result came back'],
  SECOND_FACTOR: ['需要二次验证', 'a second factor is needed'],
  FLASHDUTY_RATE_LIMITED: ['操作过于频繁', 'too many actions'],
  FLASHDUTY_UNAVAILABLE: ['Flashduty 服务暂不可用', 'Flashduty is not available'],
  STATE_CHANGED: ['故障状态已变化', 'the incident has moved on'],
  CARD_UNKNOWN: ['卡片已失效', 'unknown card'],
  BUTTON_UNKNOWN: ['按钮已失效', 'unknown button'],
  STORE_UNAVAILABLE: ['服务暂不可用', 'the service is not available'],
  COOL_APP_NOT_INSTALLED: ['群未安装酷应用', 'the cool app is not installed in the group'],
  CHAT_NOT_FOUND: ['群聊不存在', 'the group does not exist'],
  GROUP_NOT_TOLD: ['钉钉未告知群信息', 'DingTalk does not tell about the group'],
  ROBOT_NOT_IN_CHAT: ['机器人不在群内', 'the robot is not in the group'],
  INTEGRATION_NOT_FOUND: ['集成不存在', 'no such integration'],
  INTEGRATION_DISABLED: ['集成已停用', 'the integration is switched off'],
  OUT_OF_SCOPE: ['不在应用可见范围', 'outside the visible range of the app'],
  APP_PERMISSION_MISSING: ['应用缺少权限', 'the app lacks a permission'],
  APP_CREDENTIAL_INVALID: ['应用凭证无效', 'the credentials of the app are wrong'],
  IP_NOT_ALLOWED: ['出口 IP 未加白', 'the egress IP is not on the allow-list'],
  IM_RATE_LIMITED: ['钉钉限流', 'throttled by DingTalk'],
  IM_QUOTA_EXCEEDED: ['钉钉 API 调用量超限', 'the monthly DingTalk quota is used up'],
  IM_USER_NOT_FOUND: ['钉钉用户不存在或已离职', 'the DingTalk user does not exist'],
  IM_ERROR: ['钉钉返回错误', 'DingTalk answered an error'],
  TEMPLATE_INVALID: ['卡片模板不可用', 'the card template cannot be used'],
  CARD_NOT_EXIST: ['钉钉卡片不存在', 'DingTalk does not know the card'],
  DELIVERED_UNCONFIRMED: ['未确认送达', 'nobody knows whether it was delivered'],
  CONTENT_REJECTED: ['消息内容被拒绝', 'the content was refused'],
  NETWORK: ['网络异常', 'network failure'],
  INVALID_PAYLOAD: ['任务格式错误', 'the job is malformed'],
  STALE_EVENT: ['过期事件', 'an older event'],
  EXPIRED: ['超过有效期', 'expired'],
  ALREADY_CLOSED: ['故障已关闭', 'the incident is closed'],
  SUPERSEDED: ['已由新消息代替', 'replaced by a newer message'],
  SEVERITY_FILTERED: ['级别不匹配', 'the severity does not match'],
  EVENT_FILTERED: ['未订阅该事件', 'the event type is not subscribed'],
  UNSUPPORTED_EVENT: ['不支持的事件类型', 'an unsupported event type'],
  TARGET_UNREADABLE: ['目标无法识别', 'the target cannot be read'],
  OVER_LIMIT: ['超出目标数量上限', 'beyond the limit of targets'],
  EVENT_ID_REUSED: ['事件 ID 重复使用过多', 'the event id stood for too many other bodies'],
  NO_TARGET: ['无投递目标', 'nobody to tell'],
  UNKNOWN: ['未知错误', 'unknown error'],
} as const satisfies Record<string, readonly [string, string]>

export type Reason = keyof typeof REASONS

export function reasonWords(reason: Reason, locale: 'zh-CN' | 'en-US'): string {
  return REASONS[reason][locale === 'zh-CN' ? 0 : 1]
}

/** The failure code of an AppError as a record's reason. */
export function asReason(code: string): Reason {
  return Object.hasOwn(REASONS, code) ? (code as Reason) : 'UNKNOWN'
}

/** `failed_reason` of Flashduty's vocabulary. */
export function reasonText(reason: Reason): string {
  return REASONS[reason][0]
}
