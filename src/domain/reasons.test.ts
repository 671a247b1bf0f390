import { describe, expect, test } from 'vitest'

import { asReason, type Reason, REASONS, reasonText } from './reasons.ts'

describe('reasons in Flashduty’s words', () => {
  // Contract C: reason_code and failed_reason.
  test.each<[Reason, string]>([
    ['NOT_LINKED', '未关联应用'],
    ['NO_LICENSE', '无可用 License'],
    ['NO_PERMISSION', '无操作权限'],
    ['KEY_INVALID', '关联已失效'],
    ['COOL_APP_NOT_INSTALLED', '群未安装酷应用'],
    ['CHAT_NOT_FOUND', '群聊不存在'],
    ['ROBOT_NOT_IN_CHAT', '机器人不在群内'],
    ['INTEGRATION_DISABLED', '集成已停用'],
    ['OUT_OF_SCOPE', '不在应用可见范围'],
    ['APP_PERMISSION_MISSING', '应用缺少权限'],
    ['APP_CREDENTIAL_INVALID', '应用凭证无效'],
    ['IP_NOT_ALLOWED', '出口 IP 未加白'],
    ['IM_RATE_LIMITED', '钉钉限流'],
    ['IM_QUOTA_EXCEEDED', '钉钉 API 调用量超限'],
    ['IM_USER_NOT_FOUND', '钉钉用户不存在或已离职'],
    ['IM_ERROR', '钉钉返回错误'],
    ['NETWORK', '网络异常'],
    ['CONTENT_REJECTED', '消息内容被拒绝'],
    ['INVALID_PAYLOAD', '任务格式错误'],
    ['STALE_EVENT', '过期事件'],
    ['EXPIRED', '超过有效期'],
    ['ALREADY_CLOSED', '故障已关闭'],
    ['SEVERITY_FILTERED', '级别不匹配'],
    ['EVENT_FILTERED', '未订阅该事件'],
    ['UNSUPPORTED_EVENT', '不支持的事件类型'],
    ['NO_TARGET', '无投递目标'],
    ['UNKNOWN', '未知错误'],
  ])('%s is %s', (reason, text) => {
    expect(reasonText(reason)).toBe(text)
  })
})

test('each reason has words in both languages, and words of its own', () => {
  const texts = Object.values(REASONS)
  expect(texts.every(([chinese, english]) => /\p{Script=Han}/u.test(chinese) && /^[\x20-\x7e]+$/.test(english))).toBe(
    true,
  )
  expect(new Set(texts.map(([chinese]) => chinese)).size).toBe(texts.length)
})

test('a code that is a reason stays it; any other is unknown', () => {
  expect(asReason('NOT_LINKED')).toBe('NOT_LINKED')
  for (const code of ['', 'CARD_ALREADY_EXIST', 'toString', '__proto__']) expect(asReason(code)).toBe('UNKNOWN')
})
