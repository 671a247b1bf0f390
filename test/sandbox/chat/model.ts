import { ROBOT } from '../dingtalk/card-markdown/dialects.ts'
import type { Button, ChatMessage, Conversation, DingTalkControl, RenderedCard } from '../dingtalk/types.ts'
import { clientLink, plainHtml, toHtml } from './markdown.ts'

export type Colleague = { userId: string; name: string; note: string }

type DrawnButton = { text: string; color: string; id?: string; url?: string }

/** What the page draws for one message. */
export type DrawnMessage = { seq: number; at: number } & (
  | { kind: 'notice'; text: string }
  | { kind: 'text'; text: string }
  | { kind: 'article'; title: string; html: string; buttons: DrawnButton[] }
  | { kind: 'card'; card: string; title: string; facts: string[]; html: string; tips: string; buttons: DrawnButton[] }
  | { kind: 'lost-card' }
)

export type DrawnConversation = {
  id: string
  kind: Conversation['kind']
  title: string
  /** Names of who is in it. */
  members: string[]
  /** Whether the robot is in the group; always so in its 1:1 chat. */
  installed: boolean
  unread: number
  lastLine: string
  lastAt: number
  messages: DrawnMessage[]
}

export type ChatState = {
  viewer: string
  people: (Colleague & { unread: number })[]
  conversations: DrawnConversation[]
  online: boolean
}

/** What each colleague would see, read from the simulator each time; only what they have read is kept here. */
export class ChatModel {
  readonly #control: DingTalkControl
  readonly #people: Colleague[]
  readonly #clientId: string
  readonly #groups: string[]
  readonly #readUpTo = new Map<string, number>()

  constructor(control: DingTalkControl, options: { people: Colleague[]; clientId: string; groups: string[] }) {
    this.#control = control
    this.#people = options.people
    this.#clientId = options.clientId
    this.#groups = options.groups
  }

  state(wanted: string): ChatState {
    const viewer = this.#people.find((one) => one.userId === wanted)?.userId ?? this.#people[0]?.userId ?? ''
    return {
      viewer,
      people: this.#people.map((one) => ({ ...one, unread: this.#unreadOf(one.userId) })),
      conversations: this.#conversationsOf(viewer).map((conversation) => this.#draw(conversation, viewer)),
      online: this.#control.connections(this.#clientId).length > 0,
    }
  }

  markRead(viewer: string, conversationId: string): void {
    const conversation = this.#conversationsOf(viewer).find((one) => one.id === conversationId)
    this.#readUpTo.set(`${viewer} ${conversationId}`, conversation?.messages.at(-1)?.seq ?? 0)
  }

  /** The groups shown here that this person is in, then their own chat with the robot, which is never missing. */
  #conversationsOf(userId: string): Conversation[] {
    const all = this.#control.conversationsOf(userId)
    const robotId = `robot:${this.#clientId}:${userId}`
    const robot = all.find((one) => one.id === robotId) ?? { id: robotId, kind: 'robot', title: '', messages: [] }
    return [...all.filter((one) => this.#groups.includes(one.id)), { ...robot, title: 'Flashduty' }]
  }

  #draw(conversation: Conversation, viewer: string): DrawnConversation {
    const { id, kind, title, messages } = conversation
    const group = kind === 'group' ? this.#control.group(id) : undefined
    const last = messages.at(-1)
    return {
      id,
      kind,
      title,
      members: (group?.memberUserIds ?? [viewer]).map((userId) => this.#control.user(userId).name),
      installed: group?.coolApps.some((app) => app.clientId === this.#clientId) ?? true,
      unread: this.#unreadIn(conversation, viewer),
      lastLine: last === undefined ? '' : `${this.#calls(conversation, viewer) ? '[有人@我] ' : ''}${lastLineOf(last)}`,
      lastAt: last?.at ?? 0,
      messages: messages.map((message) => drawMessage(message, this.#viewOf(message, viewer))),
    }
  }

  #viewOf({ content }: ChatMessage, viewer: string): RenderedCard | undefined {
    return content.kind === 'card' ? this.#control.view(content.outTrackId, viewer) : undefined
  }

  /** Whether anything unread names this person. */
  #calls({ id, messages }: Conversation, userId: string): boolean {
    const readUpTo = this.#readUpTo.get(`${userId} ${id}`) ?? 0
    return messages.some(
      ({ seq, content }) => seq > readUpTo && content.kind === 'card' && content.mentions.includes(userId),
    )
  }

  #unreadOf(userId: string): number {
    return this.#conversationsOf(userId).reduce((sum, one) => sum + this.#unreadIn(one, userId), 0)
  }

  #unreadIn({ id, messages }: Conversation, userId: string): number {
    const readUpTo = this.#readUpTo.get(`${userId} ${id}`) ?? 0
    return messages.filter(({ seq, content }) => seq > readUpTo && content.kind !== 'notice').length
  }
}

function drawMessage({ seq, at, content }: ChatMessage, view: RenderedCard | undefined): DrawnMessage {
  if (content.kind === 'notice') return { seq, at, kind: 'notice', text: wordNotice(content.text) }
  if (content.kind === 'robot') return { seq, at, ...drawRobotMessage(content.msgKey, content.msgParam) }
  if (view === undefined) return { seq, at, kind: 'lost-card' }
  return {
    seq,
    at,
    kind: 'card',
    card: view.outTrackId,
    title: view.title,
    facts: view.facts,
    html: toHtml(view.markdown, { mentionable: view.mentions }),
    tips: view.tips,
    buttons: view.buttons.map(drawButton),
  }
}

/** The title of most forms is for the list of conversations only. */
function drawRobotMessage(msgKey: string, param: Record<string, string>) {
  if (msgKey === 'sampleText') return { kind: 'text', text: param['content'] ?? '' } as const
  const links = [
    { text: param['singleTitle'], url: param['singleURL'] },
    { text: msgKey === 'sampleLink' ? '打开链接' : undefined, url: param['messageUrl'] },
    ...[1, 2, 3, 4, 5].map((n) => ({
      text: param[`actionTitle${n}`] ?? param[`buttonTitle${n}`],
      url: param[`actionURL${n}`] ?? param[`buttonUrl${n}`],
    })),
  ]
  const buttons = links.flatMap(({ text, url }) => (text && url ? [drawButton({ text, url, color: 'blue' })] : []))
  const text = param['text'] ?? param['content'] ?? `[${msgKey}]`
  const title = msgKey === 'sampleLink' ? (param['title'] ?? '') : ''
  // "markdown格式的消息" are these forms' texts alone (D:robot-message-type).
  const html = /^sample(Markdown|ActionCard)/.test(msgKey) ? toHtml(text, { dialect: ROBOT }) : plainHtml(text)
  return { kind: 'article', title, html, buttons } as const
}

function drawButton(button: Button): DrawnButton {
  const { text, color } = button
  return 'id' in button ? { text, color, id: button.id } : { text, color, url: clientLink(button.url) ?? '' }
}

/** A client words the notices of the system in its own language; one it does not know stays as it is. */
function wordNotice(text: string): string {
  return text
    .replace(/ added the app's robot$/, ' 安装了酷应用，机器人已入群')
    .replace(/ removed the app's robot$/, ' 卸载了酷应用，机器人已退群')
    .replace(/ changed the group name to (.*)$/s, ' 将群名称修改为“$1”')
}

function lastLineOf({ content }: ChatMessage): string {
  if (content.kind === 'notice') return wordNotice(content.text)
  if (content.kind === 'card') return `Flashduty：${content.lastMessage === '' ? '[卡片]' : content.lastMessage}`
  return `Flashduty：${content.msgParam['title'] ?? content.msgParam['content'] ?? '[消息]'}`
}
