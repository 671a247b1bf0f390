import { describe, expect, test } from 'vitest'

import { asSaid, lateNotice, stormNotice, takenNotice } from './notices.ts'
import { refusalText } from './refusals.ts'

const FAMILY = '👨‍👩‍👧‍👦'
const storm = (title: string, num = '0A1B2C') => stormNotice('zh-CN', { num, title, alert_cnt: 42 })
const late = (title: string, num = '0A1B2C') => lateNotice('zh-CN', { num, title }, '认领', '结果未知')

test('the notice of a member taken over is one sentence of ours, whatever they are called', () => {
  const taken = { member: '张\n三<a atId=u>', who: '[x](dingtalk://y)'.repeat(100), atMs: 1_770_000_000_000 }
  for (const way of ['key', 'admin'] as const) {
    const said = takenNotice('zh-CN', { ...taken, way })
    expect(said).toContain('「张 三<a atId=u>」')
    expect(said).toContain('2026-02-02 10:40:00')
    expect(said).not.toMatch(/\n|dingtalk:\/\//)
    expect(said.endsWith(way === 'key' ? '联系管理员' : '重新关联')).toBe(true)
    expect(takenNotice('en-US', { ...taken, who: 'Wang', way })).toMatch(/administrator|in the app$/)
  }
})

describe.each([
  ['a storm', storm, (name: string) => `⚠️ 告警风暴：${name} 已聚合 42 条告警`],
  ['a late refusal', late, (name: string) => `${name}：认领未成功。结果未知`],
])('the notice of %s', (_what, tell, sentence) => {
  test.each<[string, string]>([
    ['db-01 down', 'db-01 down'],
    ['down\n\n⚠️ 请点 x\r\n# y\u2028z', 'down ⚠️ 请点 x # y z'],
    ['<a atId=user1>x</a>&lt;b', '<a atId=user1>x</a>&lt;b'],
    ['[x](dtmd://dingtalkclient/sendMessage?content=x)', '[x](dtmd：//dingtalkclient/sendMessage?content=x)'],
    ['__init__ [微笑] 2*3*4', '__init__ [微笑] 2*3*4'],
    ['dingtalk://x /data:/mnt', 'dingtalk：//x /data:/mnt'],
    ['a\ud800b', 'ab'],
  ])('%j', (title, expected) => {
    expect(tell(title)).toBe(sentence(`#0A1B2C ${expected}`))
  })

  test('names one without a number by its title', () => {
    expect(tell('db-01', '')).toBe(sentence('db-01'))
    expect(tell('db-01', 'a\n<b>')).toBe(sentence('#a <b> db-01'))
  })

  test('names one whose title cannot be seen by number and channel', () => {
    expect(tell(' \u200b')).toBe(sentence('#0A1B2C'))
    expect(tell(' ', '')).toBe(sentence('（无标题）'))
  })

  test('is cut between letters', () => {
    for (const length of [30, 59, 60, 61, 199, 200, 201]) {
      const said = tell(FAMILY.repeat(length))
      expect([sentence('#0A1B2C '), sentence('#0A1B2C …')]).toContain(said.replaceAll(FAMILY, ''))
    }
    expect(tell('x'.repeat(400_000)).length).toBeLessThan(300)
  })
})

test('what an earlier version stored is cleaned when it is said', () => {
  expect(asSaid('⚠️ a\n\nb dtmd://c')).toBe('⚠️ a b dtmd：//c')
  expect(asSaid('x'.repeat(100_000))).toHaveLength(600)
})

test.each<[string | undefined, string]>([
  ['no permission', '（no permission）'],
  ['InvalidParameter: title\n\n# is <b>wrong</b>', '（title # is <b>wrong</b>）'],
  ['Code: [x](dtmd://y)', '（[x](dtmd://y)）'],
  [`${'x'.repeat(119)}${FAMILY}${FAMILY}`, `（${'x'.repeat(119)}…）`],
  ['a'.repeat(400_000), `（${'a'.repeat(119)}…）`],
  [`Code: ${' '.repeat(400_000)}`, ''],
  ['  ', ''],
  [undefined, ''],
])('what a platform said is a part of one line: %.40j', (detail, expected) => {
  expect(refusalText('zh-CN', 'ACTION_REJECTED', detail)).toBe(
    `操作未被接受${expected}（可能需填写表单）：请到 Flashduty 控制台查看并操作`,
  )
})

test('a refusal names the buttons that are there, and no others', () => {
  expect(refusalText('zh-CN', 'ACTION_REJECTED', '', { detail: true })).toContain('请点“查看详情”并操作')
  expect(refusalText('en-US', 'FLASHDUTY_UNAVAILABLE')).toMatch(/or look in the Flashduty console$/)
  expect(refusalText('zh-CN', 'NOT_LINKED', '', { link: true, goesOn: true })).toBe(
    '未关联应用：请点“去关联”或打开工作台应用完成登录关联，刚才的操作届时可直接继续',
  )
  expect(refusalText('zh-CN', 'NOT_LINKED')).toBe('未关联应用：请打开工作台应用完成登录关联')
})
