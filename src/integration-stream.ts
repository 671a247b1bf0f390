import type { Integration } from './domain/integration.ts'
import type { Room } from './room.ts'
import type { StreamState } from './stream/stream-watch.ts'
import { type StreamSupervisor, superviseStream, type SupervisorDeps } from './stream/supervisor.ts'

/** Who is told what comes by the Stream. */
export type Listener = Required<Pick<SupervisorDeps, 'onRecovered'>> & { room: Room }

/** What makes other connections necessary; whatever else an integration is changed in concerns those who listen. */
type Line = Pick<Integration, 'clientId' | 'clientSecret' | 'connections'>

/** An integration's connections. They outlive a change that does not concern them, and have one listener at a time. */
export class IntegrationStream {
  readonly #line: Line
  readonly #supervisor: StreamSupervisor
  #listener: Listener

  constructor(deps: Omit<SupervisorDeps, 'app' | 'connections' | keyof Listener>, line: Line, listener: Listener) {
    const { clientId, clientSecret, connections } = line
    this.#line = { clientId, clientSecret, connections }
    this.#listener = listener
    this.#supervisor = superviseStream({
      ...deps,
      app: { clientId, clientSecret },
      connections,
      onRecovered: (gap) => this.#listener.onRecovered?.(gap),
      room: {
        takeEvent: (event, left) => this.#listener.room.takeEvent(event, left),
        answerPress: (press, left) => this.#listener.room.answerPress(press, left),
        takeMessage: (message, left) => this.#listener.room.takeMessage(message, left),
        late: () => this.#listener.room.late(),
      },
    })
  }

  /** Whether the integration, as it is now, would open the same connections. */
  fits({ clientId, clientSecret, connections, streamOn }: Line & Pick<Integration, 'streamOn'>): boolean {
    const line = this.#line
    return (
      streamOn && clientId === line.clientId && clientSecret === line.clientSecret && connections === line.connections
    )
  }

  /** From now on frames go to this one alone; the former finishes what it has under way. */
  handTo(listener: Listener): void {
    this.#listener = listener
  }

  state(): StreamState {
    return this.#supervisor.state()
  }

  settled(signal: AbortSignal): Promise<void> {
    return this.#supervisor.settled(signal)
  }

  /** Does nothing once it was handed to another one. */
  async stopFor(listener: Listener): Promise<void> {
    if (listener === this.#listener) await this.#supervisor.stop()
  }
}
