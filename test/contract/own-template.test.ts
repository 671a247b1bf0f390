import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

import { drawCard } from '../../src/delivery/render/draw.ts'
import type { CardFace } from '../../src/domain/card.ts'
import { AI_TEMPLATE_ID, PUBLIC_TEMPLATE_ID } from '../../src/domain/card-template.ts'
import { incidentOf } from '../../src/domain/incident.fixture.ts'
import { readMarkdown } from '../sandbox/dingtalk/card-markdown/read.ts'
import { createAndDeliver, groupCard, openOffice, putCard } from '../sandbox/dingtalk/rig.ts'

/** What is drawn for every template beside what DingTalk makes of it, and beside what people are told to build. */

const incident = incidentOf({
  incident_id: 'i1',
  num: '0A1B2C',
  title: 'db-01 down',
  incident_severity: 'Critical',
  progress: 'Triggered',
  start_time: 1_760_000_000,
  channel_name: '数据库',
  labels: { env: 'prod' },
  detail_url: 'https://console.example/1',
})
const face = (templateId: string, change: Partial<CardFace> = {}): CardFace => ({
  incident,
  rev: 7,
  lastAct: undefined,
  snoozeOver: false,
  prefix: '',
  superseded: false,
  locale: 'zh-CN',
  snoozeMinutes: [120],
  customActions: [],
  templateId,
  rendered: undefined,
  flapping: false,
  inStorm: false,
  gone: false,
  plain: false,
  minimal: false,
  ...change,
})

test('people read and press the same on every template', async () => {
  const office = await openOffice()
  const own = office.sandbox.control.createTemplate(office.app.clientId)
  for (const cardTemplateId of [PUBLIC_TEMPLATE_ID, AI_TEMPLATE_ID, own]) {
    const { cardParamMap } = drawCard(face(cardTemplateId))
    const sent = { cardTemplateId, outTrackId: cardTemplateId.slice(0, 8), cardData: { cardParamMap } }
    expect((await createAndDeliver(office, groupCard(office, sent))).status).toBe(200)
    for (const { userId } of [office.li, office.wang]) {
      const seen = office.sandbox.control.view(sent.outTrackId, userId)
      expect(seen?.title).toBe('🔴 待处理 · #0A1B2C db-01 down')
      const read = [...(seen?.facts ?? []), ...readMarkdown(seen?.markdown ?? '').lines]
      expect(read).toEqual(expect.arrayContaining(['协作空间：数据库', '处理人：暂无', 'env: prod']))
      expect(seen?.buttons.map(({ text }) => text).sort()).toEqual(['认领', '关闭', '查看详情', '刷新'].sort())
      expect(seen?.buttons.flatMap((button) => ('id' in button ? [button.id] : []))).toEqual([
        'ack~7~',
        'resolve~7~',
        'refresh~7~',
      ])
    }
    const closed = drawCard(face(cardTemplateId, { incident: { ...incident, progress: 'Closed' } })).cardParamMap
    const update = { outTrackId: sent.outTrackId, cardData: { cardParamMap: closed } }
    expect((await putCard(office, { ...update, cardUpdateOptions: { updateCardDataByKey: true } })).status).toBe(200)
    const shut = office.sandbox.control.view(sent.outTrackId, office.li.userId)
    expect(shut?.title).toContain('已关闭')
    expect(shut?.buttons.map(({ text }) => text)).toEqual(expect.arrayContaining(['查看详情', '刷新']))
  }
  await office.sandbox.close()
})

describe('docs/card-template.md', () => {
  const page = readFileSync(new URL('../../docs/card-template.md', import.meta.url), 'utf8')
  const drawn = Object.keys(drawCard(face('own.schema')).cardParamMap)

  test('lists the variables that are sent, and no others', () => {
    const listed = [...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name)
    expect(listed).toEqual(drawn)
  })

  test('has a sample of them all', () => {
    const sample = /```json\n([\s\S]*?)```/.exec(page)?.[1] ?? ''
    expect(Object.keys(JSON.parse(sample) as object)).toEqual(drawn)
  })
})
