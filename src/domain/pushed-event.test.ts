import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { readPushedEvent } from './inbound.ts'
import { useProperties } from '../../test/support/properties.ts'

useProperties()

const CURRENT = {
  EventType: 'chat_update_title',
  EventTime: 1769851697050,
  CorpId: 'dingcorpdemo01',
  BizId: '1769851697050',
  eventId: 'a1b2c3d4e5f60718293a4b5c6d7e8f90',
  timeStamp: 1769851697001,
  title: 'On-call A (renamed)',
  openConversationId: 'cidDemoGroup0001==',
}
const LEGACY = {
  Title: 'On-call A (renamed)',
  Operator: 'user0002',
  OpenConversationId: 'cidDemoGroup0001==',
  CorpId: 'dingcorpdemo01',
  EventType: 'chat_update_title',
  TimeStamp: 1769851697001,
}

describe('an event pushed over HTTP', () => {
  test('is known by its own id', () => {
    expect(readPushedEvent(CURRENT)).toMatchObject({
      eventId: CURRENT.eventId,
      hasOwnId: true,
      eventType: 'chat_update_title',
      corpId: 'dingcorpdemo01',
      fields: { title: CURRENT.title, openconversationid: CURRENT.openConversationId, timestamp: CURRENT.timeStamp },
    })
  })

  test('without one by its business id, of its type', () => {
    const { eventId: _, ...without } = CURRENT
    expect(readPushedEvent(without)).toMatchObject({ eventId: 'chat_update_title:1769851697050', hasOwnId: false })
  })

  test('of the register-callback era has the same fields, and is known by all of its text', () => {
    const event = readPushedEvent(LEGACY)
    expect(event).toMatchObject({
      hasOwnId: false,
      fields: { title: CURRENT.title, openconversationid: CURRENT.openConversationId, timestamp: CURRENT.timeStamp },
    })
    const turned = Object.fromEntries(Object.entries(LEGACY).reverse())
    expect(readPushedEvent(turned)?.eventId).toBe(event?.eventId)
    expect(readPushedEvent({ ...LEGACY, Title: 'Other' })?.eventId).not.toBe(event?.eventId)
  })

  test('of no type is none', () => {
    expect(readPushedEvent({ ...CURRENT, EventType: undefined })).toBeUndefined()
    expect(readPushedEvent({})).toBeUndefined()
  })

  test('may hold anything', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (body) => {
        const event = readPushedEvent({ ...body, EventType: 'x' })
        expect(event?.eventId).toEqual(expect.any(String))
      }),
    )
  })
})
