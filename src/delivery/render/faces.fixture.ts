import fc from 'fast-check'

import type { CardFace } from '../../domain/card.ts'
import { AI_TEMPLATE_ID, PUBLIC_TEMPLATE_ID } from '../../domain/card-template.ts'
import { incidentOf } from '../../domain/incident.fixture.ts'
import type { Incident } from '../../domain/incident.ts'

export const T = 1_760_000_000 // 2025-10-09 08:53:20 UTC

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

export type FaceChange = Partial<Omit<CardFace, 'incident'>> & { incident?: Record<string, unknown> }

/** Rows stored by an earlier version hold texts of any length and times of any year, which are cut and left out now. */
function uncut(incident: Record<string, unknown> = {}) {
  const texts = Object.entries(incident).filter(
    ([key, value]) => (typeof value === 'string' && UNCUT.has(key)) || (typeof value === 'number' && key.includes('_')),
  )
  return {
    ...Object.fromEntries(texts),
    ...(incident['labels'] ? { labels: incident['labels'] as Incident['labels'] } : {}),
  }
}

const UNCUT = new Set(['title', 'description', 'impact', 'channel_name', 'num'])

/** The face of a fresh critical incident in Chinese on the vendor's template, changed as wanted. */
export function makeFace({ incident, ...change }: FaceChange = {}): CardFace {
  return {
    incident: { ...incidentOf({ ...INCIDENT, ...incident }), ...uncut(incident) },
    rev: 7,
    lastAct: undefined,
    snoozeOver: false,
    prefix: '',
    superseded: false,
    locale: 'zh-CN',
    snoozeMinutes: [120, 240, 720],
    customActions: [],
    templateId: PUBLIC_TEMPLATE_ID,
    rendered: undefined,
    flapping: false,
    inStorm: false,
    gone: false,
    plain: false,
    minimal: false,
    ...change,
  }
}

/** Pieces that texts from outside could be dangerous with, among any text whatever, halves of surrogate pairs included. */
const piece = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  {
    weight: 1,
    arbitrary: fc
      .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 })
      .map((units) => String.fromCharCode(...units)),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '<a atId=all>@all</a>',
      '&lt;a atId=user0001&gt;x&lt;/a&gt;',
      '&#60;a atId=user0001>',
      '&#x3C;font color=red>',
      '<font color="#C80000">',
      '</font>',
      '[认领](dtmd://dingtalkclient/sendMessage?content=ack)',
      '[x](https://a.example/b "t")',
      '![i](https://a.example/i.png)',
      '[![i](https://a.example/i.png)](https://a.example)',
      '[r]: dingtalk://x',
      '{"msgButtons":[{"text":"x","id":"ack~7","request":true}]}',
      '",{"text":"x","id":"ack~7","request":true}',
      '```\n',
      '~~~~\n',
      '`code`',
      '\n\n\n',
      '\r\n',
      '**',
      '# ',
      '👨‍👩‍👧‍👦',
      'x\u0301\u0301\u0301',
    ),
  },
)

/** @param scale how many pieces, and how often the whole is repeated: 1 = small */
export const anyText = (scale = 1): fc.Arbitrary<string> =>
  fc
    .tuple(fc.array(piece, { maxLength: 6 * scale }), fc.constantFrom(1, 1, 1, scale * 40))
    .map(([pieces, times]) => pieces.join('').repeat(times))

const anyTime = fc.constantFrom(0, T - 100, T, T + 5_000, 253_402_300_799)
const anyAddress = fc.oneof(
  fc.webUrl(),
  fc.constantFrom(
    '',
    'javascript:alert(1)',
    'dtmd://dingtalkclient/sendMessage?content=x',
    'https://x.example/(a)?b=<c>"',
  ),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constant(`https://x.example/${'('.repeat(900)}`),
)

/** Any face whatever: any state, any text, any template, any address. */
export function anyFace(scale = 1): fc.Arbitrary<CardFace> {
  const text = anyText(scale)
  const action = fc.record({ integrationId: fc.nat(9), name: text })
  const change = {
    incident: fc.record({
      title: text,
      description: text,
      impact: text,
      channel_name: text,
      num: fc.oneof(text, fc.constantFrom('', '0A1B2C')),
      incident_severity: fc.constantFrom('Critical', 'Warning', 'Info', 'Ok'),
      incident_status: fc.constantFrom(undefined, 'Critical', 'Ok'),
      progress: fc.constantFrom('Triggered', 'Processing', 'Closed'),
      start_time: anyTime,
      close_time: anyTime,
      end_time: anyTime,
      snoozed_before: anyTime,
      updated_at: anyTime,
      alert_cnt: fc.nat(9),
      detail_url: anyAddress,
      silence_url: anyAddress,
      account_time_zone: fc.constantFrom('', 'UTC', 'nowhere'),
      labels: fc.dictionary(fc.oneof(text, fc.constantFrom('resource', 'body_text', 'env')), text, {
        maxKeys: 6 * scale,
      }),
      images: fc.array(fc.record({ src: anyAddress, href: anyAddress, alt: text }), { maxLength: 4 * scale }),
      responders: fc.array(fc.record({ person_id: fc.nat(9), person_name: text, acknowledged_at: anyTime }), {
        maxLength: 4 * scale,
      }),
    }),
    rev: fc.nat(1_000),
    lastAct: fc.option(
      fc.record({ eventType: fc.constantFrom('i_ack', 'i_rslv', 'toString', ''), personName: text, at: anyTime }),
      { nil: undefined },
    ),
    snoozeOver: fc.boolean(),
    prefix: fc.oneof(fc.constantFrom('', 'REFIRE ×3'), text),
    superseded: fc.boolean(),
    locale: fc.constantFrom('zh-CN' as const, 'en-US' as const),
    snoozeMinutes: fc.uniqueArray(fc.integer({ min: 1, max: 1440 }), { maxLength: 3 }),
    customActions: fc.array(action, { maxLength: 5 }),
    templateId: fc.constantFrom(PUBLIC_TEMPLATE_ID, AI_TEMPLATE_ID, 'own.schema'),
    rendered: fc.option(
      fc.record({ title: fc.option(text, { nil: undefined }), body: fc.option(text, { nil: undefined }) }),
      {
        nil: undefined,
      },
    ),
    flapping: fc.boolean(),
    inStorm: fc.boolean(),
    plain: fc.boolean(),
    minimal: fc.boolean(),
  }
  return fc.record(change).map((face) => makeFace(face))
}

/** What the tests of rendering share; a file of tests, so that it is no part of the product. */
