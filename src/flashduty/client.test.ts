import { expect, test } from 'vitest'

import { createFlashdutyClient } from './client.ts'

const answering = (data: unknown) =>
  createFlashdutyClient({
    apiUrl: 'http://flashduty.example',
    send: async () => ({ status: 200, text: JSON.stringify({ data }), retryAfterMs: undefined, contentType: '' }),
  })

test('one member that makes no sense costs the list no other', async () => {
  const items = [
    { member_id: 1, member_name: '张三' },
    { member_id: 'x' },
    null,
    7,
    { member_id: 2, email: null, phone: 5 },
  ]
  const found = await answering({ items }).findMembers('key', '张', 'press')
  expect(found.map(({ memberId, memberName }) => [memberId, memberName])).toEqual([
    [1, '张三'],
    // A phone number that came as a number is one.
    [2, ''],
  ])
})

test.each([null, {}, { items: null }, { items: [] }])('%j lists nobody', async (data) => {
  const found = answering(data ?? {}).findMembers('key', 'x', 'press')
  expect(await found).toEqual([])
})

test('a rule is read webhook by webhook; what cannot be read of a filter lets all through', async () => {
  const settings = { data_source_id: '5', chat_ids: '["cidA","cidB"]', severities: ['critical'], disable_at: 'no' }
  const webhooks = [
    { type: 'dingtalk_app', settings },
    { type: 'dingtalk_app', settings: { data_source_id: 5, chat_ids: ['cidC', 7, null], serverities: {} } },
    { type: 'dingtalk_app', settings: 'x' },
    { type: 'slack', settings },
    'x',
  ]
  const layers = [{ target: { webhooks } }, { target: null }, 'x', { target: { webhooks: 'x' } }]
  const read = await answering({ layers }).readRuleChats('key', { channelId: 1, ruleId: 'r' }, 5)
  expect(read.map((chats) => chats.map(({ chatId, severities }) => [chatId, severities]))).toEqual([
    [
      ['cidA', ['Critical']],
      ['cidB', ['Critical']],
      ['cidC', []],
      ['7', []],
    ],
    [],
    [],
    [],
  ])
})
