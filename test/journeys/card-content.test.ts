import { describe, expect, test } from 'vitest'

import { eventually } from '../support/eventually.ts'
import { composeIncident, enqueue, followUp } from '../support/jobs.ts'
import {
  answerOf,
  callsFor,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  press,
  theCardOf,
  useScene,
  view,
} from '../support/journey.ts'

const scene = useScene()

const RENDERED = { dingtalk_app: '### 由模板渲染\n\n[看图](https://grafana.example/d/1)', title: 'INC db-01' }

describe('a text that Flashduty rendered', () => {
  test('stays through presses and events until what it was made from changes without a new one', async () => {
    const { world } = scene
    const { li } = world.people
    const chats = [inGroup(world.groups.oncall)]
    const incident = await fire(world, { chats, responderIds: [li.member.member_id], delivery: { rendered: RENDERED } })
    const card = await theCardOf(world, incident)
    const seen = () => view(world, card, li)
    expect(seen().title).toContain('INC db-01')
    expect(seen().markdown).toContain('由模板渲染')

    const answered = answerOf(await press(world, card, li, '认领'))
    expect(answered.markdown).toContain('由模板渲染')
    await everybodySees(world, card, '处理中')
    await world.flashduty.control.act(incident.incident_id, 'unack', li.member.member_id)
    await everybodySees(world, card, '待处理')
    expect(seen().title).toContain('INC db-01')

    await world.flashduty.control.act(incident.incident_id, { title: '改了名' }, li.member.member_id)
    await everybodySees(world, card, '改了名')
    expect(seen().markdown).not.toContain('由模板渲染')
    expectSilence(world, scene.app.lines)
  })

  test('is replaced by a newer one, and not by one that comes late', async () => {
    const { world } = scene
    const { li } = world.people
    const { incident, assigned } = await composeIncident(world, {
      chats: [inGroup(world.groups.oncall)],
      delivery: { rendered: RENDERED },
    })
    const newer = followUp(assigned, {
      event_type: 'i_r_desc',
      incident: { description: '新描述' },
      delivery: { rendered: { dingtalk_app: '第二版' } },
    })
    await enqueue(world, assigned)
    const card = await theCardOf(world, incident)
    await enqueue(world, newer)
    await eventually('the newer text', () => view(world, card, li).markdown.includes('第二版'))
    await enqueue(world, { ...assigned, event_id: `${assigned.event_id}-late` })
    const third = followUp(newer, { event_type: 'i_comm', incident: { alert_cnt: 77 }, delivery: undefined })
    await enqueue(world, third)
    await eventually('the count of alerts', () => view(world, card, li).markdown.includes('77 条'))
    expect(view(world, card, li).markdown).toContain('第二版')
    expectSilence(world, scene.app.lines)
  })
})

describe('whom a group’s card mentions', () => {
  const chatMentions = (card: string, group: string): string[][] =>
    scene.world.dingtalk.control
      .conversationsOf(scene.world.people.wang.user.userId)
      .filter(({ id }) => id === group)
      .flatMap(({ messages }) => messages.map(({ content }) => content))
      .flatMap((content) => (content.kind === 'card' && content.outTrackId === card ? [content.mentions] : []))

  test('the linked responders, once: no update mentions anybody', async () => {
    const { world } = scene
    const { zhang, li, wang } = world.people
    const group = world.groups.oncall
    const responderIds = [li, wang].map(({ member }) => member.member_id)
    const incident = await fire(world, { title: '叫人', chats: [inGroup(group)], responderIds })
    const card = await theCardOf(world, incident)
    expect(chatMentions(card, group.openConversationId)).toEqual([[li.user.userId]])
    expect(view(world, card, zhang).mentions).toEqual([li.user.userId])
    expect(view(world, card, zhang).markdown).toContain('请处理')

    answerOf(await press(world, card, zhang, '认领'))
    await everybodySees(world, card, '处理中')
    await eventually('the update is out', () => callsFor(world, 'updateCard', card).length > 0)
    for (const { body } of callsFor(world, 'updateCard', card))
      expect(JSON.stringify(body)).not.toMatch(/atId|tUserIds/)
    expect(view(world, card, li).mentions).toEqual([])
    expectSilence(world, scene.app.lines)
  })

  test('those the delivery names; nobody where the rule says so', async () => {
    const { world } = scene
    const { zhang, li } = world.people
    const incident = await fire(world, {
      title: '点名',
      chats: [inGroup(world.groups.oncall), inGroup(world.groups.platform, { disable_at: true })],
      responderIds: [li.member.member_id],
      delivery: { at_person_ids: [zhang.member.member_id] },
    })
    const cards = await eventually('both cards', () => {
      const found = world.dingtalk.control.cards().filter((id) => id.includes(incident.incident_id))
      return found.length === 2 && found
    })
    const mentioned = (group: { openConversationId: string }) =>
      cards.flatMap((card) => chatMentions(card, group.openConversationId))
    await eventually('both places have one', () =>
      [world.groups.oncall, world.groups.platform].every((group) => mentioned(group).length === 1),
    )
    expect(mentioned(world.groups.oncall)).toEqual([[zhang.user.userId]])
    expect(mentioned(world.groups.platform)).toEqual([[]])
    expectSilence(world, scene.app.lines)
  })
})
