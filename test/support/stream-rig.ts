import type { Deadlines } from '../../src/domain/deadlines.ts'
import type { Ack, InboundEvent } from '../../src/domain/inbound.ts'
import { AppError } from '../../src/errors.ts'
import { createLog } from '../../src/log.ts'
import { createOutbound, type Outbound } from '../../src/outbound.ts'
import type { ProxySettings } from '../../src/proxy.ts'
import { createRoom } from '../../src/room.ts'
import {
  type Connection,
  CONNECTION_SETTINGS,
  type ConnectionEvents,
  type ConnectionSettings,
  openConnection,
} from '../../src/stream/connection.ts'
import { ALWAYS_UP } from '../../src/event-loop.ts'
import { InFlight } from '../../src/lifecycle.ts'
import {
  type StreamSupervisor,
  superviseStream,
  SUPERVISOR_SETTINGS,
  type SupervisorSettings,
} from '../../src/stream/supervisor.ts'
import { startDingTalk } from '../sandbox/dingtalk/index.ts'
import type { App, DingTalkSandbox, DingTalkSettings, StreamFault } from '../sandbox/dingtalk/types.ts'
import { eventually } from './eventually.ts'
import { FAR_DEADLINES, PATIENT_DINGTALK } from './far-deadlines.ts'
import type { LogLine } from './world.ts'

/** Short pauses for tests; silence is judged some ten times as fast as in earnest. */
export const QUICK_PINGS = { pingMs: 120, suspectAfterMs: 700, deadAfterMs: 1_400 }
const QUICK: Partial<SupervisorSettings> = {
  backOffMinMs: 10,
  backOffMaxMs: 40,
  spacingMs: 0,
  firstAloneMs: 10,
  goodbyeMs: 200,
}

export type Supervised = StreamSupervisor & { lines: LogLine[]; gaps: number[]; logged(msg: string): LogLine[] }

export type SuperviseOptions = {
  app?: App
  apiUrl?: string
  connections?: number
  settings?: Partial<SupervisorSettings>
  connection?: Partial<ConnectionSettings>
  deadlines?: Partial<Deadlines>
  takeEvent?: (event: InboundEvent) => Promise<Ack>
}

/** One app at a DingTalk of its own, and whatever connects to it; `close` ends all of it. */
export type StreamRig = {
  sandbox: DingTalkSandbox
  app: App
  outbound: Outbound
  /** One bare connection. */
  open(options?: {
    settings?: Partial<ConnectionSettings>
    events?: Partial<ConnectionEvents>
    app?: App
    apiUrl?: string
  }): Promise<Connection>
  /** The supervisor, with two connections unless said otherwise. */
  supervise(options?: SuperviseOptions): Supervised
  inject(id: StreamFault['id'], fault?: Omit<StreamFault, 'id'>): void
  /** Calls of connections/open so far. */
  opens(): number
  /** Ids of the live connections. */
  live(): string[]
  /** A SYSTEM ping on every connection, and that each echoed it. */
  expectEcho(): Promise<void>
  violations(): unknown[]
  close(): Promise<void>
}

export async function openStreamRig(
  settings: Partial<DingTalkSettings> = {},
  proxy: ProxySettings = {},
): Promise<StreamRig> {
  const sandbox = await startDingTalk({
    systemPingMs: 0,
    redeliveryDelaysMs: [30, 30],
    disconnectSilenceMs: 200,
    ...PATIENT_DINGTALK,
    ...settings,
  })
  const app = sandbox.control.createApp()
  const outbound = createOutbound(proxy)
  const running: StreamSupervisor[] = []
  const opened: Connection[] = []
  const live = (): string[] => sandbox.control.connections(app.clientId)
  let pings = 0

  return {
    sandbox,
    app,
    outbound,
    async open(options = {}) {
      const connection = await openConnection(
        {
          app: options.app ?? app,
          apiUrl: options.apiUrl ?? sandbox.apiUrl,
          ...outbound,
          settings: { ...CONNECTION_SETTINGS, ...options.settings },
          eventLoop: ALWAYS_UP,
        },
        { onFrame: () => {}, onClose: () => {}, onSuspect: () => {}, onRecovered: () => {}, ...options.events },
      )
      opened.push(connection)
      return connection
    },
    supervise(options = {}) {
      const lines: LogLine[] = []
      const gaps: number[] = []
      const log = createLog('debug', { write: (line: string) => void lines.push(JSON.parse(line) as LogLine) })
      const stream = superviseStream({
        app: options.app ?? app,
        apiUrl: options.apiUrl ?? sandbox.apiUrl,
        ...outbound,
        log,
        connections: options.connections ?? 2,
        connection: { ...CONNECTION_SETTINGS, ...options.connection },
        settings: { ...SUPERVISOR_SETTINGS, ...QUICK, ...options.settings },
        deadlines: { ...FAR_DEADLINES, ...options.deadlines },
        eventLoop: ALWAYS_UP,
        nowMs: () => Date.now(),
        onRecovered: ({ goneMs }) => void gaps.push(goneMs),
        room: createRoom(
          {
            takeEvent: options.takeEvent ?? (async () => ({ status: 'SUCCESS', message: 'ok' })),
            answerPress: async () => ({ cardParamMap: {}, afterReply: () => {} }),
            takeMessage: async () => ({ status: 'SUCCESS', message: 'ok' }),
          },
          log,
          new InFlight(() => {}),
        ),
      })
      running.push(stream)
      return Object.assign(stream, { lines, gaps, logged: (msg: string) => lines.filter((line) => line.msg === msg) })
    },
    inject: (id, fault = {}) => sandbox.control.injectStreamFault({ id, clientId: app.clientId, ...fault }),
    opens: () => sandbox.journal.requests('connections/open').length,
    live,
    async expectEcho() {
      const wanted = live().length
      const messageId = `ping-${++pings}`
      const headers = { topic: 'ping', messageId, contentType: 'application/json' }
      sandbox.control.sendRaw(app.clientId, JSON.stringify({ type: 'SYSTEM', headers, data: '{"opaque":"x"}' }))
      await eventually('the echoes', () => {
        const echoes = sandbox.journal.of('frame-received').filter((entry) => entry.messageId === messageId)
        return echoes.length === wanted && wanted > 0
      })
    },
    violations: () => [...sandbox.journal.of('violation')],
    async close() {
      await Promise.all(running.splice(0).map((stream) => stream.stop()))
      for (const connection of opened.splice(0)) connection.terminate()
      await outbound.close()
      await sandbox.close()
    },
  }
}

/** Resolves when that many connections serve: all that are wanted unless said otherwise. */
export async function areOpen(stream: StreamSupervisor, count = stream.state().wanted) {
  await eventually(`${count} open connections`, () => stream.state().open === count)
}

export async function failureOf(work: Promise<unknown>): Promise<AppError> {
  const error: unknown = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  )
  if (!(error instanceof AppError)) throw new Error('expected an AppError', { cause: error })
  return error
}
