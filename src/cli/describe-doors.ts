import { describeEventMode } from '../domain/event-mode.ts'
import { cardCallbackOf, cardCallbackUrl, type Integration, robotMessageUrl } from '../domain/integration.ts'
import { findCardRoute } from '../storage/card-routes.ts'
import { listHeard } from '../storage/doors.ts'
import type { Store } from './context.ts'

/** How events come and presses return, and when something last did. */
export type Doors = {
  events: { mode: 'stream' | 'http'; lastOverStream: number | null; lastOverHttp: number | null }
  stream: 'on' | 'off'
  /** Address for the robot's messages; null while the Stream brings them. */
  robotMessages: string | null
  cards: { callbackType: 'STREAM' | 'HTTP'; registered: boolean | null; problem: string | null }
}

export async function readDoors({ db, box, config }: Store, integration: Integration): Promise<Doors> {
  const heard = await listHeard(db.read, integration.id)
  const route = await findCardRoute(db.read, box, integration.id)
  const { publicUrl } = config.http
  const callbackType = cardCallbackOf(integration)
  const isRegistered = publicUrl !== undefined && route?.isRegistered(cardCallbackUrl(integration, publicUrl)) === true
  return {
    events: {
      mode: integration.eventMode,
      lastOverStream: heard.get('stream-event') ?? null,
      lastOverHttp: heard.get('http-event') ?? null,
    },
    stream: integration.streamOn ? 'on' : 'off',
    robotMessages: integration.streamOn || publicUrl === undefined ? null : robotMessageUrl(integration, publicUrl),
    cards: {
      callbackType,
      registered: callbackType === 'HTTP' ? isRegistered : null,
      problem: callbackType === 'HTTP' ? (route?.problem ?? null) : null,
    },
  }
}

export function describeDoors({ events, stream, robotMessages, cards }: Doors): string[] {
  const last = events.mode === 'http' ? events.lastOverHttp : events.lastOverStream
  const state = cards.registered === true ? '已注册' : `未注册${cards.problem === null ? '' : `：${cards.problem}`}`
  return [
    `事件接收方式        ${describeEventMode(events.mode, last)}`,
    `Stream 连接         ${stream === 'on' ? '开启' : '关闭'}`,
    ...(robotMessages === null ? [] : [`机器人消息接收地址  ${robotMessages}`]),
    `卡片按钮回调        ${cards.callbackType}${cards.callbackType === 'HTTP' ? `（${state}）` : ''}`,
  ]
}
