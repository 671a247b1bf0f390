import { randomUUID } from 'node:crypto'

import type { World } from './world.ts'

export const CARD_TOPIC = '/v1.0/card/instances/callback'

/** What DingTalk pushes for a press, with fields of the test's own. @returns the variables of the answer */
export async function pushPress(
  world: World,
  fields: Record<string, unknown>,
  buttonId = 'ack~1',
): Promise<Record<string, string>> {
  const { control, journal } = world.dingtalk
  const messageId = `raw-${randomUUID()}`
  const content = JSON.stringify({ cardPrivateData: { actionIds: [buttonId], params: { id: buttonId } } })
  const data = { corpId: world.dingtalkApp.corpId, type: 'actionCallback', userIdType: 1, content, ...fields }
  const frame = { type: 'CALLBACK', headers: { topic: CARD_TOPIC, messageId }, data: JSON.stringify(data) }
  const [connection] = control.connections(world.dingtalkApp.clientId)
  control.sendRaw(world.dingtalkApp.clientId, JSON.stringify(frame), connection)
  const reply = await journal.waitFor(
    'the answer to the press',
    (entry) => entry.type === 'frame-received' && entry.messageId === messageId,
  )
  if (reply.type !== 'frame-received') throw new Error('no reply')
  const body = reply.frame as { code: number; data: string }
  if (body.code !== 200) throw new Error(`answered with code ${body.code}`)
  const { response } = JSON.parse(body.data) as { response: { cardData: { cardParamMap: Record<string, string> } } }
  return response.cardData.cardParamMap
}
