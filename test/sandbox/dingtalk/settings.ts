import type { DingTalkSettings } from './types.ts'

/** The platform's published durations and limits; where it publishes none, the default the reference chose. */
const DEFAULTS: DingTalkSettings = {
  eventDeadlineMs: 3_000,
  httpEventDeadlineMs: 2_500,
  httpRetryDelaysMs: [10_000, 30_000],
  failedKeptMs: 300_000,
  failedPageSize: 200,
  cardDeadlineMs: 2_000,
  robotDeadlineMs: 2_000,
  robotRedeliveryDelayMs: 60_000,
  redeliveryDelaysMs: [10_000, 30_000],
  strictAcks: false,
  answerWithoutOptions: 'merge',
  pressManner: 'own-id',
  systemPingMs: 30_000,
  systemPingReplyMs: 5_000,
  disconnectSilenceMs: 10_000,
  ticketTtlMs: 90_000,
  tokenTtlMs: 7_200_000,
  codeTtlMs: 300_000,
  qpsPerApi: 20,
  monthlyCalls: 0,
  monthlyPushes: 0,
  cardUpdateSpacingMs: 0,
  lifetimeMs: 21_600_000,
  lifetimeJitter: 0.1,
  jitterMs: 0,
  wedgeOnLateReply: false,
  maxConnections: 0,
  refuseExtraAt: 'open',
  endpointQuery: false,
}

export function completeSettings(partial: Partial<DingTalkSettings>): DingTalkSettings {
  return { ...DEFAULTS, ...partial }
}
