export type Button = { id: string; text: string; color: string } | { url: string; text: string; color: string }

/**
 * The card as one viewer's client would draw it: from the public Markdown-with-buttons template, or from one of the
 * app's own built by docs/card-template.md.
 */
export type RenderedCard = {
  outTrackId: string
  cardTemplateId: string
  title: string
  /** Rows of mere text, `name：value`; only a template of the app's own has them. */
  facts: string[]
  /** As it was sent: `readMarkdown` says what a person reads of it, given `mentions` as those whom it may mention. */
  markdown: string
  tips: string
  buttons: Button[]
  /** userIds of the people whom tags in `markdown` mention. */
  mentions: string[]
  /** Every variable that viewer has: public, then private, then what the answer to their own press changed. */
  data: Record<string, string>
}

export type ChatMessage = {
  /** Unique and growing. */
  seq: number
  /** Real clock, epoch ms. */
  at: number
  robotCode: string
  content:
    | {
        kind: 'card'
        outTrackId: string
        alertContent: string
        lastMessage: string
        /** userIds of the members whom this message notifies by name. */
        mentions: string[]
      }
    /** `mentions`: userIds, where it was sent to answer a message. */
    | { kind: 'robot'; msgKey: string; msgParam: Record<string, string>; mentions?: string[] }
    | { kind: 'notice'; text: string }
}

export type Conversation = {
  /** openConversationId of a group, `robot:<clientId>:<userId>` of a 1:1 chat with the robot. */
  id: string
  kind: 'group' | 'robot'
  title: string
  messages: ChatMessage[]
}

export type PressResult =
  | {
      outcome: 'answered'
      tookMs: number
      /** The `response` object the daemon returned (D 6.8), already applied to the presser's view. */
      response: unknown
      view: RenderedCard
    }
  /** What the client shows as a failed request: no connection, no reply inside the deadline, or a broken reply. */
  | { outcome: 'failed'; tookMs: number; reason: string }
