import { expect, test } from 'vitest'

import { whichButton } from '../actions/which-button.ts'
import { readPress } from './inbound.ts'
import { mannerOf } from './press-manner.ts'

const NODE = 'single_button_node_x'
const ID = 'ack~1~'

test.each([
  ['own-id', { cardPrivateData: { actionIds: [ID], params: { id: ID } } }],
  ['own-id', { cardPrivateData: { actionIds: [ID], params: {} } }],
  ['own-id', { cardPrivateData: { actionIds: ['ack~10'], params: {} } }],
  ['index', { cardPrivateData: { actionIds: [`${ID}0`], params: {} } }],
  ['params.id', { cardPrivateData: { actionIds: [NODE], params: { id: ID } } }],
  ['params.id', { cardPrivateData: { actionIds: [NODE], params: { action: ID } } }],
  ['params.text', { cardPrivateData: { actionIds: [NODE], params: { text: '确认收到' } } }],
  ['beside', { cardPrivateData: { actionIds: [NODE], params: {} }, params: { id: ID } }],
  ['unreadable', { cardPrivateData: { actionIds: [NODE], params: {} } }],
])('%s', async (manner, content) => {
  const press = readPress({ outTrackId: 'x', content: JSON.stringify(content) })
  if (!press) throw new Error('no press')
  const pressed = await whichButton(press, async () => [{ id: ID, text: '确认收到' }])
  expect(mannerOf(press, pressed?.by)).toBe(manner)
})
