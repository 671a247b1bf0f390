/** What a test, the demo or the chat window may ask of the stand-in for Flashduty. It shares no code with `src`. */

export type Member = {
  member_id: number
  member_name: string
  email: string
  status: 'enabled' | 'pending' | 'deleted'
  /** The member's APP Key: the Open API acts as this member. */
  app_key: string
  /** false = every viewing or acting call answers `NoLicense`. */
  licensed: boolean
  /** false = incident writes answer `AccessDenied`. */
  may_handle: boolean
}

export type Channel = { channel_id: number; channel_name: string }

export type Severity = 'Critical' | 'Warning' | 'Info'

/** The incident as the webhook and `/incident/info` carry it (F 1.3); times in Unix seconds. */
export type Incident = Record<string, unknown> & {
  incident_id: string
  num: string
  title: string
  incident_severity: Severity
  progress: 'Triggered' | 'Processing' | 'Closed'
  updated_at: number
}

/** The body of the incident webhook, and of the job in `flashduty-dingtalk-deliver` (F 2.1, contract A). */
export type IncidentEvent = {
  event_id: string
  event_time: number
  event_type: string
  person?: { person_id: number; person_name: string; email: string }
  incident: Incident
  delivery?: Record<string, unknown>
}

export type FlashdutyFault = {
  /** Path of the Open API call, e.g. `/incident/ack`. */
  path: string
  times?: number
  effect:
    | { kind: 'error'; status: number; code: string; message: string }
    | { kind: 'delay'; ms: number }
    | { kind: 'hang' }
    | { kind: 'apply-then-hang' }
    | { kind: 'apply-then-reset' }
}

export type FlashdutyRequest = {
  at: number
  path: string
  /** Whose key it was; undefined for an unknown key. */
  member_id: number | undefined
  body: unknown
  status: number
  answer: unknown
}

export interface FlashdutyControl {
  createMember(fields: Partial<Member> & { member_name: string }): Member
  createChannel(name: string): Channel
  member(memberId: number): Member
  incident(incidentId: string): Incident
  incidents(): Incident[]
  /**
   * A new incident: `i_new`, then `i_assign` with the `delivery` extension naming the targets, both sent out through
   * whatever sinks are on. Resolves once both have been handed over.
   */
  fireIncident(fields: {
    title: string
    severity?: Severity
    channelId: number
    responderIds?: number[]
    labels?: Record<string, string>
    description?: string
    /** Groups by openConversationId, with the per-group settings of contract A. */
    chats?: ({ chat_id: string } & Record<string, unknown>)[]
    personIds?: number[]
    /** Further keys of `delivery`. */
    delivery?: Record<string, unknown>
  }): Promise<Incident>
  /** Same acts as the Open API's, done by a person in the console (or by the system when no member is named). */
  act(
    incidentId: string,
    act: 'ack' | 'unack' | 'resolve' | 'wake' | 'reopen' | { snoozeMinutes: number } | { title: string },
    memberId?: number,
  ): Promise<Incident>
  /** The next event bodies are built but kept back; returns the function that hands them over (in any order you like). */
  holdEvents(): { held: IncidentEvent[]; release(order?: (held: IncidentEvent[]) => IncidentEvent[]): Promise<void> }
  /** Every event built so far, oldest first. */
  events(): readonly IncidentEvent[]
  /** Hands an event (any body) to the queue as Flashduty would; `jobId` defaults to `ev-<event_id>`. */
  enqueue(body: unknown, options?: { jobId?: string; attempts?: number }): Promise<string>
  addFault(fault: FlashdutyFault): void
  clearFaults(): void
  requests(): readonly FlashdutyRequest[]
}

export interface FlashdutySandbox {
  /** Stand-in for https://api.flashcat.cloud */
  apiUrl: string
  control: FlashdutyControl
  close(): Promise<void>
}

export type FlashdutySettings = {
  /** Where jobs are enqueued; absent = the queue sink is off. */
  redisUrl?: string
  redisPrefix?: string
  /** Where incident webhooks are posted; absent = off. */
  webhookUrl?: string
  webhookHeaders?: Record<string, string>
  /** `delivery.integration_id` of fired incidents; absent = not sent. */
  integrationId?: number
}
