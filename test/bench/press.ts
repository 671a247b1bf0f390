import type { World } from '../support/world.ts'

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
