import type { JournalEntry } from '../dingtalk/types.ts'
import type { FlashdutyHappening } from '../flashduty/types.ts'

const KEPT = 80

export type FeedLine = {
  id: number
  at: number
  source: '钉钉' | 'Stream' | 'Flashduty'
  tone: 'good' | 'bad' | 'plain'
  text: string
  /** Status, time taken and the like. */
  aside: string
}

type Request = Extract<JournalEntry, { type: 'request' }>

/** The last things that happened between the three parties, one line each, oldest first. */
export class Feed {
  readonly lines: FeedLine[] = []
  readonly #nameOf: (memberId: number) => string
  readonly #pushed = new Map<string, string>()
  #id = 0

  constructor(nameOf: (memberId: number) => string) {
    this.#nameOf = nameOf
  }

  addDingTalk(entry: JournalEntry): void {
    switch (entry.type) {
      case 'request':
        this.#add(
          entry.at,
          '钉钉',
          entry.status < 400 ? 'good' : 'bad',
          entry.api === 'unknown' ? entry.path : entry.api,
          {
            aside: `${outcomeOf(entry)} · ${Math.round(entry.tookMs)} ms`,
          },
        )
        break
      case 'stream-open':
        this.#add(entry.at, 'Stream', 'good', '机器人已连接')
        break
      case 'stream-close':
        this.#add(entry.at, 'Stream', 'bad', '连接已断开', { aside: `${entry.code}` })
        break
      case 'frame-sent': {
        const what = describeFrame(entry.frame)
        if (what === undefined) break
        this.#pushed.set(entry.messageId, what)
        this.#add(entry.at, 'Stream', 'plain', `推送 ${what}`, {
          aside: entry.attempt > 1 ? `第 ${entry.attempt} 次` : '',
        })
        break
      }
      case 'frame-received': {
        const what = this.#pushed.get(entry.messageId)
        if (what === undefined) break
        this.#add(entry.at, 'Stream', 'good', `应答 ${what}`, { aside: `${Math.round(entry.tookMs)} ms` })
        break
      }
      case 'violation':
        this.#add(entry.at, 'Stream', 'bad', `异常应答 ${entry.reason}`)
        break
      case 'event-settled':
        if (entry.outcome === 'dropped') this.#add(entry.at, 'Stream', 'bad', `放弃推送 ${entry.eventType}`)
        break
      case 'message':
      case 'view':
        break
    }
  }

  addFlashduty(happening: FlashdutyHappening): void {
    if (happening.kind === 'event') {
      const { event } = happening
      const who = event.person === undefined ? '' : ` · ${event.person.person_name}`
      this.#add(event.event_time, 'Flashduty', 'plain', `事件 ${event.event_type}`, {
        aside: `#${event.incident.num}${who}`,
      })
      return
    }
    const { request } = happening
    if (request.status === 0) return
    const caller = request.member_id === undefined ? '' : ` · ${this.#nameOf(request.member_id)}`
    this.#add(request.at, 'Flashduty', request.status === 200 ? 'good' : 'bad', request.path, {
      aside: `${codeOf(request.answer) ?? request.status}${caller}`,
    })
  }

  #add(at: number, source: FeedLine['source'], tone: FeedLine['tone'], text: string, { aside } = { aside: '' }): void {
    this.#id += 1
    this.lines.push({ id: this.#id, at, source, tone, text, aside })
    if (this.lines.length > KEPT) this.lines.shift()
  }
}

function outcomeOf(request: Request): string {
  if (request.status === 0) return '无应答'
  const code = (request.answer as { code?: unknown } | null)?.code
  return typeof code === 'string' && request.status !== 200 ? `${request.status} ${code}` : `${request.status}`
}

function codeOf(answer: unknown): string | undefined {
  return (answer as { error?: { code?: string } } | undefined)?.error?.code
}

/** Undefined for the gateway's own pings and the like. */
function describeFrame(frame: unknown): string | undefined {
  const { type, headers } = frame as { type?: string; headers?: { topic?: string; eventType?: string } }
  if (type === 'EVENT') return headers?.eventType ?? '事件'
  if (type !== 'CALLBACK') return undefined
  if (headers?.topic === '/v1.0/card/instances/callback') return '卡片点击'
  return headers?.topic === '/v1.0/im/bot/messages/get' ? '机器人消息' : headers?.topic
}
