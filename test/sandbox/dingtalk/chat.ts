import { newOpenConversationId } from './ids.ts'
import type { MemoryJournal } from './journal.ts'
import type { ChatMessage, Conversation } from './types.ts'
import type { World } from './world.ts'

/** `recipients` = the only people who see the message; undefined = everybody in the conversation. */
type StoredMessage = { message: ChatMessage; recipients: string[] | undefined }

export function robotConversationId(clientId: string, userId: string): string {
  return `robot:${clientId}:${userId}`
}

/** The messages of every group and every 1:1 chat with a robot. */
export class Chat {
  #world: World
  #journal: MemoryJournal
  #messages = new Map<string, StoredMessage[]>()
  /** Per card, oldest first: under load every update asks for its viewers. */
  #cards = new Map<string, { conversationId: string; stored: StoredMessage }[]>()
  #wireIds = new Map<string, string>()
  #seq = 0

  constructor(world: World, journal: MemoryJournal) {
    this.#world = world
    this.#journal = journal
  }

  post(conversationId: string, robotCode: string, content: ChatMessage['content'], recipients?: string[]): void {
    this.#seq += 1
    const message: ChatMessage = { seq: this.#seq, at: Date.now(), robotCode, content }
    const stored = this.#messages.get(conversationId) ?? []
    const added = { message, recipients }
    stored.push(added)
    this.#messages.set(conversationId, stored)
    if (content.kind === 'card') {
      const shown = this.#cards.get(content.outTrackId) ?? []
      shown.push({ conversationId, stored: added })
      this.#cards.set(content.outTrackId, shown)
    }
    this.#journal.add({ type: 'message', conversationId, message })
  }

  conversationsOf(userId: string): Conversation[] {
    const groups = [...this.#world.groups.values()].filter((group) =>
      this.#people(group.openConversationId).has(userId),
    )
    const robots = [...this.#world.apps.keys()].filter((clientId) =>
      this.#messages.has(robotConversationId(clientId, userId)),
    )
    return [
      ...groups.map((group) => this.#conversation(group.openConversationId, 'group', group.title, userId)),
      ...robots.map((clientId) => this.#conversation(robotConversationId(clientId, userId), 'robot', clientId, userId)),
    ]
  }

  /** How many messages show the card, by conversation. */
  placementsOf(outTrackId: string): Record<string, number> {
    const counts: Record<string, number> = {}
    for (const { conversationId } of this.#cards.get(outTrackId) ?? []) {
      counts[conversationId] = (counts[conversationId] ?? 0) + 1
    }
    return counts
  }

  /** Everybody who has the card before their eyes, each with the first conversation they see it in. */
  viewersOf(outTrackId: string): Map<string, string> {
    const viewers = new Map<string, string>()
    for (const { conversationId, stored } of this.#cards.get(outTrackId) ?? []) {
      for (const userId of this.#people(conversationId)) {
        if (sees(stored, userId) && !viewers.has(userId)) viewers.set(userId, conversationId)
      }
    }
    return viewers
  }

  /** The `cid…` by which the platform knows the conversation; a 1:1 chat gets one when first asked. */
  wireId(conversationId: string): string {
    if (this.#world.groups.has(conversationId)) return conversationId
    const wireId = this.#wireIds.get(conversationId) ?? newOpenConversationId()
    this.#wireIds.set(conversationId, wireId)
    return wireId
  }

  #conversation(id: string, kind: Conversation['kind'], title: string, userId: string): Conversation {
    const messages = (this.#messages.get(id) ?? []).filter((stored) => sees(stored, userId))
    return { id, kind, title, messages: messages.map((stored) => stored.message) }
  }

  /** Nobody is in a disbanded group. */
  #people(conversationId: string): Set<string> {
    const group = this.#world.groups.get(conversationId)
    if (group) return new Set(group.disbanded ? [] : group.memberUserIds)
    return new Set(conversationId.split(':').slice(2))
  }
}

function sees({ recipients }: StoredMessage, userId: string): boolean {
  return recipients === undefined || recipients.includes(userId)
}
