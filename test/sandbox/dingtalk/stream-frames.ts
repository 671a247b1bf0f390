import { newMessageId, newOpaque } from './ids.ts'
import type { App } from './types.ts'

export const EVENT_TOPIC = '*'
export const CARD_TOPIC = '/v1.0/card/instances/callback'
export const ROBOT_TOPIC = '/v1.0/im/bot/messages/get'

/** Server to client: every header value is a string, `data` is JSON text (the stream protocol page). */
export type Frame = {
  specVersion: '1.0'
  type: 'SYSTEM' | 'EVENT' | 'CALLBACK'
  headers: Record<string, string> & { topic: string; messageId: string }
  data: string
}

/** Client to server; nothing of it is trusted. */
export type Reply = { code: unknown; message: unknown; data: unknown }

export type StreamEvent = { eventType: string; eventId: string; bornTime: number; data: string }

/** Only the five `event*` headers distinguish it; `appId` and `connectionId` belong to CALLBACK frames. */
export function eventFrame(app: App, event: StreamEvent): Frame {
  return {
    specVersion: '1.0',
    type: 'EVENT',
    headers: {
      ...commonHeaders(EVENT_TOPIC),
      eventType: event.eventType,
      eventId: event.eventId,
      eventCorpId: app.corpId,
      eventBornTime: String(event.bornTime),
      eventUnifiedAppId: app.unifiedAppId,
    },
    data: event.data,
  }
}

export function callbackFrame(app: App, connectionId: string, topic: string, data: unknown): Frame {
  return {
    specVersion: '1.0',
    type: 'CALLBACK',
    headers: { appId: app.unifiedAppId, connectionId, ...commonHeaders(topic) },
    data: JSON.stringify(data),
  }
}

export function pingFrame(): Frame {
  return systemFrame('ping', { opaque: newOpaque() })
}

export function disconnectFrame(): Frame {
  return systemFrame('disconnect', { reason: 'connection is expired' })
}

function systemFrame(topic: string, data: unknown): Frame {
  return { specVersion: '1.0', type: 'SYSTEM', headers: commonHeaders(topic), data: JSON.stringify(data) }
}

function commonHeaders(topic: string): Frame['headers'] {
  return { topic, contentType: 'application/json', messageId: newMessageId(), time: String(Date.now()) }
}
