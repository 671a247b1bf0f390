/** What a test, the demo or the chat window may ask of the stand-in for Flashduty. It shares no code with `src`. */

export type Member = {
  member_id: number
  member_name: string
  email: string
  /** Full number, or '' for none; the Open API shows it masked. */
  phone: string
  /** `pending`: may ask who they are and nothing more. */
  status: 'enabled' | 'pending' | 'deleted'
  /** The member's APP Key: the Open API acts as this member. */
  app_key: string
  /** false = every viewing or acting call answers `NoLicense`. */
  licensed: boolean
  /** false = incident writes answer `AccessDenied`. */
  may_handle: boolean
  /** 集成中心查看: false = the history of webhooks answers `AccessDenied`. */
  may_see_integrations: boolean
  /** Of which account; absent = the one that everything else here belongs to. */
  account_id?: number
  /** The account owner may make keys for others. */
  is_owner: boolean
}

/** A key that the account owner made for a member. */
export type MadeKey = { key_id: string; key_name: string; key: string; member_id: number; enabled: boolean }

/** What runs a custom action behind the Open API: a text is what it says of its failure. */
export type CustomAction = { integrationId: number; name: string; outcome: 'ok' | { message: string } }

/** A press as the action queue carries it (F, contract B.2), and what Flashduty says of it. */
export type ActionJob = {
  action_id: string
  action: string
  incident_id: string
  person_id: number
  args: Record<string, unknown>
  clicked_at: number
  source: string
}
export type ActionResult = {
  action_id: string
  ok: boolean
  error?: { code: string; message: string }
  message?: string
  incident?: Incident
}

export type ActionConsumer = {
  /** Every job fetched so far. */
  taken: readonly ActionJob[]
  /** What is written instead of each result from now on: none, one or several. */
  answerWith(answer: (result: ActionResult) => unknown[]): void
  /** Writes any result. */
  tell(result: unknown): Promise<void>
  close(): Promise<void>
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
  /** Only calls whose body carries this text. */
  bodyContains?: string
  times?: number
  effect:
    | { kind: 'error'; status: number; code: string; message: string; headers?: Record<string, string> }
    | { kind: 'delay'; ms: number }
    /** Ask for this when the call arrives, wait until it resolves, then do the call and answer as usual. */
    | { kind: 'hold'; until: () => Promise<unknown> }
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
  /** 0 while nothing was answered. */
  status: number
  answer: unknown
}

/** One try to post an event to the webhook address; a 200 is the only success. */
export type WebhookPost = { at: number; event_id: string; attempt: 1 | 2; status: number; error: string | undefined }

/** One try to push a webhook, as `/webhook/history/list` tells it (people 7.2); times in ms. */
export type WebhookRow = {
  integration_id: number
  event_id: string
  webhook_type: string
  event_type: string
  channel_id?: number
  ref_id?: string
  /** What was pushed, as text. */
  request_body?: string
  endpoint: string
  attempt: number
  duration: number
  status: 'success' | 'failed'
  /** 0 = nobody answered. */
  status_code: number
  error_message?: string
  event_time: number
}

/** What happened, as it happens: a call was answered (or given up), an event was built. */
export type FlashdutyHappening =
  | { kind: 'request'; request: FlashdutyRequest }
  | { kind: 'event'; event: IncidentEvent }

export interface FlashdutyControl {
  createMember(fields: Partial<Member> & { member_name: string }): Member
  /** @param memberIds a private channel: all others are refused its incidents */
  createChannel(name: string, memberIds?: number[]): Channel
  /** The channel's escalation rule from now on: each layer with the webhooks it tells (F 4.6). @returns the rule's id */
  setRule(channelId: number, layers: { webhooks: { type: string; settings: Record<string, unknown> }[] }[]): string
  /** The member itself, not a copy: change its fields to change what it may do. */
  member(memberId: number): Member
  incident(incidentId: string): Incident
  incidents(): Incident[]
  /**
   * A new incident: `i_new`, then `i_assign` with the `delivery` extension naming the targets, both sent out through
   * whatever sinks are on. Resolves once both have been handed over. With neither `chats`, `personIds` nor `delivery`
   * the `i_assign` is a raw one, as a plain incident webhook sends it.
   */
  fireIncident(fields: {
    title: string
    severity?: Severity
    channelId: number
    /** Defaults to `personIds`. */
    responderIds?: number[]
    labels?: Record<string, string>
    description?: string
    /** Groups by openConversationId, with the per-group settings of contract A. */
    chats?: ({ chat_id: string } & Record<string, unknown>)[]
    personIds?: number[]
    /** Further keys of `delivery`. */
    delivery?: Record<string, unknown>
  }): Promise<Incident>
  /**
   * Same acts and state rules as the Open API's, done by a person in the console. Without a member it is the system:
   * it can only resolve (recovery) and retitle.
   */
  act(
    incidentId: string,
    act: 'ack' | 'unack' | 'resolve' | 'wake' | 'reopen' | { snoozeMinutes: number } | { title: string },
    memberId?: number,
  ): Promise<Incident>
  /**
   * Any other event about the incident, as it is after these fields of it have changed. With `delivery` it names the
   * targets of the incident, or those given here.
   */
  tell(
    incidentId: string,
    told: { event_type: string; incident?: Record<string, unknown>; delivery?: Record<string, unknown> },
    memberId?: number,
  ): Promise<Incident>
  /** Gone as after a merge that removes its sources: every call about it answers `ResourceNotFound`; no event. */
  deleteIncident(incidentId: string): void
  /** What the end of a snooze does, now: back to `Triggered`, assigned and notified again. */
  endSnooze(incidentId: string): Promise<Incident>
  /** The next event bodies are built but kept back; returns the function that hands them over (in any order you like). */
  holdEvents(): { held: IncidentEvent[]; release(order?: (held: IncidentEvent[]) => IncidentEvent[]): Promise<void> }
  /** Every event built so far, oldest first. */
  events(): readonly IncidentEvent[]
  /** Those of them that the queue has taken, or that a webhook was answered 200 for. */
  takenEvents(): readonly IncidentEvent[]
  /** Hands an event (any body) to the queue as Flashduty would; `jobId` defaults to `ev-<event_id>`. */
  enqueue(body: unknown, options?: { jobId?: string; attempts?: number }): Promise<string>
  /** `/incident/info` answers what this makes of the incident from now on, as other versions of Flashduty may; without it, as it is. */
  alterInfo(alter?: (incident: Incident) => unknown): void
  /** Acknowledging or closing wants a form filled in from now on; a bare call is refused with this text. */
  requireForms(forms: { ack?: string; close?: string }): void
  /** Of the channel pages: what `/incident/custom-action/do` knows, until set anew. */
  setCustomAction(action: CustomAction): void
  /** Each time one was run, whatever became of it. */
  customRuns(): readonly { integrationId: number; incidentId: string; memberId: number }[]
  /** Keys the owner made; set `enabled` to false and they stop working. */
  madeKeys(): readonly MadeKey[]
  /** false = a version of Flashduty without `/person/app-key/create`. */
  offerAppKeys(offered: boolean): void
  /** Begins to fetch from the action queue. */
  consumeActions(): Promise<ActionConsumer>
  addFault(fault: FlashdutyFault): void
  clearFaults(): void
  requests(): readonly FlashdutyRequest[]
  webhookPosts(): readonly WebhookPost[]
  /** From now on events go out by these ways alone. */
  sendBy(ways: { queue?: boolean; webhook?: { url: string; headers?: Record<string, string> } }): void
  /** Pushes any text to the webhook, as a template of somebody's own may make it. */
  pushRaw(text: string): Promise<void>
  /** Whatever the history of webhooks holds happened so much earlier. */
  ageWebhookHistory(ms: number): void
  /** Resolves once every event built so far was handed over or given up (held ones do not count). */
  idle(): Promise<void>
  subscribe(listener: (happening: FlashdutyHappening) => void): () => void
  /** First event, past or coming, for which the predicate holds; rejects with what there was instead. */
  waitForEvent(predicate: (event: IncidentEvent) => boolean, timeoutMs?: number): Promise<IncidentEvent>
  /** Same for calls of the Open API, looked at on arrival (`status` 0) and again when answered. */
  waitForRequest(predicate: (request: FlashdutyRequest) => boolean, timeoutMs?: number): Promise<FlashdutyRequest>
}

export interface FlashdutySandbox {
  /** Stand-in for https://api.flashcat.cloud; `detail_url` of an incident opens a bare console page on it. */
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
