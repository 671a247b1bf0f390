import { describe, expect, test } from 'vitest'

import { composeResult, isNews, noteOf, type ResultRecord } from './result.ts'

const CONTEXT = {
  rid: 'r-1',
  fire_type: 'fire' as const,
  escalate_rule_id: null,
  escalate_rule_name: null,
  layer_idx: 0,
  data_source_id: 5_001,
}
const RESULT = { eventId: 'e1', incidentId: 'inc', context: CONTEXT }

function record(change: Partial<ResultRecord>): ResultRecord {
  return {
    kind: 'group',
    target_id: 'cidA',
    target_name: '值班群',
    member_id: null,
    status: 'success',
    reason_code: null,
    failed_reason: null,
    msg_id: 'fd-1',
    ...change,
  }
}
const notLinked = record({
  kind: 'person',
  target_id: 'member:7',
  member_id: 7,
  status: 'failed',
  reason_code: 'NOT_LINKED',
  failed_reason: '未关联应用',
  msg_id: null,
})

test('tells what became of every group and person', () => {
  const person = record({ kind: 'person', target_id: 'user1', member_id: 2_001, msg_id: 'fd-2' })
  expect(composeResult(RESULT, [record({}), person, notLinked])).toEqual({
    event_id: 'e1',
    incident_id: 'inc',
    rid: 'r-1',
    msg_id: 'fd-1',
    fire_type: 'fire',
    layer_idx: 0,
    by: 'dingtalk_app',
    persons: [
      { person_id: 2_001, status: 'success', msg_id: 'fd-2' },
      { person_id: 7, status: 'failed', reason_code: 'NOT_LINKED', failed_reason: '未关联应用' },
    ],
    chats: [{ data_source_id: 5_001, chat_id: 'cidA', chat_name: '值班群', status: 'success', msg_id: 'fd-1' }],
  })
})

describe('waits', () => {
  test('while a message is under way', () => {
    expect(composeResult(RESULT, [record({}), record({ target_id: 'cidB', status: 'retrying' })])).toBeUndefined()
  })

  test('but not once a personal message has failed for good', () => {
    const report = composeResult(RESULT, [record({ status: 'pending', msg_id: null }), notLinked])
    expect(report).toMatchObject({ persons: [{ person_id: 7, status: 'failed' }], chats: [{ status: 'pending' }] })
  })

  test('for a group that failed nobody is waited with', () => {
    const failed = record({ status: 'failed', reason_code: 'CHAT_NOT_FOUND', failed_reason: '群聊不存在' })
    expect(composeResult(RESULT, [failed, record({ target_id: 'cidB', status: 'pending' })])).toBeUndefined()
  })
})

test('what was skipped is nobody’s business', () => {
  expect(composeResult(RESULT, [record({ status: 'skipped', reason_code: 'SEVERITY_FILTERED' })])).toBeUndefined()
})

test('a failed reason that is gone is not told', () => {
  const late = composeResult(RESULT, [record({ failed_reason: '未关联应用' })])
  expect(late?.chats[0]).not.toHaveProperty('failed_reason')
})

describe('is told again', () => {
  const report = (...records: ResultRecord[]) => {
    const composed = composeResult(RESULT, records)
    if (!composed) throw new Error('nothing to tell')
    return composed
  }
  const pending = record({ target_id: 'cidB', status: 'pending', msg_id: null })
  const early = report(notLinked, record({}), pending)

  test('not when it says the same', () => {
    expect(isNews(report(record({})), null)).toBe(true)
    expect(isNews(report(record({})), noteOf(report(record({}))))).toBe(false)
  })

  test('not for every step of what is under way', () => {
    expect(isNews(early, null)).toBe(true)
    const retrying = report(notLinked, record({}), { ...pending, status: 'retrying', reason_code: 'NETWORK' })
    expect(isNews(retrying, noteOf(early))).toBe(false)
  })

  test('when somebody else cannot be reached in person', () => {
    const another = { ...notLinked, target_id: 'member:8', member_id: 8 }
    expect(isNews(report(notLinked, another, pending), noteOf(early))).toBe(true)
  })

  test('when all has settled, and when that changes', () => {
    const settled = report(notLinked, record({}), { ...pending, status: 'success' })
    expect(isNews(settled, noteOf(early))).toBe(true)
    const late = { ...notLinked, status: 'success', reason_code: null, failed_reason: null }
    expect(isNews(report(late, record({})), noteOf(settled))).toBe(true)
  })
})
