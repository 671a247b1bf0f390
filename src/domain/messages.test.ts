import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { ACTIONS } from './button.ts'
import { isMessageKey, type Locale, MESSAGES, say, severityDot, severityName, span } from './messages.ts'
import { useProperties } from '../../test/support/properties.ts'

useProperties()

const holes = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map(([hole]) => hole).sort()

describe.each(Object.entries(MESSAGES))('%s', (key, [chinese, english]) => {
  test('is there in both languages, with the same blanks to fill', () => {
    expect(chinese.trim()).not.toBe('')
    expect(english.trim()).not.toBe('')
    expect(holes(english)).toEqual(holes(chinese))
    expect(english).not.toMatch(/\p{Script=Han}/u)
    expect(isMessageKey(key)).toBe(true)
  })
})

test('a refused press says in Chinese what to do next, in the words of Flashduty’s guide', () => {
  const contain = {
    NOT_LINKED: ['未关联应用', '登录关联'],
    NO_LICENSE: ['无可用 License', '费用中心'],
    NO_PERMISSION: ['无故障管理权限'],
    KEY_INVALID: ['关联已失效', '切换账户'],
    INCIDENT_NOT_FOUND: ['故障不存在或已删除'],
    ACTION_REJECTED: ['操作未被接受', '表单'],
    FLASHDUTY_RATE_LIMITED: ['操作过于频繁'],
    FLASHDUTY_UNAVAILABLE: ['服务暂不可用'],
    SECOND_FACTOR: ['需要二次验证'],
    STORE_UNAVAILABLE: ['服务暂不可用'],
  } as const
  for (const [reason, words] of Object.entries(contain)) {
    const text = say('zh-CN', `press.${reason as keyof typeof contain}`)
    for (const word of words) expect(text).toContain(word)
  }
})

test('each button has a word', () => {
  for (const action of ACTIONS) expect(isMessageKey(`button.${action}`)).toBe(true)
})

describe('filling in', () => {
  test('puts each value in its place', () => {
    const fill = { name: '张三', time: '10:21' }
    expect(say('zh-CN', 'act.i_ack', fill)).toBe('张三 于 10:21 认领')
    expect(say('en-US', 'act.i_ack', fill)).toBe('Acknowledged by 张三 at 10:21')
  })

  test('a value is text, whatever it looks like', () => {
    expect(say('zh-CN', 'act.i_ack', { name: '{time} $& $1', time: '10:21' })).toBe('{time} $& $1 于 10:21 认领')
  })

  test('a missing value stays visible', () => {
    expect(say('zh-CN', 'act.i_ack', { name: '张三' })).toBe('张三 于 {time} 认领')
  })

  test('0 is a value', () => {
    expect(say('zh-CN', 'fact.alerts.count', { count: 0 })).toBe('0 条')
  })
})

test.each(['', 'press', 'press.', 'press.NO_SUCH', 'toString', '__proto__', 'constructor'])(
  '%j is no message',
  (key) => {
    expect(isMessageKey(key)).toBe(false)
  },
)

test('severities are told apart by colour and name', () => {
  const severities = ['Critical', 'Warning', 'Info', 'Ok'] as const
  expect(new Set(severities.map(severityDot)).size).toBe(4)
  for (const locale of ['zh-CN', 'en-US'] as const) {
    expect(new Set(severities.map((severity) => severityName(locale, severity))).size).toBe(4)
  }
})

describe('stretches of time', () => {
  test.each<[number, Locale, string]>([
    [0, 'zh-CN', '0 分钟'],
    [0.4, 'zh-CN', '0 分钟'],
    [-5, 'zh-CN', '0 分钟'],
    [1, 'zh-CN', '1 分钟'],
    [59.5, 'zh-CN', '1 小时'],
    [90, 'zh-CN', '1 小时 30 分钟'],
    [120, 'zh-CN', '2 小时'],
    [1440, 'zh-CN', '1 天'],
    [1441, 'zh-CN', '1 天 1 分钟'],
    [3000, 'en-US', '2 d 2 h'],
    [720, 'en-US', '12 h'],
  ])('%d minutes in %s: %s', (minutes, locale, expected) => {
    expect(span(locale, minutes)).toBe(expected)
  })

  test('no minute is lost', () => {
    fc.assert(
      fc.property(fc.nat(100_000), (minutes) => {
        const worth = { d: 1440, h: 60, min: 1 }
        const parts = [...span('en-US', minutes).matchAll(/(\d+) (d|h|min)/g)]
        const sum = parts.reduce((total, [, n, unit]) => total + Number(n) * worth[unit as keyof typeof worth], 0)
        expect(sum).toBe(minutes)
      }),
    )
  })
})
