import { afterAll, describe, expect, test } from 'vitest'

import { readMarkdown } from '../sandbox/dingtalk/card-markdown/read.ts'
import { composeIncident, enqueue } from '../support/jobs.ts'
import {
  buttonTexts,
  changeIntegration,
  expectSilence,
  inGroup,
  settledRecords,
  theCardOf,
  useScene,
  view,
} from '../support/journey.ts'
import { logIn, pageWith, pathOfPages } from '../support/pages.ts'

/** What people read on cards, in notifications and on pages is what was sent, letter by letter. */

const scene = useScene()
afterAll(() => expectSilence(scene.world, scene.app.lines))

const TEXT = ['磁盘 /data 使用率 97%，阈值 90%', '4*8G 内存，2*500G 磁盘；见 C:\\_tmp\\*.log', '<no value> & [OK]']
const HTML = `<p>${TEXT[0]}<br>4*8G 内存，2*500G 磁盘；见 C:\\_tmp\\*.log</p><p>&lt;no value&gt; &amp; [OK]</p>`
/** As both come to be read: no escape is documented. */
const READ = [TEXT[0], '4＊8G 内存，2＊500G 磁盘；见 C:\\_tmp\\＊.log', '＜no value> & ［OK］']

const LABELS: Record<string, string> = {
  resource: 'db-01',
  alert_name: 'cpu_idle',
  path: 'C:\\_tmp\\*',
  __init__: '[微笑] `x` &lt;',
}

const PERSON = { email: '', assigned_at: 1, acknowledged_at: 0 }
const RESPONDERS = [
  { ...PERSON, person_id: 901, person_name: '[微笑]' },
  { ...PERSON, person_id: 902, person_name: '李_四_' },
  { ...PERSON, person_id: 901, person_name: '[微笑]', acknowledged_at: 1_760_000_000 },
]

/** An alert with odd texts in every field, told to a group and to a person. */
async function tell(fields: Record<string, unknown>) {
  const { world } = scene
  const { zhang, li } = world.people
  const { incident, assigned } = await composeIncident(world, {
    chats: [inGroup(world.groups.oncall)],
    personIds: [zhang.member.member_id],
    delivery: { custom_actions: [{ integration_id: 7001, name: '重启 *db_1*' }] },
  })
  Object.assign(assigned.incident, {
    channel_name: '2*3*4',
    labels: LABELS,
    responders: RESPONDERS,
    ...fields,
  })
  await enqueue(world, assigned)
  await settledRecords(world, incident)
  const card = await theCardOf(world, incident)
  const pushed = world.dingtalk.control
    .conversationsOf(zhang.user.userId)
    .flatMap(({ messages }) => messages.map(({ content }) => content))
    .flatMap((content) => (content.kind === 'card' && content.outTrackId === card ? [content] : []))
  return {
    incident,
    number: `#${assigned.incident.num}`,
    pushed,
    seen: [view(world, card, zhang), view(world, card, li)],
  }
}

describe.each([
  ['as it was written', TEXT.join('\n')],
  ['in HTML', HTML],
])('a description %s', (_how, description) => {
  test('is read with its lines on the public template, and so is everything beside it', async () => {
    const { pushed, seen, incident, number } = await tell({ title: '\u200b\u3164', description })
    expect(seen[0]).toEqual(seen[1])
    const [card] = seen
    const started = expect.stringMatching(/^触发时间：\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
    const reading = readMarkdown(card?.markdown ?? '')
    expect(reading.lines).toEqual([
      '严重程度：严重',
      started,
      '协作空间：2*3*4',
      '处理人：[微笑] ✓、李_四_',
      ...READ,
      ...Object.entries(LABELS).map(([name, value]) => `${name}: ${value}`),
    ])
    expect(reading).toMatchObject({ links: [], images: [], emoticons: [], mentions: [], italic: [] })
    expect(reading.colors).toEqual([{ text: '严重', color: 'common_red1_color' }])
    // Nothing of the title can be seen.
    expect(card?.title).toBe(`🔴 待处理 · ${number} 2*3*4`)
    expect(seen.map(buttonTexts)).toEqual([
      expect.arrayContaining(['重启 *db_1*']),
      expect.arrayContaining(['重启 *db_1*']),
    ])
    expect(pushed).toHaveLength(2)
    for (const { alertContent, lastMessage } of pushed)
      expect([alertContent, lastMessage]).toEqual([`[严重] ${number} · 2*3*4`, `[严重] ${number} · 2*3*4`])
    // The page calls it by the same name.
    const { zhang } = scene.world.people
    const path = `${pathOfPages(scene)}/incident/${incident.incident_id}`
    await pageWith(await logIn(scene, zhang), path, `${number} 2*3*4`)
  })
})

test('an administrator’s own template has the same words in its rows', async () => {
  const { world } = scene
  const template = world.dingtalk.control.createTemplate(world.dingtalkApp.clientId)
  await changeIntegration(scene, '--template-id', template)
  const { seen, number, pushed } = await tell({
    title: '__init__ 2*3*4 <b>',
    description: TEXT.join('\n'),
    impact: '下单 <b>失败</b><br>退款 &lt;1%',
    incident_severity: '*P0*',
  })
  expect(seen[0]).toEqual(seen[1])
  expect(seen[0]).toMatchObject({ cardTemplateId: template, title: `🟠 待处理 · ${number} __init__ 2*3*4 <b>` })
  expect(seen[0]?.facts).toEqual([
    '协作空间：2*3*4',
    '严重程度：*P0*',
    expect.stringMatching(/^触发时间：/),
    '处理人：[微笑] ✓、李_四_',
    '影响：下单 失败\n退款 <1%',
  ])
  expect(readMarkdown(seen[0]?.markdown ?? '').lines).toEqual([
    ...READ,
    ...Object.entries(LABELS).map(([name, value]) => `${name}: ${value}`),
  ])
  for (const { alertContent } of pushed) expect(alertContent).toBe('[*P0*] __init__ 2*3*4 <b> · 2*3*4')
})
