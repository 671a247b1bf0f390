import type { EventMode } from './integration.ts'

const WORDS: Record<EventMode, string> = { http: 'HTTP 推送', stream: 'Stream 模式推送' }

/** How events are to come, as DingTalk's console calls it, and when one last did. */
export function describeEventMode(mode: EventMode, lastAt: number | null | undefined): string {
  const when = lastAt === null || lastAt === undefined ? '尚未收到' : `最近一次 ${new Date(lastAt).toISOString()}`
  return `${WORDS[mode]}（${when}）`
}
