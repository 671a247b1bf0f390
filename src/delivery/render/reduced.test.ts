import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { decodeButton } from '../../domain/button.ts'
import { AI_TEMPLATE_ID, PUBLIC_TEMPLATE_ID } from '../../domain/card-template.ts'
import type { CardFace } from '../../domain/card.ts'
import { drawCard } from './draw.ts'
import { anyFace, makeFace } from './faces.fixture.ts'
import { withMentions } from './mentions.ts'
import { onlyButtons } from './template.ts'

const LIMIT = 1_024
const bytes = (text: string) => Buffer.byteLength(text)
const values = (face: CardFace) => drawCard(face).cardParamMap

function actionsOf(face: CardFace): string[] {
  const { sys_full_json_obj: whole, buttons } = values(face)
  const listed = whole ? (JSON.parse(whole) as { msgButtons: object[] }).msgButtons : JSON.parse(buttons ?? '[]')
  return (listed as { id?: string; url?: string }[]).map((each) =>
    each.id === undefined ? 'page' : (decodeButton(each.id)?.action ?? '?'),
  )
}

const LONG = '磁盘即将写满🀄'.repeat(2_000)
const long = (templateId: string, progress = 'Triggered'): CardFace =>
  makeFace({
    reduced: true,
    plain: true,
    templateId,
    prefix: LONG,
    customActions: [{ integrationId: 5_003, name: LONG }],
    rendered: { title: LONG, body: LONG },
    incident: { title: LONG, description: LONG, impact: LONG, channel_name: LONG, progress, labels: { a: LONG } },
  })

describe.each([PUBLIC_TEMPLATE_ID, AI_TEMPLATE_ID, 'own.schema'])('a reduced face (%s)', (templateId) => {
  test('has no value of 1 KB, with mentions either, and still says what it is about', () => {
    const drawn = drawCard(long(templateId))
    const mentions = Array.from({ length: 50 }, (_, index) => ({ userId: `user${index}`, name: `第${index}位值班` }))
    const { cardParamMap } = withMentions(drawn, 'zh-CN', mentions, true)
    for (const [name, value] of Object.entries(cardParamMap)) expect([name, bytes(value) < LIMIT]).toEqual([name, true])
    const { title, msgTitle, markdown, staticMsgContent } = cardParamMap
    expect(title ?? msgTitle).toContain('磁盘即将写满')
    expect(markdown ?? staticMsgContent).toContain('磁盘即将写满')
    expect(markdown ?? staticMsgContent).toContain('atId=user0>')
  })

  test.each([
    ['Triggered', ['ack', 'resolve']],
    ['Processing', ['snooze', 'resolve']],
    ['Closed', []],
  ])('of one that is %s offers %j, and the page', (progress, acts) => {
    const listed = actionsOf(long(templateId, progress)).filter((action) => action !== 'page')
    expect(listed).toEqual(acts)
    expect(JSON.stringify(values(long(templateId, progress)))).toContain('查看详情')
  })

  test('whatever the incident, keeps its values short, and its acts', () => {
    fc.assert(
      fc.property(anyFace(), (face) => {
        const reduced = { ...face, templateId, reduced: true, plain: true }
        for (const [name, value] of Object.entries(values(reduced))) {
          expect([name, bytes(value) < LIMIT]).toEqual([name, true])
        }
        const isOver = face.incident.progress === 'Closed' || face.superseded || face.gone
        expect(actionsOf(reduced).includes('resolve')).toBe(!isOver)
      }),
    )
  })

  test('can be told with nothing but its buttons', () => {
    const { cardParamMap } = drawCard(long(templateId, 'Closed'))
    const sent = onlyButtons(cardParamMap)
    expect(JSON.stringify(sent)).not.toContain('磁盘')
    expect(Object.keys(sent).length).toBeGreaterThan(0)
  })
})
