import { expect, test } from 'vitest'

import { whichButton } from './which-button.ts'

const ids = (...all: string[]) => all.map((id) => ({ by: 'actionIds' as const, id }))
const drawn = [{ id: 'ack~7~', text: '认领' }, { id: 'resolve~7~', text: '关闭' }, { text: '查看详情' }]
const onCard = async () => drawn

test('is the first name that is one of ours, whatever stands before it', async () => {
  const named = ids('single_button_node_x', 'ack', 'ack~7~0', 'resolve~7~')
  expect(await whichButton({ ids: named, text: '关闭' }, onCard)).toEqual({
    button: { action: 'ack', revision: 7 },
    by: 'actionIds',
  })
})

test('is asked of the card only where nothing else names it', async () => {
  const never = () => Promise.reject(new Error('nobody asked'))
  expect(await whichButton({ ids: ids('ack~7~'), text: '关闭' }, never)).toMatchObject({ button: { action: 'ack' } })
  expect(await whichButton({ ids: ids('node'), text: undefined }, never)).toBeUndefined()
})

test('is the one that bears the words', async () => {
  expect(await whichButton({ ids: ids('node'), text: '关闭' }, onCard)).toEqual({
    button: { action: 'resolve', revision: 7 },
    by: 'params.text',
  })
})

test.each([
  ['that no button bears', '暂缓', drawn],
  ['of a button that opens a page', '查看详情', drawn],
  [
    'that two buttons bear',
    '重启',
    [
      { id: 'custom.1~7~', text: '重启' },
      { id: 'custom.2~7~', text: '重启' },
    ],
  ],
  ['of a card that cannot be drawn', '认领', []],
])('words %s name none', async (_which, text, buttons) => {
  expect(await whichButton({ ids: [], text }, async () => buttons)).toBeUndefined()
})
