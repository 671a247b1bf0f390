import type { Hono } from 'hono'

import { readMessage, readObject } from '../domain/inbound.ts'
import { isRobotSignature } from '../domain/robot-signature.ts'
import { admitCallback, type CallbackDeps } from './callback-target.ts'

export const ROBOT_PATH = '/robot/push/dingtalk'

/** As over the Stream. */
const ANSWER_WITHIN_MS = 1_850

/**
 * `POST /robot/push/dingtalk?integration_key=SECRET`: what a person wrote to the robot, for installations without a
 * Stream. Nothing is said in return; what it tells of its group is as good as over the Stream.
 */
export function addRobotPushRoute(app: Hono, deps: CallbackDeps): void {
  app.post(ROBOT_PATH, async (c) => {
    const admitted = await admitCallback(c, deps)
    if (admitted instanceof Response) return admitted
    const { integration, room, text, startedAt } = admitted
    const signed = { timestamp: c.req.header('timestamp'), sign: c.req.header('sign') }
    if (!isRobotSignature(integration.clientSecret, signed, deps.nowMs())) {
      deps.log.warn({ integrationId: integration.id }, 'robot-push-refused')
      return c.json({ error: 'REFUSED' }, 403)
    }
    const body = readObject(text)
    const message = body && readMessage(body)
    if (!message) {
      // Genuine, and no more readable the next time.
      deps.log.warn({ integrationId: integration.id }, 'robot-push-unreadable')
      return c.json({})
    }
    const ms = Math.max(50, ANSWER_WITHIN_MS - (performance.now() - startedAt))
    const ack = await room.takeMessage(message, { ms })
    return ack.status === 'SUCCESS' ? c.json({}) : c.json({ error: 'LATER' }, 500)
  })
}
