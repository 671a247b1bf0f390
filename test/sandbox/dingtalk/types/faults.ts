/** Name of an endpoint for faults, quotas and the journal. */
export type ApiName =
  | 'accessToken'
  | 'gettoken'
  | 'connections/open'
  | 'createAndDeliver'
  | 'createCard'
  | 'deliver'
  | 'updateCard'
  | 'card/streaming'
  | 'groupMessages/send'
  | 'oToMessages/batchSend'
  | 'sceneGroups/query'
  | 'callbacks/register'
  | 'get_call_back_failed_result'
  | 'members/batchQuery'
  | 'robots/query'
  | 'sendBySession'
  | 'user/getuserinfo'
  | 'user/get'
  | 'user/getbyunionid'
  | 'userAccessToken'
  | 'contact/users/me'
  | 'jsapiTickets'
  | 'oauth2/auth'

/** How DingTalk refuses a call, by name: the rows of its error tables; see refusals.ts. */
export type RefusalName =
  | 'qps-app'
  | 'qps-api'
  | 'qpm-app'
  | 'http-429'
  | 'oapi-90002'
  | 'oapi-90018'
  | 'send-too-fast'
  | 'send-by-token-too-fast'
  | 'too-many-group'
  | 'too-many-people'
  | 'ip-ban-page'
  | 'ip-ban-json'
  | 'proxy-page'
  | 'proxy-login'
  | 'system-error'
  | 'system-busy'
  | 'unknown-error'
  | 'bad-gateway'
  | 'unavailable'
  | 'oapi-busy'
  | 'token-invalid'
  | 'oapi-token-invalid'
  | 'oapi-token-expired'
  | 'token-missing'
  | 'oapi-token-missing'
  | 'credentials-wrong'
  | 'oapi-credentials-wrong'
  | 'oapi-app-key-wrong'
  | 'auth-failed'
  | 'scope-missing'
  | 'oapi-scope-missing'
  | 'ip-not-allowed'
  | 'oapi-ip-not-allowed'
  | 'quota-used-up'
  | 'oapi-quota-used-up'
  | 'auth-level'
  | 'group-disbanded'
  | 'group-invalid'
  | 'group-of-other-org'
  | 'robot-unavailable'
  | 'cool-app-uninstalled'
  | 'bot-stopped'
  | 'group-permission-denied'
  | 'group-template-denied'
  | 'cool-app-unknown'
  | 'cool-app-denied'
  | 'owner-invisible'
  | 'cid-broken'
  | 'param-illegal'
  | 'param-blank'
  | 'scene-system-error'
  | 'auth-error'
  | 'user-unknown'
  | 'card-user-unknown'
  | 'oapi-user-unknown'
  | 'oapi-user-id-invalid'
  | 'oapi-user-out-of-scope'
  | 'template-unknown'
  | 'template-unpublished'
  | 'content-unsafe'
  | 'content-url'
  | 'content-text'
  | 'param-invalid'
  | 'param-invalid-space'
  | 'string-missing'
  | 'resource-not-found'
  | 'cid-illegal'
  | 'robot-code-unknown'
  | 'robot-code-missing'
  | 'rejected'
  | 'stream-card-unknown'
  | 'message-param-invalid'
  | 'param-missing'
  | 'oapi-param-missing'
  | 'oapi-param-invalid'
  | 'card-unknown'
  | 'card-known'
  | 'unlisted-4xx'
  | 'unlisted-5xx'

export type Fault = {
  api: ApiName
  /** How many calls it hits before it goes away; default 1. */
  times?: number
  /** Of the calls it fits, the share it hits; default 1, all. */
  share?: number
  /** Only calls whose raw body contains this text. */
  bodyContains?: string
  effect:
    /** Answer this instead of doing the call. */
    | { kind: 'answer'; status: number; body: unknown; contentType?: string; headers?: Record<string, string> }
    /** Do the call, then answer this instead of what it came to. */
    | { kind: 'apply-then-answer'; status: number; body: unknown; contentType?: string }
    /** Wait, then do the call and answer as usual. */
    | { kind: 'delay'; ms: number }
    /** Ask for this when the call arrives, wait until it resolves, then do the call and answer as usual. */
    | { kind: 'hold'; until: () => Promise<unknown> }
    /** Never answer; the call is not done. */
    | { kind: 'hang' }
    /** Cut the connection; the call is not done. */
    | { kind: 'reset' }
    /** Do the call, then never answer. */
    | { kind: 'apply-then-hang' }
    /** Do the call, then cut the connection. */
    | { kind: 'apply-then-reset' }
    /** Do the call, then cut the connection in the middle of the answer. */
    | { kind: 'apply-then-cut' }
}

/** Hits WebSocket upgrades, whatever the ticket; the ticket stays unspent unless it was accepted. */
export type HandshakeFault = {
  /** How many upgrades it hits before it goes away; default 1. */
  times?: number
  /** Of the upgrades it fits, the share it hits; default 1, all. */
  share?: number
  /** Only upgrades with a ticket of this app. */
  clientId?: string
  effect:
    | { kind: 'refuse'; status: number }
    /** Never answer the upgrade. */
    | { kind: 'hang' }
    | { kind: 'reset' }
    | { kind: 'accept-then-close' }
    /** Accept and never send or answer anything. */
    | { kind: 'accept-then-silence' }
}

/** The Stream faults that are named in the reference, each by its id. */
export type StreamFaultId =
  | `open.${'hang' | '401' | '400-json' | '400-html' | '503' | '403-qps' | 'empty-ticket' | 'xml' | 'slow' | 'reset'}`
  | `handshake.${'hang' | '401' | '503' | 'reset' | 'accept-then-close' | 'accept-then-silence'}`
  | `socket.${'half-open' | 'drop-inbound' | 'drop-outbound' | 'no-pong' | 'zombie' | 'wedge'}`
  | `socket.${'close-1006' | 'close-1000' | 'disconnect' | 'disconnect-then-close' | 'disconnect-without-close'}`
  | `frame.${'not-json' | 'no-headers' | 'no-message-id' | 'unknown-type' | 'unknown-topic' | 'data-not-string'}`
  | `frame.${'binary' | '300-kib' | 'numeric-time' | 'upper-camel' | 'system-noise'}`
  | `delivery.${'duplicate-same-id' | 'duplicate-new-id' | 'reorder' | 'burst'}`
  | `delivery.${'to-dead-connection' | 'lose-first' | 'lose-offline'}`

export type StreamFault = {
  id: StreamFaultId
  /** The app it is meant for; of open calls and handshakes those of all apps without it. */
  clientId?: string
  /** Only this connection, of faults of sockets and frames; default all of the app. */
  connectionId?: string
  /**
   * How many calls, upgrades, events or connections it hits, default 1; of a burst how many events it has, default 500.
   * Sockets and frames are hit at once.
   */
  times?: number
  /** Of those it fits, the share it hits; default 1, all. */
  share?: number
}

/** Event pushes that DingTalk itself does not send, or not in its usual form; `replay` = the last one to the byte. */
export type EventForgery =
  | 'replay'
  | 'bad-signature'
  | 'wrong-owner'
  | 'wrong-padding'
  | 'wrong-key'
  | 'plain'
  | 'not-json'
  | 'huge'
  /** `signature` and `timeStamp` alone, as older pages name them. */
  | 'old-names'
  /** Signed two hours ago. */
  | 'late'
  /** For the corporation instead of the app. */
  | 'by-corporation'

export type CardForgery = 'replay' | 'replay-with-another-body' | 'bad-signature' | 'unsigned' | 'late' | 'huge'
