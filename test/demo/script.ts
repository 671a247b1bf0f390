import type { DingTalkControl, RenderedCard } from '../sandbox/dingtalk/types.ts'
import { clientLink } from '../sandbox/chat/markdown.ts'
import { eventually } from '../support/eventually.ts'
import type { Person } from '../support/world.ts'
import { linkInBrowser } from './link-in-browser.ts'
import type { Stage } from './stage.ts'

/**
 * The whole story without a person: each step says what came true.
 * @throws Error at the first step that did not
 */
export async function playStory(stage: Stage, say: (line: string) => void): Promise<void> {
  const { world, fire } = stage
  const { control } = world.dingtalk
  const { zhang, li, wang } = world.people
  const { oncall, platform } = world.groups
  const everybody = [zhang, li, wang]

  const incident = await fire()
  const card = await eventually('a card for the incident', () => findCard(control, incident.incident_id))
  const places = await eventually('the card in both groups and both 1:1 chats', () => {
    const found = control.placementsOf(card)
    return Object.keys(found).length === 4 && found
  })
  check(
    Object.values(places).every((messages) => messages === 1),
    'one message in each place',
  )
  const fresh = viewOf(control, card, zhang)
  for (const part of [incident.title, '待处理', '🔴']) check(fresh.title.includes(part), `the title shows ${part}`)
  for (const part of ['严重', '数据库', '触发时间', '张三'])
    check(fresh.markdown.includes(part), `the body shows ${part}`)
  checkButtons(fresh, ['认领', '关闭', '查看详情', '快速静默', '刷新'])
  say(`Incident #${incident.num} is on one card in ${oncall.title}, ${platform.title} and two 1:1 chats.`)

  const acked = await press(control, card, li, '认领')
  check(acked.title.includes('处理中'), '李四 sees 处理中 at once')
  await eventually('处理中 and who, for every viewer', () =>
    everybody.every((person) => {
      const view = viewOf(control, card, person)
      return view.title.includes('处理中') && view.markdown.includes('李四 ✓') && view.tips.includes('李四')
    }),
  )
  check(world.flashduty.control.incident(incident.incident_id).progress === 'Processing', 'Flashduty says Processing')
  say('李四 presses 认领: the card says 处理中 and 李四, for every viewer, and so does Flashduty.')

  const refused = await press(control, card, wang, '暂缓 2 小时')
  check(refused.tips.includes('未关联应用'), '王五 is told 未关联应用')
  check(!viewOf(control, card, li).tips.includes('未关联应用'), 'nobody else is told')
  say(`王五, never linked, presses 暂缓 2 小时 and alone reads: ${refused.tips}`)

  const [first] = refused.buttons
  const address = first && 'url' in first ? clientLink(first.url) : undefined
  check(first?.text === '去关联' && address !== undefined, 'the first button is 去关联')
  const told = await linkInBrowser(world, wang, address ?? '')
  check(told.includes(`暂缓 2 小时 #${incident.num}：已完成`), 'the page says that it is done')
  await eventually('已暂缓 and who, for every viewer', () =>
    everybody.every((person) => {
      const view = viewOf(control, card, person)
      return view.title.includes('已暂缓至') && view.tips.includes('王五')
    }),
  )
  say(
    '王五 follows 去关联, logs in, links with one tap and confirms: the incident is snoozed, and everybody sees by whom.',
  )

  const closed = await press(control, card, zhang, '关闭')
  check(closed.title.includes('已关闭'), '张三 sees 已关闭 at once')
  await eventually('已关闭 for every viewer', () =>
    everybody.every((person) => viewOf(control, card, person).title.includes('已关闭')),
  )
  checkButtons(viewOf(control, card, li), ['查看详情', '快速静默', '刷新'])
  say('张三 presses 关闭: the card says 已关闭 for every viewer.')

  control.renameGroup(oncall.openConversationId, '数据库值班群（一线）')
  await eventually('the new name in `groups`', async () =>
    (await world.cli('groups', '--json')).out.includes('数据库值班群（一线）'),
  )
  say('A group is renamed in DingTalk: the daemon knows it by the new name.')

  control.uninstallCoolApp(platform.openConversationId, world.dingtalkApp.clientId)
  await eventually(
    'the group gone from `groups`',
    async () => !(await world.cli('groups', '--json')).out.includes(platform.openConversationId),
  )
  const second = await fire()
  const secondCard = await eventually('a card for the second incident', () => findCard(control, second.incident_id))
  await eventually('three places for the second card', () => Object.keys(control.placementsOf(secondCard)).length === 3)
  const records = JSON.parse((await world.cli('records', '--json', '--incident', second.incident_id)).out) as {
    target_id: string
    reason_code: string | null
  }[]
  check(
    records.some(
      (record) => record.target_id === platform.openConversationId && record.reason_code === 'COOL_APP_NOT_INSTALLED',
    ),
    'a record says why the other group got nothing',
  )
  say(`The cool app is removed from ${platform.title}: the next incident reaches the others, and a record says why.`)

  check(world.dingtalk.journal.of('violation').length === 0, 'DingTalk saw no frame out of order')
  check(world.dingtalk.control.cards().length === 2, 'two incidents made two card instances')
}

function findCard(control: DingTalkControl, incidentId: string): string | undefined {
  return control.cards().find((outTrackId) => outTrackId.includes(incidentId))
}

function viewOf(control: DingTalkControl, card: string, person: Person): RenderedCard {
  const view = control.view(card, person.user.userId)
  if (!view) throw new Error(`${person.user.name} does not see the card`)
  return view
}

async function press(control: DingTalkControl, card: string, person: Person, text: string): Promise<RenderedCard> {
  const button = viewOf(control, card, person).buttons.find((one) => one.text === text)
  if (!button || !('id' in button)) throw new Error(`${person.user.name} sees no button ${text}`)
  const result = await control.press({ outTrackId: card, userId: person.user.userId, buttonId: button.id })
  if (result.outcome === 'failed') throw new Error(`the press of ${text} failed: ${result.reason}`)
  return result.view
}

function checkButtons(view: RenderedCard, wanted: string[]): void {
  const shown = view.buttons.map((button) => button.text)
  check(wanted.join() === shown.join(), `the buttons are ${wanted.join('、')} (shown: ${shown.join('、')})`)
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`not so: ${what}`)
}
