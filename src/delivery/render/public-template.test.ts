import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { decodeButton } from '../../domain/button.ts'
import type { CardFace } from '../../domain/card.ts'
import { IncidentSchema } from '../../domain/incident.ts'
import { drawCard, PUBLIC_TEMPLATE_ID } from './public-template.ts'

const T = 1_760_000_000 // 2025-10-09 08:53:20 UTC

const INCIDENT = {
  incident_id: '0000000000000000000a1b2c',
  num: '0A1B2C',
  title: 'db-01 cpu.idle low',
  incident_severity: 'Critical',
  progress: 'Triggered',
  start_time: T,
  updated_at: T,
  channel_name: '数据库',
  alert_cnt: 1,
  detail_url: 'https://console.example/incident/detail/1',
}

type Change = Partial<Omit<CardFace, 'incident'>> & { incident?: Record<string, unknown> }

function faceOf({ incident, ...change }: Change = {}): CardFace {
  return {
    incident: IncidentSchema.parse({ ...INCIDENT, ...incident }),
    rev: 7,
    lastAct: undefined,
    snoozeOver: false,
    prefix: '',
    superseded: false,
    locale: 'zh-CN',
    snoozeMinutes: [120, 240, 720],
    ...change,
  }
}

type Button = { text: string; id?: string; params?: { id: string }; request?: boolean; url?: string; iosUrl?: string }

function read(change?: Change, tips?: string) {
  const { cardParamMap, pushText, hash } = drawCard(faceOf(change), tips)
  const { msgButtons } = JSON.parse(cardParamMap['sys_full_json_obj'] ?? '') as { msgButtons: Button[] }
  const { title = '', markdown = '', tips: line = '' } = cardParamMap
  return { cardParamMap, pushText, hash, title, markdown, tips: line, buttons: msgButtons }
}

const texts = (change: Change): string[] => read(change).buttons.map((button) => button.text)
const snoozed = { progress: 'Processing', snoozed_before: T + 7200 }

describe('buttons', () => {
  test.each<[string, Change, string[]]>([
    ['Triggered', {}, ['认领', '关闭', '查看详情']],
    [
      'Processing',
      { incident: { progress: 'Processing' } },
      ['暂缓 2 小时', '暂缓 4 小时', '暂缓 12 小时', '关闭', '取消认领', '查看详情'],
    ],
    ['put off', { incident: snoozed }, ['取消暂缓', '关闭', '查看详情']],
    [
      'put off until now',
      { incident: snoozed, snoozeOver: true },
      ['暂缓 2 小时', '暂缓 4 小时', '暂缓 12 小时', '关闭', '取消认领', '查看详情'],
    ],
    ['Closed', { incident: { progress: 'Closed' } }, ['查看详情']],
    ['replaced by a newer message', { superseded: true }, ['查看详情']],
    ['Triggered, in English', { locale: 'en-US' }, ['Acknowledge', 'Close', 'Details']],
    [
      'Processing, in English',
      { locale: 'en-US', incident: { progress: 'Processing' }, snoozeMinutes: [90] },
      ['Snooze 1 h 30 min', 'Close', 'Withdraw', 'Details'],
    ],
    ['put off, in English', { locale: 'en-US', incident: snoozed }, ['Wake up', 'Close', 'Details']],
    ['Triggered without a page', { incident: { detail_url: '' } }, ['认领', '关闭']],
    ['Closed without a page', { incident: { progress: 'Closed', detail_url: '' } }, []],
    [
      'Processing without presets',
      { incident: { progress: 'Processing' }, snoozeMinutes: [] },
      ['关闭', '取消认领', '查看详情'],
    ],
  ])('of an incident %s', (_state, change, expected) => {
    expect(texts(change)).toEqual(expected)
  })

  test('a press is named twice over, and carries the revision it was drawn at', () => {
    const { buttons } = read({ incident: { progress: 'Processing' }, rev: 12 })
    const presses = buttons.filter((button) => button.request)
    expect(presses.map(({ id }) => id)).toEqual([
      'snooze.120~12',
      'snooze.240~12',
      'snooze.720~12',
      'resolve~12',
      'unack~12',
    ])
    for (const { id, params } of presses) expect(params).toEqual({ id })
  })

  test('the page opens on phones and computers alike', () => {
    const detail = read().buttons.at(-1)
    expect(detail).toMatchObject({ url: INCIDENT.detail_url, iosUrl: INCIDENT.detail_url })
    expect(detail).not.toHaveProperty('request')
  })

  test('there are never more than six, and the way out is kept', () => {
    const buttons = texts({ incident: { progress: 'Processing' }, snoozeMinutes: [1, 2, 3, 4, 5, 6, 7] })
    expect(buttons).toHaveLength(6)
    expect(buttons).toEqual(expect.arrayContaining(['关闭', '取消认领', '查看详情']))
  })
})

describe('the face', () => {
  test('says how bad, how far and what', () => {
    expect(read().title).toBe('🔴 待处理 · #0A1B2C db-01 cpu.idle low')
    expect(read({ locale: 'en-US' }).title).toBe('🔴 Triggered · #0A1B2C db-01 cpu.idle low')
    expect(read({ prefix: 'ESCALATE', incident: { num: '' } }).title).toBe('🔴 待处理 · [ESCALATE] db-01 cpu.idle low')
  })

  test.each<[string, Change, string]>([
    ['Processing', { incident: { progress: 'Processing' } }, '处理中'],
    ['Closed', { incident: { progress: 'Closed' } }, '已关闭'],
    ['put off', { incident: snoozed }, '已暂缓至 18:53'],
    ['put off, elsewhere', { incident: { ...snoozed, account_time_zone: 'America/New_York' } }, '已暂缓至 06:53'],
    ['put off, in English', { incident: snoozed, locale: 'en-US' }, 'Snoozed until 18:53'],
    ['put off until now', { incident: snoozed, snoozeOver: true }, '处理中'],
  ])('%s', (_state, change, word) => {
    expect(read(change).title).toContain(` ${word} · `)
  })

  test('lists the facts people know from Flashduty', () => {
    const responders = [
      { person_id: 1, person_name: '张三', acknowledged_at: T },
      { person_id: 2, person_name: '李四' },
      { person_id: 3 },
    ]
    const { markdown } = read({
      incident: {
        alert_cnt: 3,
        responders,
        labels: { resource: 'db-01', env: 'prod' },
        description: 'CPU **idle** 3 %',
      },
    })
    expect(markdown.split('\n\n')).toEqual([
      '**协作空间**：数据库',
      '**严重程度**：严重',
      '**触发时间**：2025-10-09 16:53:20',
      '**聚合告警**：3 条',
      '**处理人**：张三 ✓、李四、3',
      '**resource**：db-01',
      '---',
      'CPU **idle** 3 %',
    ])
  })

  test('leaves out what there is nothing to say about', () => {
    const { markdown } = read({ incident: { channel_name: '', description: '  ' } })
    expect(markdown.split('\n\n')).toEqual([
      '**严重程度**：严重',
      '**触发时间**：2025-10-09 16:53:20',
      '**处理人**：暂无',
    ])
  })

  test('says how long it took only once that is certain', () => {
    const over = { close_time: T + 5400 }
    expect(read({ incident: over }).markdown).not.toContain('持续时长')
    expect(read({ incident: { ...over, progress: 'Closed' } }).markdown).toContain('**持续时长**：1 小时 30 分钟')
    expect(read({ incident: { progress: 'Closed', end_time: T + 60 } }).markdown).toContain('**持续时长**：1 分钟')
    expect(read({ incident: { progress: 'Closed', close_time: T - 60 } }).markdown).not.toContain('持续时长')
  })

  test.each([
    ['Asia/Shanghai', '2025-10-09 16:53:20'],
    ['UTC', '2025-10-09 08:53:20'],
    ['America/New_York', '2025-10-09 04:53:20'],
    ['', '2025-10-09 16:53:20'],
    ['Mars/Olympus', '2025-10-09 16:53:20'],
  ])('times are told in the zone %j', (zone, expected) => {
    expect(read({ incident: { account_time_zone: zone } }).markdown).toContain(expected)
  })

  test('says who did the last thing', () => {
    const lastAct = { eventType: 'i_ack', personName: '张三', at: T }
    expect(read({ lastAct }).tips).toBe('张三 于 16:53 认领')
    expect(read({ lastAct, locale: 'en-US' }).tips).toBe('Acknowledged by 张三 at 16:53')
    expect(read({ lastAct: { ...lastAct, eventType: 'i_r_title' } }).tips).toBe('')
    expect(read().tips).toBe('')
  })

  test('a replaced card points to the newer message', () => {
    expect(read({ superseded: true }).tips).toBe('已更新，请见新消息')
    expect(read({ superseded: true, locale: 'en-US' }).tips).toContain('newer message')
  })

  test('a sentence for the presser takes the place of the last line and of nothing else', () => {
    const lastAct = { eventType: 'i_ack', personName: '张三', at: T }
    const plain = read({ lastAct })
    expect(read({ lastAct }, '操作成功').cardParamMap).toEqual({ ...plain.cardParamMap, tips: '操作成功' })
  })

  test('what wakes people says severity, title and channel', () => {
    expect(read().pushText).toBe('[严重] db-01 cpu.idle low · 数据库')
    expect(read({ prefix: 'REFIRE', locale: 'en-US', incident: { channel_name: '' } }).pushText).toBe(
      '[Critical] [REFIRE] db-01 cpu.idle low',
    )
  })

  test('the template is the vendor’s public one, and only its variables are sent', () => {
    expect(PUBLIC_TEMPLATE_ID).toBe('1366a1eb-bc54-4859-ac88-517c56a9acb1.schema')
    expect(Object.keys(read().cardParamMap).sort()).toEqual(['markdown', 'sys_full_json_obj', 'tips', 'title'])
  })
})

describe('texts from outside', () => {
  const evil = 'x\n# y\r\n<a atId=all>z</a>\t<font color=red>'

  test.each<[string, Record<string, unknown>]>([
    ['channel', { channel_name: evil }],
    ['responder', { responders: [{ person_id: 1, person_name: evil }] }],
    ['resource', { labels: { resource: evil } }],
  ])('a %s stays one line and mentions nobody', (_what, incident) => {
    const { markdown } = read({ incident })
    expect(markdown).not.toContain('<')
    expect(markdown).toContain('：x # y ＜a atId=all>z＜/a> ＜font color=red>')
  })

  test('a title is one line wherever it is shown', () => {
    const { title, pushText } = read({ incident: { title: 'a\n\n# b\tc' } })
    expect(title).toContain('a # b c')
    expect(pushText).toContain('a # b c')
    expect(`${title}${pushText}`).not.toMatch(/[\n\t]/)
  })

  test('long texts are cut between letters, and say so', () => {
    const family = '👨‍👩‍👧‍👦'
    const { title, pushText, markdown } = read({
      incident: { title: family.repeat(300), description: '描'.repeat(700) },
    })
    expect(title.endsWith(`${family}…`)).toBe(true)
    expect(title.split(family)).toHaveLength(200)
    expect(pushText.endsWith(`${family}…`)).toBe(true)
    expect(markdown.endsWith(`${'描'.repeat(599)}…`)).toBe(true)
  })

  test('what just fits is left alone', () => {
    const title = '标'.repeat(200)
    expect(read({ incident: { title } }).title.endsWith(title)).toBe(true)
    expect(read({ incident: { description: '👍🏽'.repeat(600) } }).markdown).not.toContain('…')
  })

  test('whatever an incident says stays below DingTalk’s 100 KB', () => {
    const many = 'ä̶̧'.repeat(20_000)
    const marks = `x${'\u0301'.repeat(200_000)}`
    for (const long of [many, marks]) {
      const { cardParamMap, pushText } = read({
        incident: {
          title: long,
          description: long,
          channel_name: long,
          labels: { resource: long },
          responders: Array.from({ length: 2_000 }, (_, id) => ({ person_id: id, person_name: '名字名字' })),
        },
        lastAct: { eventType: 'i_ack', personName: long, at: T },
      })
      expect(Buffer.byteLength(JSON.stringify(cardParamMap))).toBeLessThan(100_000)
      expect(pushText.length).toBeLessThan(2_000)
    }
  })
})

const anyText = fc.string({ unit: 'grapheme', maxLength: 300 })
const anyTime = fc.oneof(
  fc.constant(0),
  fc.integer({ min: T - 100_000, max: T + 100_000 }),
  fc.constant(253_402_300_799),
)
const anyFace: fc.Arbitrary<CardFace> = fc
  .record({
    incident: fc.record({
      title: anyText,
      description: anyText,
      channel_name: anyText,
      num: fc.constantFrom('', '0A1B2C'),
      incident_severity: fc.constantFrom('Critical', 'Warning', 'Info', 'Ok'),
      progress: fc.constantFrom('Triggered', 'Processing', 'Closed'),
      start_time: anyTime,
      close_time: anyTime,
      end_time: anyTime,
      snoozed_before: anyTime,
      updated_at: anyTime,
      detail_url: fc.constantFrom('', 'https://console.example/1'),
      account_time_zone: fc.constantFrom('', 'UTC', 'Asia/Shanghai', 'nowhere'),
      labels: fc.dictionary(fc.constantFrom('resource', 'env'), anyText),
      responders: fc.array(fc.record({ person_id: fc.nat(9), person_name: anyText, acknowledged_at: anyTime }), {
        maxLength: 4,
      }),
    }),
    rev: fc.nat(1_000),
    lastAct: fc.option(
      fc.record({ eventType: fc.constantFrom('i_ack', 'i_rslv', 'toString', ''), personName: anyText, at: anyTime }),
      { nil: undefined },
    ),
    snoozeOver: fc.boolean(),
    prefix: fc.constantFrom('', 'REFIRE', 'ESCALATE'),
    superseded: fc.boolean(),
    locale: fc.constantFrom('zh-CN', 'en-US'),
    snoozeMinutes: fc.uniqueArray(fc.integer({ min: 1, max: 1440 }), { maxLength: 3 }),
  })
  .map((face) => faceOf(face as Change))

describe('for any face', () => {
  test('drawing is repeatable, every value is text, and each button can be read back', () => {
    fc.assert(
      fc.property(anyFace, (face) => {
        const drawn = drawCard(face)
        expect(drawCard(structuredClone(face))).toEqual(drawn)
        for (const value of Object.values(drawn.cardParamMap)) expect(typeof value).toBe('string')
        expect(drawn.cardParamMap['title']).not.toBe('')
        const { msgButtons } = JSON.parse(drawn.cardParamMap['sys_full_json_obj'] ?? '') as { msgButtons: Button[] }
        expect(msgButtons.length).toBeLessThanOrEqual(6)
        for (const { id, request } of msgButtons) {
          if (request) expect(decodeButton(id ?? '')).toMatchObject({ revision: face.rev })
        }
      }),
    )
  })

  test('equal faces of different revisions have one hash', () => {
    fc.assert(
      fc.property(anyFace, fc.nat(1_000), (face, rev) => {
        expect(drawCard({ ...face, rev }).hash).toBe(drawCard(face).hash)
      }),
    )
  })

  test('whatever is visible changes the hash', () => {
    fc.assert(
      fc.property(anyFace, anyFace, (a, b) => {
        const visible = (face: CardFace) => drawCard({ ...face, rev: 0 }).cardParamMap
        const same = JSON.stringify(visible(a)) === JSON.stringify(visible(b))
        expect(drawCard(a).hash === drawCard(b).hash).toBe(same)
      }),
    )
  })
})
