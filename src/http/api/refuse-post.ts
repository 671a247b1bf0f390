import type { Context } from 'hono'

import { MAX_ADDRESS } from '../../domain/limits.ts'
import type { AddressOf } from '../client-address.ts'
import { type PostedIds, readIds } from './read-ids.ts'

/** A post of somebody with a right token that was not taken: an alert may be lost with it. */
export type RefusedPost = PostedIds & {
  status: 400 | 404 | 405 | 408 | 409 | 413 | 415
  /** Where it was sent. */
  path: string
  why: string
  address: string
  /** It is on record already. */
  recorded: boolean
}

export type RefusalDeps = {
  addressOf: AddressOf
  /** Tells whoever can mend it. Never fails. */
  noteRefused: (post: RefusedPost) => Promise<void>
}

/** @param text what came of its body */
export async function noteRefusal(
  c: Context,
  deps: RefusalDeps,
  { text, ...refusal }: Pick<RefusedPost, 'status' | 'why'> & { text: string; recorded?: boolean },
): Promise<void> {
  await deps.noteRefused({
    recorded: false,
    ...refusal,
    ...readIds(text),
    path: c.req.path.slice(0, MAX_ADDRESS),
    address: deps.addressOf(c),
  })
}
