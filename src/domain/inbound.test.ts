import { describe, expect, test } from 'vitest'

import { readPress } from './inbound.ts'

/** How presses name their button (DingTalk reference 6.7): in which of these ways depends on a template's layout. */

const NODE = 'single_button_node_x'
const press = (content: unknown, fields: object = {}) =>
  readPress({ outTrackId: 'fd-1', userId: 'u1', corpId: 'ding1', content: JSON.stringify(content), ...fields })

describe('what may be the button', () => {
  test('comes in the order in which it says most', () => {
    const params = { id: 'ack~7~', action: 'like', text: '认领' }
    expect(press({ cardPrivateData: { actionIds: [NODE, 'ack~7~0'], params } })).toMatchObject({
      ids: [
        { by: 'params.id', id: 'ack~7~' },
        { by: 'params.action', id: 'like' },
        { by: 'actionIds', id: NODE },
        { by: 'actionIds', id: 'ack~7~0' },
      ],
      text: '认领',
      beside: false,
    })
  })

  test.each<[string, unknown]>([
    ['without any inside', { cardPrivateData: { actionIds: [NODE] }, params: { id: 'ack~7~' } }],
    ['with empty ones inside', { cardPrivateData: { actionIds: [NODE], params: {} }, params: { id: 'ack~7~' } }],
    ['with null inside', { cardPrivateData: { actionIds: [NODE], params: null }, params: { id: 'ack~7~' } }],
    ['without private data', { params: { id: 'ack~7~' } }],
    ['as texts', { cardPrivateData: '{"actionIds":["n"],"params":"{}"}', params: '{"id":"ack~7~"}' }],
  ])('is read from parameters beside the private data, %s', (_how, content) => {
    expect(press(content)).toMatchObject({ beside: true })
    expect(press(content)?.ids[0]).toEqual({ by: 'params.id', id: 'ack~7~' })
  })

  test('is read inside first', () => {
    const both = { cardPrivateData: { params: { id: 'ack~7~' } }, params: { id: 'wake~1~' } }
    expect(press(both)).toMatchObject({ ids: [{ by: 'params.id', id: 'ack~7~' }], beside: false })
  })

  test('is read from the other spelling where the first says nothing of it', () => {
    const value = JSON.stringify({ cardPrivateData: { actionIds: ['ack~7~'] } })
    expect(press({}, { value })).toMatchObject({ ids: [{ id: 'ack~7~' }] })
    expect(press(undefined, { value })).toMatchObject({ ids: [{ id: 'ack~7~' }] })
  })

  test('may stand alone, be a number, or be nothing that can be read', () => {
    expect(press({ cardPrivateData: { actionIds: 'ack~7~' } })?.ids).toEqual([{ by: 'actionIds', id: 'ack~7~' }])
    expect(press({ cardPrivateData: { params: { id: 5 } } })?.ids).toEqual([{ by: 'params.id', id: '5' }])
    expect(press({ cardPrivateData: { actionIds: [{}, null, ['x']], params: { id: {} } } })).toMatchObject({
      ids: [],
      text: undefined,
    })
  })

  test('is bounded', () => {
    const actionIds = Array.from({ length: 1_000 }, () => 'x'.repeat(64))
    const read = press({
      cardPrivateData: { actionIds: ['y'.repeat(65), ...actionIds], params: { text: 'z'.repeat(1e6) } },
    })
    expect(read?.ids.length).toBeLessThanOrEqual(20)
    expect(read?.ids.every(({ id }) => id.startsWith('x'))).toBe(true)
    expect(read?.text?.length).toBeLessThanOrEqual(64)
  })
})

test('only a card is demanded', () => {
  expect(readPress({ outTrackId: 'fd-1' })).toMatchObject({ userId: undefined, corpId: undefined, ids: [] })
  expect(readPress({ userId: 'u1', content: '{}' })).toBeUndefined()
})
