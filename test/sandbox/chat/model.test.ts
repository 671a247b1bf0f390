import { expect, test } from 'vitest'

import { cardParams, createAndDeliver, groupCard, openOffice } from '../dingtalk/rig.ts'
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
