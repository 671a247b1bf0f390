import { describe, expect, test } from 'vitest'

import { incidentOf } from '../../domain/incident.fixture.ts'
import type { StoredIncident } from '../../storage/incidents.ts'
import {
  lastActWords,
  pageTitle,
  shortName,
  standingWord,
  titleBesideNumber,
  toneOf,
  toneWord,
} from './incident-words.ts'
import { Moment, Running } from './times.tsx'

const T = 1_760_000_000 // 2025-10-09 08:53:20 UTC

function stored(incident: Record<string, unknown>, lastAct?: StoredIncident['lastAct']): StoredIncident {
  return {
    integrationId: 'one',
    incidentId: 'i1',
    rev: 1,
    version: { updatedAt: T, eventTime: T * 1_000, eventId: '' },
    incident: {
      ...incidentOf({
        incident_id: 'i1',
        title: 'db-01',
        incident_severity: 'Critical',
        progress: 'Processing',
        start_time: T,
        updated_at: T,
        ...incident,
      }),
      ...timesOf(incident),
    },
    poisoned: false,
    lastAct,
    snoozeOver: false,
    rendered: undefined,
    flapping: false,
    inStorm: false,
    gone: false,
    corpId: null,
  }
}

/** As an earlier version of the program stored them, whatever they are. */
function timesOf(incident: Record<string, unknown>) {
  return Object.fromEntries(Object.entries(incident).filter(([, value]) => typeof value === 'number'))
}

const html = (element: unknown): string => String(element)

describe('how long', () => {
  const running = (sinceS: number, nowS = T) =>
    html(<Running sinceS={sinceS} nowMs={nowS * 1_000} locale="zh-CN" />).replaceAll(/<[^>]*>/g, '')

  test.each<[string, number, string]>([
    ['since an hour', T - 3_600, '已持续 1 小时'],
    ['since now', T, '刚刚触发'],
    ['since a second from now, as another clock has it', T + 1, '刚刚触发'],
    ['since an hour from now', T + 3_600, ''],
    ['since ever', 0, ''],
    ['since a time in milliseconds', T * 1_000, ''],
  ])('%s', (_what, since, expected) => {
    expect(running(since)).toBe(expected)
  })
})

test('a moment nobody can mean is not shown', () => {
  expect(html(<Moment atMs={T * 1_000} zone="UTC" />)).toContain('>10-09 08:53<')
  for (const atMs of [0, 8_640_000_000_000_000, 9e15, Number.NaN]) expect(html(<Moment atMs={atMs} />)).toBe('')
})

test('acts and snoozes carry their date where it is another', () => {
  const act = (at: number) => lastActWords(stored({}, { eventType: 'i_ack', personName: '张三', at }), 'zh-CN')
  expect(act(T)).toBe('张三 于 16:53 认领')
  expect(act(T + 86_400)).toBe('张三 于 10-10 16:53 认领')
  expect(act(0)).toBe('')
  expect(standingWord(stored({ snoozed_before: T + 86_400 }), 'zh-CN')).toBe('已暂缓至 10-10 16:53')
  expect(standingWord(stored({ snoozed_before: 253_402_300_799 }), 'zh-CN')).toBe('已暂缓')
})

test('names are cut, and never empty', () => {
  const { incident } = stored({ title: 'x'.repeat(400_000), num: ' ' })
  expect(titleBesideNumber(incident, 'zh-CN')).toBe(`${'x'.repeat(199)}…`)
  expect(shortName(incident, 'zh-CN')).toBe(`${'x'.repeat(59)}…`)
  const untitled = { num: 'a\nb', title: ' \n\u200b', channel_name: '数据库' }
  expect(titleBesideNumber(untitled, 'en-US')).toBe('数据库')
  expect(pageTitle(untitled, 'en-US')).toBe('#a b 数据库')
  expect(pageTitle({ ...untitled, num: '', channel_name: '' }, 'en-US')).toBe('(no title)')
})

test('a severity is a class of the style sheet only where it is Flashduty’s', () => {
  expect(toneOf(stored({}))).toBe('Critical')
  const odd = stored({})
  Object.assign(odd.incident, { incident_severity: 'panel hidden' })
  expect(toneOf(odd)).toBe('')
  const over = stored({ progress: 'Closed', incident_status: 'Ok' })
  expect([toneOf(over), toneWord(over, 'zh-CN')]).toEqual(['Ok', '恢复'])
})
