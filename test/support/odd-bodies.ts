import type { IncidentEvent } from '../sandbox/flashduty/types.ts'
import { makeToken, post, type PostAnswer } from './bridge.ts'
import { composeIncident, withQueue } from './jobs.ts'
import { inGroup, type SharedScene } from './journey.ts'
import type { World } from './world.ts'

/** Posts to the webhook bridge of the scene with a token of its own, made at the first need. */
export function usePosts(scene: SharedScene): (body: unknown) => Promise<PostAnswer> {
  let token: Promise<{ token: string }> | undefined
  return async (body) => {
    token ??= makeToken(scene.world)
    return post(scene.app.url, body, { authorization: `Bearer ${(await token).token}` })
  }
}

/** A new incident for the group 数据库值班群 and 李四, who answers for it with 张三. */
export function composeAlert(world: World, fields: Parameters<typeof composeIncident>[1] = {}) {
  const { zhang, li } = world.people
  return composeIncident(world, {
    title: '怪异的告警',
    chats: [inGroup(world.groups.oncall)],
    personIds: [li.member.member_id],
    responderIds: [zhang.member.member_id, li.member.member_id],
    labels: { env: 'prod' },
    ...fields,
  })
}

/** The body with parts of it replaced; `undefined` takes a part away. */
export function changed(
  body: IncidentEvent,
  change: { incident?: Record<string, unknown>; delivery?: Record<string, unknown>; [key: string]: unknown },
): Record<string, unknown> {
  const { incident, delivery, ...rest } = change
  return JSON.parse(
    JSON.stringify({
      ...body,
      ...rest,
      incident: { ...body.incident, ...incident },
      ...(body.delivery || delivery ? { delivery: { ...body.delivery, ...delivery } } : {}),
    }),
  ) as Record<string, unknown>
}

type Part = { path: string; problem: string }

/** The parts that an answer says were left out. */
export function leftOutOf(answer: PostAnswer): Part[] {
  return answer.body['ignored'] as Part[]
}

/** A job that holds this text in place of a body, as another producer may have written it. */
export async function enqueueText(world: World, text: string): Promise<string> {
  const key = (id: string): string => `bull:flashduty-dingtalk-deliver:${id}`
  return withQueue(world, async (queue, redis) => {
    const job = await queue.add('text', {}, { delay: 3_600_000, attempts: 1 })
    const id = job.id ?? ''
    await redis.hset(key(id), 'data', text)
    await job.promote()
    return id
  })
}
