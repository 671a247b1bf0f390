import { eventually } from '../support/eventually.ts'
import type { World } from '../support/world.ts'
import { type Finding, quantile } from './metrics.ts'
import { setStage, type Stage } from './stage.ts'

const INCIDENTS = 500
/** Each presses every card once. */
const PEOPLE = 20
/** 10,000 presses in 60 s. */
const PER_SECOND = 10_000 / 60
const DEADLINE_MS = 2_000

/** People press faster than anybody ever will, once with a Flashduty that answers and once with one that never does. */
export async function presses(settings: { incidents: number | undefined }): Promise<Finding[]> {
  const healthy = await run(settings.incidents ?? INCIDENTS, false)
  const hung = await run(settings.incidents ?? INCIDENTS, true)
  const inTime = ({ tookMs }: Run) => tookMs.filter((ms) => ms <= DEADLINE_MS).length / tookMs.length
  const finding = (name: string, { tookMs }: Run, share: number): Finding => ({
    metric: `press.${name}`,
    unit: 'ms',
    values: [quantile(tookMs, share)],
  })
  return [
    { metric: 'press.presses', unit: 'presses', values: [healthy.tookMs.length, hung.tookMs.length] },
    { metric: 'press.answered_share_2s', unit: '', values: [inTime(healthy), inTime(hung)] },
    finding('answer_ms.p50', healthy, 0.5),
    finding('answer_ms.p99', healthy, 0.99),
    finding('hung.answer_ms.p50', hung, 0.5),
    finding('hung.answer_ms.p99', hung, 0.99),
    { metric: 'press.done_share', unit: '', values: [healthy.doneShare] },
  ]
}

/** `tookMs` ascending; Infinity for a press without an answer. */
type Run = { tookMs: number[]; doneShare: number }

async function run(size: number, isHung: boolean): Promise<Run> {
  const stage = await setStage({ qps: 0, unpaced: true })
  try {
    const { world } = stage
    const userIds = await linkPeople(world)
    const cards = await showCards(stage, size)
    if (isHung) {
      world.flashduty.control.addFault({ path: '/incident/ack', times: Infinity, effect: { kind: 'hang' } })
    }
    const answers: Promise<number>[] = []
    const startedAt = performance.now()
    const total = cards.length * userIds.length
    while (answers.length < total) {
      const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1_000) * PER_SECOND))
      while (answers.length < due) {
        const index = answers.length
        const userId = userIds[Math.floor(index / cards.length)] ?? ''
        answers.push(timePress(world, cards[index % cards.length] ?? '', userId))
      }
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    const tookMs = (await Promise.all(answers)).sort((a, b) => a - b)
    if (!isHung) {
      const pending = `select count(*) as count from clicks where status = 'pending'`
      await eventually('every click is carried out', () => stage.count(pending) === 0, 60_000)
    }
    const done = stage.count(`select count(*) as count from clicks where status = 'done'`)
    return { tookMs, doneShare: done / total }
  } finally {
    await stage.close()
  }
}

async function linkPeople(world: World): Promise<string[]> {
  const userIds: string[] = []
  for (let index = 1; index <= PEOPLE; index++) {
    const { userId } = world.dingtalk.control.createUser({ name: `值班 ${index}` })
    const member = world.flashduty.control.createMember({ member_name: `值班 ${index}` })
    const link = ['--dingtalk-user', userId, '--member', String(member.member_id), '--member-key', member.app_key]
    const { code, err } = await world.cli('links', 'add', ...link)
    if (code !== 0) throw new Error(err)
    userIds.push(userId)
  }
  return userIds
}

async function showCards(stage: Stage, size: number): Promise<string[]> {
  const { world } = stage
  const [group] = await stage.addGroups(1)
  if (!group) throw new Error('there is no group')
  for (let index = 1; index <= size; index++) {
    const chats = [{ chat_id: group.openConversationId }]
    await world.flashduty.control.fireIncident({ title: `压测 ${index}`, channelId: world.channelId, chats })
  }
  await eventually('every card is there', () => world.dingtalk.control.cards().length >= size, 120_000)
  return world.dingtalk.control.cards()
}

/** The person acknowledges too, with the button as it is drawn at that moment. */
async function timePress(world: World, outTrackId: string, userId: string): Promise<number> {
  const { control } = world.dingtalk
  const drawn = control.view(outTrackId, world.people.zhang.user.userId)?.buttons.find((button) => 'id' in button)
  const revision = drawn && 'id' in drawn ? drawn.id.split('~')[1] : '1'
  const pressed = await control.press({ outTrackId, userId, buttonId: `ack~${revision}`, force: true })
  return pressed.outcome === 'answered' ? pressed.tookMs : Infinity
}

/** 张三 presses the button of that text on the incident's one card, and is answered. */
export async function expectAnswered(world: World, incidentId: string, text: string): Promise<void> {
  const { control } = world.dingtalk
  const { userId } = world.people.zhang.user
  const outTrackId = control.cards().find((card) => card.includes(incidentId)) ?? ''
  const button = control.view(outTrackId, userId)?.buttons.find((one) => one.text === text && 'id' in one)
  if (!button || !('id' in button)) throw new Error(`there is no button ${text} on ${outTrackId}`)
  const pressed = await control.press({ outTrackId, userId, buttonId: button.id })
  if (pressed.outcome === 'failed') throw new Error(`the press failed: ${pressed.reason}`)
}
