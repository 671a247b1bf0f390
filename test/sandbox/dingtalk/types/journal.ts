import type { ChatMessage, RenderedCard } from './conversations.ts'
import type { ApiName } from './faults.ts'

export type JournalEntry = { seq: number; /** real clock, epoch ms */ at: number } & (
  | {
      type: 'request'
      base: 'api' | 'oapi' | 'login'
      api: ApiName | 'unknown'
      method: string
      path: string
      headers: Record<string, string>
      body: unknown
      /** 0 when nothing was answered; `answer` is then what the call came to, or null when it was not done. */
      status: number
      answer: unknown
      tookMs: number
    }
  | { type: 'stream-open'; connectionId: string; clientId: string; subscriptions: { type: string; topic: string }[] }
  | { type: 'stream-close'; connectionId: string; code: number; by: 'client' | 'server' }
  | {
      type: 'frame-sent'
      connectionId: string
      messageId: string
      frame: unknown
      attempt: number
      businessId?: string
      /** It never left. */
      lost?: true
    }
  | { type: 'frame-received'; connectionId: string; messageId: string; frame: unknown; tookMs: number }
  /** Late or second replies, replies to unknown messageIds, frames that are not replies. */
  | { type: 'violation'; connectionId: string; messageId: string; reason: string; frame: unknown }
  /** An EVENT came to its end: acknowledged, or dropped after the last redelivery. */
  | {
      type: 'event-settled'
      clientId: string
      eventId: string
      eventType: string
      /** `parked`: it can be fetched for some minutes. */
      outcome: 'success' | 'dropped' | 'parked'
      attempts: number
    }
  /** A call of DingTalk's to an address of ours; `reason` says why it counts as failed. */
  | {
      type: 'http-push'
      clientId: string
      kind: 'check_url' | 'event' | 'card'
      /** 0 when nothing was answered in time. */
      status: number
      reason: string | undefined
      tookMs: number
      businessId?: string
      attempt?: number
    }
  | { type: 'message'; conversationId: string; message: ChatMessage }
  /** What one viewer sees after a change of the card; `cause` names what changed it. */
  | {
      type: 'view'
      outTrackId: string
      userId: string
      cause: 'create' | 'deliver' | 'put' | 'press-answer'
      card: RenderedCard
    }
)

export interface Journal {
  all(): readonly JournalEntry[]
  of<T extends JournalEntry['type']>(type: T): Extract<JournalEntry, { type: T }>[]
  /** Requests to one endpoint, oldest first. */
  requests(api: ApiName): Extract<JournalEntry, { type: 'request' }>[]
  subscribe(listener: (entry: JournalEntry) => void): () => void
  /** Drops what was kept so far, so that a long load does not fill the memory. */
  forget(): void
  /** First entry, past or coming, for which the predicate holds; rejects with the tail of the journal after the time. */
  waitFor(what: string, predicate: (entry: JournalEntry) => boolean, timeoutMs?: number): Promise<JournalEntry>
}
