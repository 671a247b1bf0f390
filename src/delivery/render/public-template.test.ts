import { describe, expect, test } from 'vitest'

import type { Overlay } from '../../domain/card.ts'
import { drawCard } from './draw.ts'
import { type FaceChange as Change, makeFace as faceOf, T } from './faces.fixture.ts'
import { PUBLIC_TEMPLATE_ID } from '../../domain/card-template.ts'

type Button = { text: string; id?: string; params?: { id: string }; request?: boolean; url?: string; iosUrl?: string }

function read(change?: Change, tips?: string) {
  const { cardParamMap, pushText, hash, notes, lastMessage } = drawCard(
    faceOf(change),
    tips === undefined ? undefined : { tips },
  )
  const { msgButtons } = JSON.parse(cardParamMap['sys_full_json_obj'] ?? '') as { msgButtons: Button[] }
  const { title = '', markdown = '', tips: line = '' } = cardParamMap
  return { cardParamMap, pushText, hash, notes, lastMessage, title, markdown, tips: line, buttons: msgButtons }
}

const DETAIL = 'https://console.example/incident/detail/1'
const SILENCE = 'https://console.example/channel/detail/1?tab=alertSuppression'
const texts = (change: Change): string[] => read(change).buttons.map((button) => button.text)
const snoozed = { progress: 'Processing', snoozed_before: T + 7200 }

describe('buttons', () => {
  test.each<[string, Change, string[]]>([
    ['Triggered', {}, ['认领', '关闭', '查看详情', '刷新']],
    [
      'Processing',
      { incident: { progress: 'Processing' } },
      ['暂缓 2 小时', '暂缓 4 小时', '暂缓 12 小时', '关闭', '取消认领', '查看详情'],
    ],
    ['put off', { incident: snoozed }, ['取消暂缓', '关闭', '查看详情', '刷新']],
    [
      'put off until now',
      { incident: snoozed, snoozeOver: true },
      ['暂缓 2 小时', '暂缓 4 小时', '暂缓 12 小时', '关闭', '取消认领', '查看详情'],
    ],
    ['Closed', { incident: { progress: 'Closed' } }, ['查看详情', '刷新']],
    ['that Flashduty does not know', { gone: true }, ['查看详情']],
    ['replaced by a newer message', { superseded: true }, ['查看详情']],
    ['Triggered, in English', { locale: 'en-US' }, ['Acknowledge', 'Close', 'Details', 'Refresh']],
    [
      'Processing, in English',
      { locale: 'en-US', incident: { progress: 'Processing' }, snoozeMinutes: [90] },
      ['Snooze 1 h 30 min', 'Close', 'Withdraw', 'Details', 'Refresh'],
    ],
    ['put off, in English', { locale: 'en-US', incident: snoozed }, ['Wake up', 'Close', 'Details', 'Refresh']],
    [
      'Triggered, with further pages',
      {
        incident: { silence_url: SILENCE },
        customActions: [1, 2, 3].map((id) => ({ integrationId: id, name: `动作 ${id}` })),
      },
      ['认领', '关闭', '查看详情', '快速静默', '动作 1', '动作 2'],
    ],
    [
      'Processing, without room for further pages',
      {
        incident: { progress: 'Processing', silence_url: SILENCE },
        customActions: [{ integrationId: 1, name: '重启' }],
      },
      ['暂缓 2 小时', '暂缓 4 小时', '暂缓 12 小时', '关闭', '取消认领', '查看详情'],
    ],
    [
      'Closed, with a silence page',
      { incident: { progress: 'Closed', silence_url: SILENCE } },
      ['查看详情', '快速静默', '刷新'],
    ],
    [
      'Triggered with addresses of no page',
      { incident: { detail_url: 'dtmd://x', silence_url: 'x' } },
      ['认领', '关闭', '刷新'],
    ],
    ['Triggered without a page', { incident: { detail_url: '' } }, ['认领', '关闭', '刷新']],
    ['Closed without a page', { incident: { progress: 'Closed', detail_url: '' } }, ['刷新']],
    [
      'Processing without presets',
      { incident: { progress: 'Processing' }, snoozeMinutes: [] },
      ['关闭', '取消认领', '查看详情', '刷新'],
    ],
  ])('of an incident %s', (_state, change, expected) => {
    expect(texts(change)).toEqual(expected)
  })

  test('a press is named twice over, and carries the revision it was drawn at', () => {
    const { buttons } = read({ incident: { progress: 'Processing' }, rev: 12 })
    const presses = buttons.filter((button) => button.request)
    expect(presses.map(({ id }) => id)).toEqual([
      'snooze.120~12~',
      'snooze.240~12~',
      'snooze.720~12~',
      'resolve~12~',
      'unack~12~',
    ])
    for (const { id, params } of presses) expect(params).toEqual({ id })
  })

  test('the page opens on phones and computers alike', () => {
    const detail = read().buttons.find(({ text }) => text === '查看详情')
    expect(detail).toMatchObject({ url: DETAIL, iosUrl: DETAIL })
    expect(detail).not.toHaveProperty('request')
  })

  test('custom actions are pressed like the others, by the number Flashduty knows them by', () => {
    const customActions = [1, 2, 3, 4].map((id) => ({ integrationId: 7_000 + id, name: `动作 ${id}` }))
    const { buttons } = read({ incident: { silence_url: SILENCE }, customActions, rev: 9 })
    expect(buttons.map(({ text, id, url }) => [text, id ?? url])).toEqual([
      ['认领', 'ack~9~'],
      ['关闭', 'resolve~9~'],
      ['查看详情', DETAIL],
      ['快速静默', SILENCE],
      ['动作 1', 'custom.7001~9~'],
      ['动作 2', 'custom.7002~9~'],
    ])
  })

  test('a way out for the presser comes first, and takes its room from pages, never from acts', () => {
    const draw = (lead: Overlay['lead'], change: Change = {}) => {
      const { cardParamMap } = drawCard(faceOf({ incident: { progress: 'Processing' }, ...change }), {
        tips: 'x',
        lead,
      })
      return (JSON.parse(cardParamMap['sys_full_json_obj'] ?? '') as { msgButtons: Button[] }).msgButtons
    }
    const link = { text: '去关联', url: 'dingtalk://dingtalkclient/page/link?url=x' }
    expect(draw(link)[0]).toMatchObject({ ...link, iosUrl: link.url, color: 'blue' })
    const acts = ['暂缓 2 小时', '暂缓 4 小时', '暂缓 12 小时', '关闭', '取消认领']
    expect(draw(link).map(({ text }) => text)).toEqual(['去关联', ...acts])
    expect(draw('detail').map(({ text }) => text)).toEqual(['查看详情', ...acts])
    expect(draw('detail', { superseded: true }).map(({ text }) => text)).toEqual(['查看详情'])
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

  test.each<[string, Record<string, unknown>, string]>([
    ['by its alerts', { incident_status: 'Ok' }, '🟢 已恢复'],
    ['by its alerts, of which only the time is known', { end_time: T }, '🟢 已恢复'],
    ['by somebody', { incident_status: 'Ok', closer: { person_id: 1, person_name: '张三' } }, '🔴 已关闭'],
    ['by somebody known by number', { incident_status: 'Ok', closer_id: 1 }, '🔴 已关闭'],
    ['while alerts go on', { incident_status: 'Critical', end_time: T }, '🔴 已关闭'],
    ['nobody knows how', {}, '🔴 已关闭'],
  ])('closed %s', (_how, incident, expected) => {
    expect(read({ incident: { ...incident, progress: 'Closed' } }).title).toContain(`${expected} · `)
  })

  test('says why it is told, and what is odd about it while it is open', () => {
    const change = { prefix: 'REFIRE ×3', flapping: true, inStorm: true }
    expect(read(change).title).toBe('🔴 待处理 · [REFIRE ×3] [告警风暴] [抖动] #0A1B2C db-01 cpu.idle low')
    expect(read({ ...change, locale: 'en-US' }).title).toContain('[REFIRE ×3] [alert storm] [flapping] #0A1B2C')
    expect(read({ ...change, incident: { progress: 'Closed' } }).title).toContain(' · [REFIRE ×3] #0A1B2C')
  })

  test('takes Flashduty’s own title and body where there are any, and none of them when it has to be plain', () => {
    const rendered = { title: 'INC db-01', body: '**down**' }
    expect(read({ rendered })).toMatchObject({ title: '🔴 待处理 · INC db-01', pushText: '[严重] INC db-01 · 数据库' })
    expect(read({ rendered }).markdown.endsWith('\n\n***\n\n**down**')).toBe(true)
    expect(read({ rendered, plain: true })).toMatchObject({ title: '🔴 待处理 · #0A1B2C db-01 cpu.idle low' })
    expect(read({ rendered, plain: true }).markdown).not.toContain('down')
  })

  test('names the impact where somebody wrote it down', () => {
    expect(read({ incident: { impact: '下单**失败**' } }).markdown).toContain('**影响**：下单**失败**')
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
      '**严重程度**：<font colorTokenV2=common_red1_color>严重</font>',
      '**触发时间**：2025-10-09 16:53:20',
      '**聚合告警**：3 条',
      '**处理人**：张三 ✓、李四、3',
      '***',
      'CPU **idle** 3 %',
      '```\nresource: db-01\nenv: prod\n```',
    ])
  })

  test('leaves out what there is nothing to say about', () => {
    const { markdown } = read({ incident: { channel_name: '', description: '  ' } })
    expect(markdown.split('\n\n')).toEqual([
      '**严重程度**：<font colorTokenV2=common_red1_color>严重</font>',
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
    ['UTC-5', '2025-10-09 03:53:20'],
    ['Mars/Olympus', '2025-10-09 16:53:20（Asia/Shanghai）'],
  ])('times are told in the zone %j', (zone, expected) => {
    expect(read({ incident: { account_time_zone: zone } }).markdown).toContain(expected)
  })

  test('says who did the last thing', () => {
    const lastAct = { eventType: 'i_ack', personName: '张三', at: T }
    expect(read({ lastAct }).tips).toBe('张三 于 16:53 认领')
    expect(read({ lastAct, locale: 'en-US' }).tips).toBe('Acknowledged by 张三 at 16:53')
    expect(read({ lastAct: { ...lastAct, eventType: 'i_r_title' } }).tips).toBe('')
    const custom = { ...lastAct, eventType: 'i_custom' }
    expect(read({ lastAct: { ...custom, what: '重启 <a>' } }).tips).toBe('张三 于 16:53 执行“重启 <a>”')
    expect(read({ lastAct: custom, locale: 'en-US' }).tips).toBe('Custom action run by 张三 at 16:53')
    expect(read().tips).toBe('')
  })

  test.each<[string, number, Record<string, unknown>, string]>([
    ['of the next day', T + 86_400, {}, '张三 于 10-10 16:53 认领'],
    ['of another year', T + 100 * 86_400, {}, '张三 于 2026-01-17 16:53 认领'],
    ['of another day there', T + 8 * 3_600, { account_time_zone: 'UTC+12' }, '张三 于 10-10 04:53 认领'],
    ['where nobody knows the first day', T, { start_time: 0 }, '张三 于 2025-10-09 16:53 认领'],
    ['that is unset', 0, {}, ''],
    ['in milliseconds', T * 1_000, {}, ''],
  ])('an act %s is told with its date, or not at all', (_what, at, incident, expected) => {
    expect(read({ lastAct: { eventType: 'i_ack', personName: '张三', at }, incident }).tips).toBe(expected)
  })

  test.each<[string, Record<string, unknown>, string]>([
    ['of the next day', { snoozed_before: T + 86_400 }, '已暂缓至 10-10 16:53'],
    ['of the next year', { snoozed_before: T + 100 * 86_400 }, '已暂缓至 2026-01-17 16:53'],
    ['of a first day that is unset', { snoozed_before: T + 7_200, start_time: 0 }, '已暂缓至 2025-10-09 18:53'],
    ['that nobody can mean', { snoozed_before: 253_402_300_799 }, '已暂缓'],
  ])('put off until a time %s', (_what, incident, word) => {
    expect(read({ incident: { ...incident, progress: 'Processing' } }).title).toContain(` ${word} · `)
  })

  test.each<[string, Record<string, unknown>]>([
    ['start', { start_time: 0 }],
    ['start long ago', { start_time: 1_000_000 }],
    ['start far ahead', { start_time: 4_200_000_000 }],
  ])('an impossible %s is not told, nor a length from it', (_what, incident) => {
    const { markdown } = read({ incident: { ...incident, progress: 'Closed', close_time: T + 60 } })
    expect(markdown).not.toMatch(/触发时间|持续时长|19\d\d-|21\d\d-/)
    const ended = read({ incident: { progress: 'Closed', close_time: 4_200_000_000 } }).markdown
    expect(ended).not.toContain('持续时长')
  })

  test('one whose title cannot be seen is called by number and channel', () => {
    for (const title of ['', '  \n', '\u0000', '\u200b\u3164']) {
      expect(read({ incident: { title } }).title).toBe('🔴 待处理 · #0A1B2C 数据库')
      expect(read({ incident: { title }, rendered: { title, body: undefined } }).pushText).toBe(
        '[严重] #0A1B2C · 数据库',
      )
      expect(read({ incident: { title, channel_name: '' } }).title).toBe('🔴 待处理 · #0A1B2C')
      expect(read({ incident: { title, num: ' ' } }).title).toBe('🔴 待处理 · 数据库')
      const nothing = { title, num: ' ', channel_name: title }
      expect(read({ incident: nothing, locale: 'en-US' }).title).toBe('🔴 Triggered · (no title)')
      expect(read({ incident: nothing }).lastMessage).toEqual({
        'zh-CN': '[严重] （无标题）',
        'en-US': '[Critical] (no title)',
      })
    }
    expect(read({ rendered: { title: ' ', body: undefined } }).title).toContain('#0A1B2C db-01 cpu.idle low')
  })

  test('words that are no Markdown are shown letter by letter, in a fence where they have signs', () => {
    const responders = [
      { person_id: 1, person_name: '__init__', acknowledged_at: 0 },
      { person_id: 2, person_name: '[微笑]' },
    ]
    const incident = { title: '2*3*4 <b> __x__', channel_name: 'C:\\_tmp\\*', responders, incident_severity: '*P1*' }
    const { title, pushText, markdown } = read({ incident, customActions: [{ integrationId: 1, name: '_a_ <b>' }] })
    expect(title).toBe('🟠 待处理 · #0A1B2C 2*3*4 <b> __x__')
    expect(pushText).toBe('[*P1*] 2*3*4 <b> __x__ · C:\\_tmp\\*')
    expect(markdown.split('\n\n').slice(1).join()).toBe(
      '```\n协作空间：C:\\_tmp\\*\n严重程度：*P1*\n处理人：__init__、[微笑]\n```',
    )
    expect(texts({ customActions: [{ integrationId: 1, name: '_a_ <b>' }] })).toContain('_a_ <b>')
  })

  test('a responder listed twice is shown once', () => {
    const responders = [
      { person_id: 1, person_name: '张三' },
      { person_id: 2, person_name: '李四' },
      { person_id: 1, person_name: '张三', acknowledged_at: T },
    ]
    expect(read({ incident: { responders } }).markdown).toContain('**处理人**：张三 ✓、李四')
  })

  test.each<[string, string]>([
    ['Critical', 'common_red1_color'],
    ['Warning', 'common_orange1_color'],
    ['Info', 'common_yellow1_color'],
    ['Ok', 'common_green1_color'],
  ])('%s has the colour %s', (severity, token) => {
    expect(read({ incident: { incident_severity: severity } }).markdown).toContain(`<font colorTokenV2=${token}>`)
  })

  test.each<[string, string]>([
    ['下单**失败**\n自 10:00 起', '**影响**：下单**失败**<br>自 10:00 起'],
    ['- a\n- b', '**影响**：\n\n* a\n* b'],
    ['# a', '**影响**：\n\n# a'],
    ['<p>a</p>b', '**影响**：\n\na\n\nb'],
    [' \u200b ', '**处理人**：暂无'],
  ])('the impact %j keeps its lines', (impact, expected) => {
    expect(read({ incident: { impact } }).markdown.endsWith(`\n\n${expected}`)).toBe(true)
  })

  test('a sentence names no button that is not drawn', () => {
    const sentence = (detail_url: string) =>
      drawCard(faceOf({ incident: { detail_url } }), { tips: ({ detail }) => `${detail}`, lead: 'detail' })
        .cardParamMap['tips']
    expect(sentence(DETAIL)).toBe('true')
    expect(sentence('')).toBe('false')
    expect(sentence(`https://a.example/${'x'.repeat(1_000)}`)).toBe('false')
    // 去关联 takes the last place.
    const lead = { text: '去关联', url: 'https://a.example/' }
    const face = faceOf({ incident: { progress: 'Processing' } })
    expect(drawCard(face, { tips: ({ detail }) => `${detail}`, lead }).cardParamMap['tips']).toBe('false')
  })

  test('a minimal one has the letters of its title, how bad, how far, and the buttons', () => {
    const change = {
      minimal: true,
      plain: true,
      prefix: '<x>',
      customActions: [{ integrationId: 1, name: 'x' }],
      rendered: { title: 'y', body: 'y' },
      lastAct: { eventType: 'i_ack', personName: 'z', at: T },
    }
    const drawn = read({ ...change, incident: { title: `**db** [x](y) ${'z'.repeat(300)}`, description: 'body' } })
    expect(drawn).toMatchObject({
      title: `🔴 待处理 · db x y ${'z'.repeat(93)}`,
      markdown: '**严重程度**：严重',
      tips: '',
    })
    expect(drawn.pushText).toBe(`[严重] db x y ${'z'.repeat(93)}`)
  })

  test('what Flashduty does not know any more is said so', () => {
    expect(read({ gone: true })).toMatchObject({ title: '🔴 已删除 · #0A1B2C db-01 cpu.idle low' })
    expect(read({ gone: true }).tips).toBe('故障不存在或已删除')
    expect(read({ gone: true }).pushText).toContain('[严重·已删除]')
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
    expect(read({ incident: { incident_severity: 'P1' } }).pushText).toBe('[P1] db-01 cpu.idle low · 数据库')
    expect(read({ incident: { incident_severity: '' } }).pushText).toBe('db-01 cpu.idle low · 数据库')
    expect(read({ incident: { incident_severity: '', progress: 'Closed' } }).pushText).toMatch(/^\[已关闭\] db-01/)
    expect(read({ inStorm: true, incident: { progress: 'Processing' } }).lastMessage).toEqual({
      'zh-CN': '[严重·处理中] [告警风暴] db-01 cpu.idle low · 数据库',
      'en-US': '[Critical·Processing] [alert storm] db-01 cpu.idle low · 数据库',
    })
  })

  test('the template is the vendor’s public one, and only its variables are sent', () => {
    expect(PUBLIC_TEMPLATE_ID).toBe('1366a1eb-bc54-4859-ac88-517c56a9acb1.schema')
    expect(Object.keys(read().cardParamMap).sort()).toEqual(['markdown', 'sys_full_json_obj', 'tips', 'title'])
  })
})

describe('texts from outside', () => {
  const evil = 'x\n# y\r\n<a atId=all>z</a>\t<font color=red>'

  test.each<[string, Record<string, unknown>, string]>([
    ['channel', { channel_name: evil }, '```\n协作空间：x # y <a atId=all>z</a> <font color=red>\n```'],
    [
      'responder',
      { responders: [{ person_id: 1, person_name: evil }] },
      '```\n处理人：x # y <a atId=all>z</a> <font color=red>\n```',
    ],
    ['resource', { labels: { resource: evil } }, '```\nresource:\nx\n# y\n<a atId=all>z</a>\t<font color=red>\n```'],
  ])('a %s stays inside its fence', (_what, incident, fence) => {
    const { markdown } = read({ incident })
    expect(markdown).toContain(fence)
    expect(markdown.replace(fence, '')).not.toMatch(/<a|<font color=/)
  })

  test('a title is one line wherever it is shown', () => {
    const { title, pushText } = read({ incident: { title: 'a\n\n# b\tc' } })
    expect(title).toContain('a # b c')
    expect(pushText).toContain('a # b c')
    expect(`${title}${pushText}`).not.toMatch(/[\n\t]/)
  })

  test('long texts are cut between letters, and say so', () => {
    const family = '👨‍👩‍👧‍👦'
    const { title, pushText, markdown, notes } = read({
      incident: { title: family.repeat(300), description: '描'.repeat(3_100) },
    })
    expect(title.endsWith(`${family}…`)).toBe(true)
    expect(title.split(family)).toHaveLength(200)
    expect(pushText.length).toBeLessThanOrEqual(200)
    expect(markdown).toContain(`\n\n${'描'.repeat(3_000)}\n\n内容过长，已截断`)
    expect(notes).toEqual(['CONTENT_TRUNCATED'])
  })

  test('what just fits is left alone', () => {
    const title = '标'.repeat(200)
    expect(read({ incident: { title } }).title.endsWith(title)).toBe(true)
    expect(read({ incident: { description: '👍🏽'.repeat(600) } }).markdown).not.toContain('…')
  })

  test('megabytes in every field are drawn in no time', () => {
    for (const piece of [' ', '](', 'x', '👨‍👩‍👧‍👦', '![[', '&lt', '\n']) {
      const long = piece.repeat(1_000_000 / piece.length)
      const startedAt = performance.now()
      const { title, markdown, tips } = read({
        prefix: long,
        rendered: { title: long, body: undefined },
        customActions: Array.from({ length: 50 }, () => ({ integrationId: 1, name: long })),
        lastAct: { eventType: 'i_custom', personName: long, what: long, at: T },
        incident: {
          title: long,
          num: long,
          description: long,
          impact: long,
          channel_name: long,
          account_time_zone: long,
          detail_url: long,
          labels: Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`l${index}`, long])),
          images: Array.from({ length: 500 }, () => ({
            src: `https://a.example/${'x'.repeat(900)}`,
            alt: long,
            href: long,
          })),
          responders: Array.from({ length: 900 }, (_, id) => ({ person_id: id, person_name: long })),
        },
      })
      expect(performance.now() - startedAt).toBeLessThan(3_000)
      expect(title.length + markdown.length + tips.length).toBeLessThan(40_000)
    }
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
