import type { FaultBook } from './faults.ts'
import type { Connection } from './connection.ts'
import type { Gateway, PushFault } from './gateway.ts'
import type { EventPusher } from './events.ts'
import { newEventId, newMessageId } from './ids.ts'
import type { Fault, HandshakeFault, StreamFault } from './types.ts'
import type { World } from './world.ts'

type Deps = { faults: FaultBook; gateway: Gateway; events: EventPusher; world: World }

const answer = (status: number, body: unknown, contentType?: string): Fault['effect'] => ({
  kind: 'answer',
  status,
  body,
  ...(contentType === undefined ? {} : { contentType }),
})

const requestid = 'ED20A8B4-0000-7000-8000-000000000000'

/** Bodies as they were captured (D 1.2), where they were. */
const OPEN: Record<string, Fault['effect']> = {
  hang: { kind: 'hang' },
  '401': answer(401, { requestid, code: 'authFailed', message: '鉴权失败' }),
  '400-json': answer(400, { requestid, code: 'systemError', message: '系统错误' }),
  '400-html': answer(
    400,
    '<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>',
    'text/html',
  ),
  '503': answer(503, '<html>503</html>', 'text/html'),
  '403-qps': answer(403, { requestid, code: 'Forbidden.AccessDenied.QpsLimitForAppkeyAndApi', message: '触发限流' }),
  'empty-ticket': answer(200, { endpoint: 'wss://wss-open-connection.dingtalk.com:443/connect', ticket: '' }),
  xml: answer(200, '<?xml version="1.0" encoding="UTF-8"?><OpenConnectionResponse/>', 'application/xml'),
  slow: { kind: 'delay', ms: 3_000 },
  reset: { kind: 'reset' },
}

const HANDSHAKE: Record<string, HandshakeFault['effect']> = {
  hang: { kind: 'hang' },
  '401': { kind: 'refuse', status: 401 },
  '503': { kind: 'refuse', status: 503 },
  reset: { kind: 'reset' },
  'accept-then-close': { kind: 'accept-then-close' },
  'accept-then-silence': { kind: 'accept-then-silence' },
}

const SOCKET: Record<string, (connection: Connection) => void> = {
  'half-open': (connection) => connection.freeze(),
  'drop-inbound': (connection) => connection.break({ reading: true, pongs: true }),
  'drop-outbound': (connection) => connection.break({ sending: true, pongs: true }),
  'no-pong': (connection) => connection.break({ pongs: true }),
  zombie: (connection) => connection.break({ sending: true }),
  wedge: (connection) => connection.break({ reading: true, pongs: true }),
  'close-1006': (connection) => connection.cut(),
  'close-1000': (connection) => connection.close(1000),
  disconnect: (connection) => connection.leave(),
  'disconnect-then-close': (connection) => connection.leave(5),
  'disconnect-without-close': (connection) => connection.leave(Infinity),
}

/** What is sent as it stands; each may be answered once. */
const FRAME: Record<string, (messageId: string) => (string | Buffer | object)[]> = {
  'not-json': () => ['not JSON'],
  'no-headers': () => [{ specVersion: '1.0', type: 'EVENT', data: '{}' }],
  'no-message-id': () => [{ type: 'EVENT', headers: { topic: '*', eventType: 'x', eventId: 'e' }, data: '{}' }],
  'unknown-type': (messageId) => [{ type: 'NEWS', headers: { topic: '*', messageId }, data: '{}' }],
  'unknown-topic': (messageId) => [{ type: 'CALLBACK', headers: { topic: '/v9/nobody', messageId }, data: '{}' }],
  'data-not-string': (messageId) => [odd(messageId, 'chat_quit', { chatId: 'x' })],
  binary: () => [Buffer.from([0xff, 0x00, 0x7b, 0x22])],
  '300-kib': (messageId) => [odd(messageId, 'chat_quit', JSON.stringify({ chatId: 'x'.repeat(300 * 1024) }))],
  'numeric-time': (messageId) => {
    const frame = odd(messageId, 'chat_quit', '{"timeStamp":1769851697001}')
    return [{ ...frame, time: 1_769_851_697_756, headers: { ...frame.headers, time: 1_769_851_697_756 } }]
  },
  'upper-camel': (messageId) => [
    odd(messageId, 'chat_quit', JSON.stringify({ ChatId: 'x', OpenConversationId: 'cid==', TimeStamp: '1' })),
  ],
  'system-noise': (messageId) =>
    ['CONNECTED', 'KEEPALIVE', 'REGISTERED', 'weather'].map((topic) => ({
      type: 'SYSTEM',
      headers: { topic, messageId: `${messageId}-${topic}` },
    })),
}

function odd(messageId: string, eventType: string, data: unknown) {
  const headers = { topic: '*', messageId, contentType: 'application/json', eventType, eventId: `e-${messageId}` }
  return { specVersion: '1.0', type: 'EVENT', headers, data }
}

const DELIVERY: PushFault['kind'][] = [
  'duplicate-same-id',
  'duplicate-new-id',
  'reorder',
  'to-dead-connection',
  'lose-first',
  'lose-offline',
]

/** @throws when there is no such fault, or no app is named whose connections it is meant for */
export function injectStreamFault(deps: Deps, { id, clientId, connectionId, ...counted }: StreamFault): void {
  const { faults, gateway } = deps
  const [group = '', name = ''] = id.split('.')
  const ofApp = clientId === undefined ? {} : { clientId }
  const open = group === 'open' && Object.hasOwn(OPEN, name) ? OPEN[name] : undefined
  if (open) {
    const bodyContains = clientId === undefined ? {} : { bodyContains: `"${clientId}"` }
    return faults.add({ api: 'connections/open', effect: open, ...counted, ...bodyContains })
  }
  const handshake = group === 'handshake' && Object.hasOwn(HANDSHAKE, name) ? HANDSHAKE[name] : undefined
  if (handshake) return gateway.addHandshakeFault({ effect: handshake, ...counted, ...ofApp })
  const kind = group === 'delivery' ? DELIVERY.find((known) => known === name) : undefined
  if (kind) return gateway.addPushFault({ kind, ...counted, ...ofApp })

  const act = group === 'socket' && Object.hasOwn(SOCKET, name) ? SOCKET[name] : undefined
  const frames = group === 'frame' && Object.hasOwn(FRAME, name) ? FRAME[name] : undefined
  if (!act && !frames && id !== 'delivery.burst') throw new Error(`no Stream fault ${id}`)
  if (clientId === undefined) throw new Error(`${id} needs a clientId`)
  if (id === 'delivery.burst') return burst(deps, clientId, counted.times ?? 500)
  gateway.each(clientId, connectionId, (connection) => {
    act?.(connection)
    for (const raw of frames?.(newMessageId()) ?? []) {
      connection.sendRaw(typeof raw === 'string' || Buffer.isBuffer(raw) ? raw : JSON.stringify(raw))
    }
  })
}

function burst({ events, world }: Deps, clientId: string, count: number): void {
  const app = world.getApp(clientId)
  for (let index = 0; index < count; index++) {
    const data = JSON.stringify({ title: `burst ${index}`, openConversationId: 'cidBurst==', timeStamp: Date.now() })
    events.push([app], { eventType: 'chat_update_title', eventId: newEventId(), bornTime: Date.now(), data })
  }
}
