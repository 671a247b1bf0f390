import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { anyFace, anyText, type FaceChange, makeFace, T } from './faces.fixture.ts'
import { decodeButton } from '../../domain/button.ts'
import type { CardFace, DrawnCard } from '../../domain/card.ts'
import { AI_TEMPLATE_ID, PUBLIC_TEMPLATE_ID } from '../../domain/card-template.ts'
import { drawCard } from './draw.ts'
import { withMentions } from './mentions.ts'
import { useProperties } from '../../../test/support/properties.ts'

useProperties(20)

/** Design: a hard stop below what DingTalk's pages and the vendor's clients allow. */
const MAX_VALUE = 20_000
const MAX_ALL_BYTES = 90_000
const MAX_KEY_BYTES = 100

type Button = { text: string; id?: string; params?: { id: string }; request?: boolean; url?: string }

function buttonsOf(drawn: DrawnCard): Button[] {
  const { sys_full_json_obj: whole, buttons = '[]', links = '[]' } = drawn.cardParamMap
  if (whole !== undefined) return (JSON.parse(whole) as { msgButtons: Button[] }).msgButtons
  return [...(JSON.parse(buttons) as Button[]), ...(JSON.parse(links) as Button[])]
}

const ids = (face: CardFace) => buttonsOf(drawCard(face)).flatMap((button) => button.id ?? [])
const own = (change: FaceChange = {}) => makeFace({ templateId: 'own.schema', ...change })

describe('the administrator’s own template', () => {
  test('gets every part as a variable of its own, and all of them always', () => {
    const { cardParamMap } = drawCard(
      own({
        prefix: 'ESCALATE',
        inStorm: true,
        incident: { labels: { resource: 'db-01' }, silence_url: 'https://console.example/silence' },
        lastAct: { eventType: 'i_ack', personName: '张三', at: T },
      }),
    )
    expect(cardParamMap).toEqual({
      title: '[ESCALATE] [告警风暴] #0A1B2C db-01 cpu.idle low',
      dot: '🔴',
      severity: 'Critical',
      severity_text: '严重',
      color: '#C80000',
      progress: 'triggered',
      progress_text: '待处理',
      facts: JSON.stringify([
        { name: '协作空间', value: '数据库' },
        { name: '严重程度', value: '严重' },
        { name: '触发时间', value: '2025-10-09 16:53:20' },
        { name: '处理人', value: '暂无' },
      ]),
      markdown: '```\nresource: db-01\n```',
      tips: '张三 于 16:53 认领',
      toast: '',
      buttons: JSON.stringify([
        { text: '认领', color: 'blue', id: 'ack~7~' },
        { text: '关闭', color: 'gray', id: 'resolve~7~' },
        { text: '刷新', color: 'gray', id: 'refresh~7~' },
      ]),
      links: JSON.stringify([
        { text: '查看详情', color: 'gray', url: 'https://console.example/incident/detail/1' },
        { text: '快速静默', color: 'gray', url: 'https://console.example/silence' },
      ]),
    })
    const closed = drawCard(own({ superseded: true, incident: { progress: 'Closed', detail_url: '' } })).cardParamMap
    expect(Object.keys(closed)).toEqual(Object.keys(cardParamMap))
  })

  test('shows a sentence for the presser as a toast too', () => {
    expect(drawCard(own(), { tips: '操作成功' }).cardParamMap).toMatchObject({ tips: '操作成功', toast: '操作成功' })
  })

  test.each<[string, FaceChange, string, string]>([
    ['Processing', { incident: { progress: 'Processing' } }, 'processing', '#C80000'],
    ['put off', { incident: { progress: 'Processing', snoozed_before: T + 7200 } }, 'snoozed', '#C80000'],
    ['closed', { incident: { progress: 'Closed', incident_severity: 'Warning' } }, 'closed', '#FA7D00'],
    ['recovered', { incident: { progress: 'Closed', incident_status: 'Ok' } }, 'recovered', '#008800'],
    ['replaced', { superseded: true, incident: { incident_severity: 'Info' } }, 'superseded', '#FABE00'],
  ])('%s can be told apart by code', (_state, change, progress, color) => {
    expect(drawCard(own(change)).cardParamMap).toMatchObject({ progress, color })
  })

  test('has the same buttons under the same ids as the vendor’s', () => {
    fc.assert(
      fc.property(anyFace(), fc.constantFrom('own.schema', AI_TEMPLATE_ID), (face, templateId) => {
        expect(ids({ ...face, templateId })).toEqual(ids({ ...face, templateId: PUBLIC_TEMPLATE_ID }))
      }),
    )
  })
})

describe('the vendor’s AI card', () => {
  const ai = (change: FaceChange = {}) => makeFace({ templateId: AI_TEMPLATE_ID, ...change })
  const ORDER = ['msgTitle', 'staticMsgContent', 'msgButtons']
  const last = (face: CardFace, tips?: string) =>
    drawCard(face, tips === undefined ? undefined : { tips })
      .cardParamMap['staticMsgContent']?.split('\n\n')
      .at(-1)

  test('is a finished one whatever it shows, with the three parts in their order and nothing else', () => {
    fc.assert(
      fc.property(anyFace(), fc.option(anyText(), { nil: undefined }), (face, tips) => {
        const overlay = tips === undefined ? undefined : { tips }
        const { cardParamMap } = drawCard({ ...face, templateId: AI_TEMPLATE_ID }, overlay)
        expect(Object.keys(cardParamMap)).toEqual(['flowStatus', 'msgTitle', 'staticMsgContent', 'sys_full_json_obj'])
        expect(cardParamMap['flowStatus']).toBe('3')
        expect(JSON.parse(cardParamMap['sys_full_json_obj'] ?? '')).toMatchObject({ order: ORDER })
      }),
    )
  })

  test('reads as the other public template does, with its last line at the end of the body', () => {
    fc.assert(
      fc.property(anyFace(), fc.option(anyText(), { nil: undefined }), (face, tips) => {
        const overlay = tips === undefined ? undefined : { tips }
        const there = drawCard({ ...face, templateId: PUBLIC_TEMPLATE_ID }, overlay)
        const here = drawCard({ ...face, templateId: AI_TEMPLATE_ID }, overlay)
        const { title, markdown = '', tips: said = '', sys_full_json_obj: buttons = '' } = there.cardParamMap
        const { msgTitle, staticMsgContent = '', sys_full_json_obj: shown = '' } = here.cardParamMap
        expect(msgTitle).toBe(title)
        expect(staticMsgContent.slice(0, markdown.length)).toBe(markdown)
        expect(staticMsgContent.length === markdown.length).toBe(said.trim() === '')
        expect(JSON.parse(shown)).toEqual({ order: ORDER, ...(JSON.parse(buttons) as object) })
        const { cardParamMap: _here, hash: _hash, markdownIn: _in, ...beside } = here
        expect(there).toMatchObject(beside)
      }),
    )
  })

  test('ends with what a person did last, grey where that is mere text, in a fence where it is not', () => {
    const did = (personName: string) => ai({ lastAct: { eventType: 'i_ack', personName, at: T } })
    expect(last(did('张三'))).toBe('<font colorTokenV2=common_gray1_color>张三 于 16:53 认领</font>')
    expect(last(did('- 张三'))).toBe('<font colorTokenV2=common_gray1_color>- 张三 于 16:53 认领</font>')
    expect(last(did('**张三**'))).toBe('```\n**张三** 于 16:53 认领\n```')
    expect(last(did('张三'), '操作成功')).toBe('<font colorTokenV2=common_gray1_color>操作成功</font>')
    expect(last(ai())).toBe('**处理人**：暂无')
  })

  test('calls people by name in the part it shows', () => {
    const { cardParamMap } = withMentions(drawCard(ai()), 'zh-CN', [{ userId: 'user0001', name: '张三' }])
    expect(cardParamMap['staticMsgContent']).toMatch(/^<a atId=user0001>张三<\/a> 请处理\n\n/)
    expect(cardParamMap).not.toHaveProperty('markdown')
  })
})

describe('whatever a face holds, on any template', () => {
  test('drawing is repeatable, and every value is text that can be sent', () => {
    fc.assert(
      fc.property(anyFace(), (face) => {
        const drawn = drawCard(face)
        expect(drawCard(structuredClone(face))).toEqual(drawn)
        const { 'zh-CN': zh, 'en-US': en } = drawn.lastMessage
        for (const value of [...Object.values(drawn.cardParamMap), drawn.pushText, zh, en]) {
          expect(typeof value).toBe('string')
          expect(value).not.toMatch(/\p{Surrogate}/u)
        }
      }),
    )
  })

  test('it stays inside DingTalk’s limits, people mentioned included', () => {
    const people = fc.array(fc.record({ userId: fc.string({ minLength: 64, maxLength: 64 }), name: anyText() }), {
      maxLength: 20,
    })
    fc.assert(
      fc.property(anyFace(4), people, (face, mentions) => {
        const drawn = withMentions(drawCard(face), face.locale, mentions)
        for (const [key, value] of Object.entries(drawn.cardParamMap)) {
          expect(Buffer.byteLength(key)).toBeLessThanOrEqual(MAX_KEY_BYTES)
          expect(value.length).toBeLessThanOrEqual(MAX_VALUE)
        }
        expect(Buffer.byteLength(JSON.stringify(drawn.cardParamMap))).toBeLessThan(MAX_ALL_BYTES)
        for (const text of [drawn.pushText, ...Object.values(drawn.lastMessage)]) {
          expect(text.length).toBeLessThanOrEqual(200)
          expect(text).not.toContain('\n')
        }
      }),
    )
  })

  test('there are at most six buttons: ours by id, and pages of the web', () => {
    fc.assert(
      fc.property(anyFace(), (face) => {
        const buttons = buttonsOf(drawCard(face))
        expect(buttons.length).toBeLessThanOrEqual(6)
        for (const { id, url, text } of buttons) {
          expect(text).not.toBe('')
          if (id === undefined) expect(url).toMatch(/^https?:\/\//)
          else expect(decodeButton(id)).toMatchObject({ revision: face.rev })
        }
      }),
    )
  })

  test('texts from outside add no button that calls back but for the custom actions they name', () => {
    fc.assert(
      fc.property(anyFace(), (face) => {
        const { progress, snoozed_before, updated_at } = face.incident
        const tame = makeFace({ ...face, customActions: [], incident: { progress, snoozed_before, updated_at } })
        // Without a page of its own there may be room for one snooze more.
        const wild = { ...face, incident: { ...face.incident, detail_url: tame.incident.detail_url } }
        // Further buttons take room that is left, 刷新 the last of it.
        const acts = (all: string[]) => all.filter((id) => !/^(custom|refresh)/.test(id))
        expect(acts(ids(wild))).toEqual(acts(ids(tame)))
        const named = new Set(face.customActions.map(({ integrationId }) => `custom.${integrationId}~${face.rev}~`))
        expect(ids(wild).filter((id) => id.startsWith('custom') && !named.has(id))).toEqual([])
      }),
    )
  })

  test('texts from outside mention nobody, colour nothing and run nothing', () => {
    fc.assert(
      fc.property(anyFace(), (face) => {
        const { cardParamMap, markdownIn } = drawCard(face)
        const read = (cardParamMap[markdownIn] ?? '')
          .replaceAll(/^```.*\n[^]*?\n```$/gm, '')
          .replaceAll(/<br>|<font colorTokenV2=common_(?:red1|orange1|yellow1|green1|gray1)_color>|<\/font>/g, '')
        expect(read).not.toContain('<')
        expect(read).not.toContain('```')
        expect(read).not.toMatch(/&(lt|#0*60|#x0*3c)/i)
        expect(read.replaceAll('(no title)', '')).not.toMatch(/\]\s*\((?!\s*https?:\/\/)/i)
        expect(read).not.toMatch(/(dtmd|dingtalk):\/\//i)
      }),
    )
  })

  test('the revision changes the ids of buttons and not the hash; all else that shows changes it', () => {
    fc.assert(
      fc.property(anyFace(), anyFace(), fc.nat(1_000), (a, b, rev) => {
        expect(drawCard({ ...a, rev }).hash).toBe(drawCard(a).hash)
        const shown = (face: CardFace) => JSON.stringify(drawCard({ ...face, rev: 0 }).cardParamMap)
        expect(drawCard(a).hash === drawCard(b).hash).toBe(shown(a) === shown(b))
      }),
    )
  })
})

describe('people mentioned', () => {
  const drawn = drawCard(makeFace())

  test('stand before everything else, each in a tag of their own', () => {
    const { cardParamMap, hash } = withMentions(drawn, 'zh-CN', [
      { userId: 'user0001', name: '张三' },
      { userId: 'user0002', name: 'x</a><a atId=all>y' },
      { userId: 'x y>z', name: 'nobody' },
    ])
    const [line] = cardParamMap['markdown']?.split('\n') ?? []
    expect(line).toBe('<a atId=user0001>张三</a> <a atId=user0002>x＜/a>＜a atId=all>y</a> 请处理')
    expect(hash).toBe(drawn.hash)
  })

  test('are none without a mention', () => {
    expect(withMentions(drawn, 'zh-CN', [])).toEqual(drawn)
  })
})

test('the text that rendering is tried with holds what it must not let through', () => {
  const found = fc.sample(anyText(), { numRuns: 200, seed: 1 }).join('')
  expect(found).toMatch(/<a atId=/)
  expect(found).toMatch(/\p{Surrogate}/u)
})
