/**
 * The ways in which bots on real tenants found the pressed button named (D 6.7). Layouts decide it, so all occur:
 * `own-id` the button's own id in `actionIds`, with its params; `node` the id of a layout node there, the button's id in
 * `params.id`; `node-text` a layout node and nothing but the button's text; `index` the own id with the place of the button
 * in its loop behind it, params empty; `beside` a layout node, and the params beside `cardPrivateData`, with empty ones inside.
 */
export type PressManner = 'own-id' | 'node' | 'node-text' | 'index' | 'beside'

/** Durations in milliseconds. Real ones run on the real clock; those marked "virtual" are moved by `advance`. */
export type DingTalkSettings = {
  /** Reply deadline of an EVENT push. */
  eventDeadlineMs: number
  /** Deadline of an event push over HTTP, and the pauses before it is tried again; after the last it is parked. */
  httpEventDeadlineMs: number
  httpRetryDelaysMs: number[]
  /** How long a parked event can be fetched (virtual), and how many one call returns. */
  failedKeptMs: number
  failedPageSize: number
  /** Reply deadline of a card action push. */
  cardDeadlineMs: number
  /** Reply deadline of a robot message push. */
  robotDeadlineMs: number
  /** Pause before the one redelivery of a robot message that got no reply with code 200; the field has seen 16 s and 60 s. */
  robotRedeliveryDelayMs: number
  /** Pauses before each redelivery of an EVENT that was missed or answered LATER; after the last one it is dropped. */
  redeliveryDelaysMs: number[]
  /** Whether an ack with code 200 that says neither SUCCESS nor LATER asks for a redelivery; not documented (D 1.6). */
  strictAcks: boolean
  /** What the variables in the answer to a press do where it brings no `cardUpdateOptions` of its own. */
  answerWithoutOptions: 'merge' | 'replace'
  /** How presses name their button; `each-in-turn`: every press of a button that is drawn in the next manner. */
  pressManner: PressManner | 'each-in-turn'
  /** Pause between SYSTEM pings, and how long the echo may take. 0 = no pings. */
  systemPingMs: number
  systemPingReplyMs: number
  /** Silence between a SYSTEM disconnect and the close of the socket. */
  disconnectSilenceMs: number
  /** Virtual. */
  ticketTtlMs: number
  /** Virtual. */
  tokenTtlMs: number
  /** Virtual: how long a login code may wait. */
  codeTtlMs: number
  /** Calls per app and API in any one second; 0 = unlimited. */
  qpsPerApi: number
  /** Calls and pushes of the corporation in one month of the virtual clock; 0 = unlimited. */
  monthlyCalls: number
  monthlyPushes: number
  /** Least time between two PUTs of one card; 0 = not enforced. */
  cardUpdateSpacingMs: number
  /** Virtual. Age at which a connection is sent SYSTEM disconnect; 0 = never. Each ends up to the jitter's share earlier. */
  lifetimeMs: number
  lifetimeJitter: number
  /** Frames and pongs go out up to this much late, in order. */
  jitterMs: number
  /** A late or second reply blocks the connection's read loop: nothing that comes in is read, no ping is answered. */
  wedgeOnLateReply: boolean
  /** Live connections an app may have, 0 = any number, and where the next one is refused. */
  maxConnections: number
  refuseExtraAt: 'open' | 'handshake'
  /** Every second `connections/open` of an app answers an endpoint that has a query string, which no report shows. */
  endpointQuery: boolean
}
