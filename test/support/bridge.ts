import { readDatabase } from './database.ts'
import type { World } from './world.ts'

export type PostAnswer = { status: number; headers: Headers; body: Record<string, unknown> }

/** A token as `token api` (or `token admin`) prints it. */
export async function makeToken(world: World, kind: 'api' | 'admin' = 'api'): Promise<{ id: string; token: string }> {
  const made = await world.cli('token', kind, '--name', 'Flashduty webhook', '--json')
  if (made.code !== 0) throw new Error(made.err)
  return JSON.parse(made.out) as { id: string; token: string }
}

/** Posts to the bridge as Flashduty's webhook does; a text goes as it stands. */
export async function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<PostAnswer> {
  const answer = await fetch(`${url}/api/v1/deliver`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  const text = await answer.text()
  return { status: answer.status, headers: answer.headers, body: JSON.parse(text) as PostAnswer['body'] }
}

export type InboxRow = { source: string; id: string; received_at: number; payload: string | null }

/** Rows of the inbox about an event. */
export function inboxOf(world: World, eventId: string): InboxRow[] {
  return readDatabase<InboxRow>(world, 'select * from inbox where id = ? order by source', eventId)
}
