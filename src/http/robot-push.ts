import type { Hono } from 'hono'

import { digest } from '../domain/ids.ts'
import { readMessage, readObject } from '../domain/inbound.ts'
import { isRobotSignature } from '../domain/robot-signature.ts'
import { answerUnavailable } from './api/require-token.ts'
import { admitCallback, type CallbackDeps, timeLeft } from './callback-target.ts'
import type { CardPushDeps } from './card-push.ts'

export const ROBOT_PATH = '/robot/push/dingtalk'

export type RobotPushDeps = CallbackDeps & Pick<CardPushDeps, 'enter'>

/**
 * `POST /robot/push/dingtalk?integration_key=SECRET`: what a person wrote to the robot, for installations without a
 * Stream. Nothing is said in return; what it tells of its group is as good as over the Stream. DingTalk
 * signs the time and nothing else, so a signature counts for one body.
 */
export function addRobotPushRoute(app: Hono, deps: RobotPushDeps): void {
  app.post(ROBOT_PATH, async (c) => {
    const admitted = await admitCallback(c, deps)
    if (admitted instanceof Response) return admitted
    const { integration, room, text, arrivedAt } = admitted
    const [timestamp = '', sign = ''] = [c.req.header('timestamp'), c.req.header('sign')]
    const refuse = (why: string): Response => {
      deps.log.warn({ integrationId: integration.id, why }, 'robot-push-refused')
      return c.json({ error: 'REFUSED' }, 403)
    }
    if (!isRobotSignature(integration.clientSecret, { timestamp, sign }, deps.nowMs())) return refuse('wrong signature')
    const id = { integrationId: integration.id, stamp: timestamp, signature: sign }
    try {
      const { kind } = await deps.enter(id, digest(32, text))
      if (kind === 'another-body') return refuse('replayed with another body')
    } catch (error) {
      return answerUnavailable(c, deps.log, error)
    }
    const body = readObject(text)
    const message = body && readMessage(body)
    if (!message) {
      // Genuine, and no more readable the next time.
      deps.log.warn({ integrationId: integration.id }, 'robot-push-unreadable')
      return c.json({})
    }
    const ack = await room.takeMessage(message, timeLeft(deps.deadlines.message, arrivedAt))
    return ack.status === 'SUCCESS' ? c.json({}) : c.json({ error: 'LATER' }, 500)
  })
}
