import { expect, test } from 'vitest'

import { readHistoryPage } from './webhook-history.ts'

test('rows that make no sense cost the page no other; a body may come as an object', () => {
  const items = [
    { endpoint: 'https://a', event_id: 'one', request_body: '{"a":1}', event_time: 5 },
    null,
    'x',
    { endpoint: 7, request_body: { b: 2 }, event_time: 'soon' },
    { endpoint: 'https://a', event_id: 'two' },
  ]
  expect(readHistoryPage({ items, has_next_page: true, search_after_ctx: 'ctx' })).toEqual({
    pushes: [
      { endpoint: 'https://a', eventId: 'one', body: '{"a":1}', eventTimeMs: 5 },
      { endpoint: '7', eventId: '', body: '{"b":2}', eventTimeMs: 0 },
      { endpoint: 'https://a', eventId: 'two', body: undefined, eventTimeMs: 0 },
    ],
    next: 'ctx',
  })
})

test.each([
  ['there is no next page', { items: [{}], has_next_page: false, search_after_ctx: 'ctx' }],
  ['there is nothing to go on from', { items: [{}], has_next_page: true }],
  ['a page is empty', { items: [], has_next_page: true, search_after_ctx: 'ctx' }],
  ['there are no items', { items: null }],
])('it ends where %s', (_what, data) => {
  expect(readHistoryPage(data)?.next).toBeUndefined()
})

test.each([null, 'x', [], { items: 'x' }])('%j is no page', (data) => {
  expect(readHistoryPage(data)).toBeUndefined()
})
