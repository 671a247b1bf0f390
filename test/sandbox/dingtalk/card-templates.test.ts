import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { AI_TEMPLATE } from './card-templates.ts'
import type { Json } from './fields.ts'
import { callAsApp, createAndDeliver, groupCard, type Office, openOffice, putCard } from './rig.ts'

/** Templates that the vendor's clients carry, and what its AI cards draw (D 6.9; Python's card_instance.py). */

let office: Office
beforeEach(async () => {
  office = await openOffice()
})
afterEach(() => office.sandbox.close())

const view = () => office.sandbox.control.view('card-1', office.li.userId)
const BUTTON = { text: 'Ack', color: 'blue', id: 'ack', request: true }
const aiCard = (fields: Json = {}, over: Json = {}) =>
  groupCard(office, {
    cardTemplateId: AI_TEMPLATE,
    cardData: {
      cardParamMap: {
        flowStatus: '3',
        msgTitle: 'T',
        staticMsgContent: 'M',
        sys_full_json_obj: JSON.stringify({
          order: ['msgTitle', 'staticMsgContent', 'msgButtons'],
          msgButtons: [BUTTON],
        }),
        ...fields,
      },
    },
    ...over,
  })

describe('the template for AI cards', () => {
  test('is a finished card where its status says so', async () => {
    await createAndDeliver(office, aiCard())
    expect(view()).toMatchObject({ title: 'T', markdown: 'M', tips: '', buttons: [{ id: 'ack', text: 'Ack' }] })
  })

  test.each([
    ['until then it has no buttons', { flowStatus: '2' }],
    ['nor without any status', { flowStatus: '' }],
    [
      'nor where its order leaves them out',
      { sys_full_json_obj: JSON.stringify({ order: ['msgTitle'], msgButtons: [BUTTON] }) },
    ],
  ])('%s', async (_what, fields) => {
    await createAndDeliver(office, aiCard(fields))
    expect(view()?.buttons).toEqual([])
  })

  test('an update that replaces everything ends it', async () => {
    await createAndDeliver(office, aiCard())
    await putCard(office, { outTrackId: 'card-1', cardData: { cardParamMap: { staticMsgContent: 'N' } } })
    expect(view()).toMatchObject({ title: '', markdown: 'N', buttons: [] })
  })
})

test.each([
  '589420e2-c1e2-46ef-a5ed-b8728e654da9',
  '02fcf2f4-5e02-4a85-b672-46d1f715543e',
  '7f538f6d-ebb7-4533-a9ac-61a32da094cf',
])('%s may be used by every app, and has no buttons', async (id) => {
  await createAndDeliver(office, groupCard(office, { cardTemplateId: `${id}.schema` }))
  expect(view()?.buttons).toEqual([])
})

describe('streaming', () => {
  const stream = (fields: Json) =>
    callAsApp(office, 'PUT', '/v1.0/card/streaming', { outTrackId: 'card-1', guid: 'g', key: 'msgContent', ...fields })

  test('adds to one variable, or replaces it', async () => {
    await createAndDeliver(office, aiCard({ staticMsgContent: '', sys_full_json_obj: '{}' }))
    for (const [content, isFull] of [
      ['a', true],
      ['b', false],
      ['c', false],
    ] as const) {
      expect(await stream({ content, isFull })).toEqual({ status: 200, body: { success: true, result: true } })
    }
    expect(view()).toMatchObject({ markdown: 'abc', title: 'T' })
  })

  test('needs a card of the app’s own, a permission and a name', async () => {
    await createAndDeliver(office, aiCard())
    expect(await stream({ outTrackId: 'none', content: '' })).toMatchObject({
      body: { code: 'param.stream.outTrackId' },
    })
    expect(await stream({ outTrackId: '', content: '' })).toMatchObject({ body: { code: 'param.outTrackIdEmpty' } })
    expect(await stream({ key: '', content: '' })).toMatchObject({ status: 400 })
    office.sandbox.control.updateApp(office.app.clientId, { scopes: ['Card.Instance.Write'] })
    expect(await stream({ content: '' })).toMatchObject({ status: 403 })
  })
})

test('a top card of a group reaches it', async () => {
  const { group } = office
  const space = {
    openSpaceId: `dtv1.card//ONE_BOX.${group.openConversationId}`,
    topOpenSpaceModel: {},
    topOpenDeliverModel: {},
  }
  const { body } = await createAndDeliver(office, groupCard(office, space))
  expect(body).toMatchObject({ success: true, result: { deliverResults: [{ spaceType: 'ONE_BOX', success: true }] } })
  expect(view()).toBeDefined()
})
