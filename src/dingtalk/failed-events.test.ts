import { describe, expect, test } from 'vitest'

import { fetchFailedEvents, readFailedEvent } from './failed-events.ts'

const read = (item: object) => readFailedEvent(JSON.stringify(item))

describe('an item of the list of failed pushes', () => {
  test('of contacts has its fields beside the corporation', () => {
    const item = {
      call_back_tag: 'user_leave_org',
      event_time: 1769851700000,
      user_leave_org: { corpid: 'dingcorpdemo01', userid: ['user0009'] },
    }
    expect(read(item)).toMatchObject({
      eventType: 'user_leave_org',
      corpId: 'dingcorpdemo01',
      fields: { userid: ['user0009'], eventtime: 1769851700000, timestamp: 1769851700000 },
    })
  })

  test.each(['callbackData', 'bpmsCallBackData', 'roleLabelChange'])('has its fields in %s', (key) => {
    const inner = { coolAppCode: 'COOLAPP-1-DEMO0001', openConversationId: 'cidDemoGroup0001==' }
    const item = {
      call_back_tag: 'im_cool_app_install',
      event_time: 1769851701000,
      im_cool_app_install: { corpid: 'dingcorpdemo01', [key]: key === 'callbackData' ? inner : JSON.stringify(inner) },
    }
    expect(read(item)).toMatchObject({
      eventType: 'im_cool_app_install',
      corpId: 'dingcorpdemo01',
      fields: { coolappcode: 'COOLAPP-1-DEMO0001', openconversationid: 'cidDemoGroup0001==' },
    })
  })

  test('is the same event whenever it is fetched, and another than its neighbour', () => {
    const item = (title: string) => ({
      call_back_tag: 'chat_update_title',
      event_time: 1769851701000,
      chat_update_title: { corpid: 'dingcorpdemo01', callbackData: { title } },
    })
    expect(read(item('a'))?.eventId).toBe(read(item('a'))?.eventId)
    expect(read(item('a'))?.eventId).not.toBe(read(item('b'))?.eventId)
  })

  test('with an id of its own is known by it, so that one taken in before is a duplicate', () => {
    const item = { call_back_tag: 'chat_disband', chat_disband: { callbackData: { eventId: 'e1' } } }
    expect(read(item)?.eventId).toBe('e1')
  })

  test('cannot pass for another type by its fields', () => {
    const item = { call_back_tag: 'chat_disband', chat_disband: { callbackData: { EventType: 'user_leave_org' } } }
    expect(read(item)?.eventType).toBe('chat_disband')
  })

  test.each([[{}], [{ call_back_tag: '' }], [{ call_back_tag: 5 }]])('%j is none', (item) => {
    expect(read(item)).toBeUndefined()
  })

  test('without fields is an event all the same', () => {
    expect(read({ call_back_tag: 'user_active_org' })).toMatchObject({ eventType: 'user_active_org' })
  })
})

describe('a page', () => {
  const fetch = (answer: Record<string, unknown>) => fetchFailedEvents({ call: async () => answer })

  test('says whether there is more', async () => {
    const failed_list = [{ call_back_tag: 'a' }]
    expect(await fetch({ has_more: true, failed_list })).toEqual({ events: ['{"call_back_tag":"a"}'], hasMore: true })
    expect(await fetch({ has_more: false, failed_list })).toMatchObject({ hasMore: false })
  })

  test('without anything is the last, whatever it says', async () => {
    expect(await fetch({ has_more: true, failed_list: [] })).toEqual({ events: [], hasMore: false })
    expect(await fetch({})).toEqual({ events: [], hasMore: false })
  })

  test('that is no list is no answer', async () => {
    await expect(fetch({ failed_list: 'none' })).rejects.toMatchObject({ failure: { kind: 'unknown-outcome' } })
  })
})
