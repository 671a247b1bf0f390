import type { DingTalkSandbox } from '../dingtalk/types.ts'
import type { FlashdutySandbox } from '../flashduty/types.ts'
import { Feed } from './feed.ts'
import { ChatModel, type Colleague } from './model.ts'
import { ChatServer } from './server.ts'

export type ChatOptions = {
  dingtalk: DingTalkSandbox
  flashduty: FlashdutySandbox
  /** Who one can look on as; `note` is shown beside the name. */
  people: Colleague[]
  /** The app whose robot is talked about here. */
  clientId: string
  /** openConversationIds. */
  groups: string[]
  /** What the button 新故障 does. */
  fire: (kind?: string) => Promise<void>
  /** Default: any free one. */
  port?: number
}

/** One page on 127.0.0.1: the chat window of the simulated DingTalk, for people to look at and press on. */
export async function startChat(options: ChatOptions): Promise<{ url: string; close(): Promise<void> }> {
  const { dingtalk, flashduty, people, clientId, groups } = options
  const feed = new Feed((memberId) => flashduty.control.member(memberId).member_name)
  const model = new ChatModel(dingtalk.control, { people, clientId, groups })
  const { control } = dingtalk
  const server = new ChatServer({
    state: (viewer) => ({ ...model.state(viewer), feed: feed.lines }),
    acts: {
      read: ({ viewer, conversation }) => model.markRead(viewer, conversation),
      press: ({ viewer, card, button }) => control.press({ outTrackId: card, userId: viewer, buttonId: button }),
      fire: ({ kind }) => options.fire(kind === '' ? undefined : kind),
      rename: ({ viewer, group, title }) => control.renameGroup(group, title, { operator: viewer }),
      uninstall: ({ viewer, group }) => control.uninstallCoolApp(group, clientId, { operator: viewer }),
      install: ({ viewer, group }) => control.installCoolApp(group, clientId, { operator: viewer }),
    },
  })

  for (const entry of dingtalk.journal.all()) feed.addDingTalk(entry)
  const unsubscribe = [
    dingtalk.journal.subscribe((entry) => {
      feed.addDingTalk(entry)
      server.changed()
    }),
    flashduty.control.subscribe((happening) => {
      feed.addFlashduty(happening)
      server.changed()
    }),
  ]
  const url = await server.listen(options.port ?? 0)
  return {
    url,
    close: async () => {
      for (const stop of unsubscribe) stop()
      await server.close()
    },
  }
}
