import { expect, test } from 'vitest'

import { callAsApp, cardParams, createAndDeliver, groupCard, openOffice } from '../dingtalk/rig.ts'
import { ChatModel } from './model.ts'

test('who is mentioned sees so in the list until they have read it; tags and pictures are drawn, other markup is not', async () => {
  const office = await openOffice()
  const { app, group, li, wang, sandbox } = office
  const people = [li, wang].map(({ userId, name }) => ({ userId, name, note: '' }))
  const groups = [group.openConversationId]
  const model = new ChatModel(sandbox.control, { people, clientId: app.clientId, groups })
  const markdown = `<a atId=${li.userId}>Li</a> <a atId=all>x</a> ![i](https://a.example/i.png) [p](https://a.example) <b>`
  await createAndDeliver(
    office,
    groupCard(office, {
      cardData: cardParams({ markdown }),
      cardAtUserIds: [li.userId],
      imGroupOpenDeliverModel: { robotCode: app.clientId, atUserIds: { [li.userId]: 'Li' } },
    }),
  )

  const groupOf = (userId: string) => model.state(userId).conversations[0]
  expect(groupOf(wang.userId)?.lastLine).toBe('Flashduty：P1 db down')
  expect(groupOf(li.userId)?.lastLine).toBe('[有人@我] Flashduty：P1 db down')
  model.markRead(li.userId, group.openConversationId)
  expect(groupOf(li.userId)?.lastLine).toBe('Flashduty：P1 db down')

  const card = groupOf(wang.userId)?.messages.find(({ kind }) => kind === 'card')
  const html = card?.kind === 'card' ? card.html : ''
  expect(html).toContain('<b class="mention">@Li</b> &lt;a atId=all&gt;x&lt;/a&gt;')
  expect(html).toContain('<img src="https://a.example/i.png" alt="i">')
  expect(html).toContain('<a href="https://a.example/" target="_blank" rel="noopener">p</a> &lt;b&gt;')
  await sandbox.close()
})

test('a template of one’s own shows its facts as mere text; robot messages are read by the rules of their kind', async () => {
  const office = await openOffice()
  const { app, group, li, sandbox } = office
  const groups = [group.openConversationId]
  const people = [{ userId: li.userId, name: li.name, note: '' }]
  const model = new ChatModel(sandbox.control, { people, clientId: app.clientId, groups })
  const messagesIn = (index: number) => model.state(li.userId).conversations[index]?.messages ?? []

  const cardTemplateId = sandbox.control.createTemplate(app.clientId)
  const facts = JSON.stringify([{ name: '**a**', value: '<br>' }])
  const cardData = cardParams({ facts, markdown: '**b**<br>' })
  await createAndDeliver(office, groupCard(office, { cardTemplateId, cardData }))
  const card = messagesIn(0).find(({ kind }) => kind === 'card')
  expect(card).toMatchObject({ facts: ['**a**：<br>'], html: '<p><strong>b</strong><br></p>' })

  for (const [msgKey, msgParam] of [
    ['sampleMarkdown', { title: 't', text: '- **a**<br>\n[OK]' }],
    ['sampleActionCard', { title: 't', text: '###### a', singleTitle: 'b', singleURL: 'https://b.example' }],
    [
      'sampleLink',
      { title: '**t**', text: '**a**', picUrl: 'https://b.example/p.png', messageUrl: 'https://b.example' },
    ],
  ] as const) {
    const body = { robotCode: app.clientId, userIds: [li.userId], msgKey, msgParam: JSON.stringify(msgParam) }
    await callAsApp(office, 'POST', '/v1.0/robot/oToMessages/batchSend', body)
  }
  expect(messagesIn(1)).toMatchObject([
    { html: '<ul><li><p><strong>a</strong>&lt;br&gt; [OK]</p></li></ul>' },
    { html: '<h6>a</h6>' },
    { title: '**t**', html: '<p>**a**</p>' },
  ])
  await sandbox.close()
})
