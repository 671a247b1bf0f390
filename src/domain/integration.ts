export type EventMode = 'stream' | 'http'

/**
 * `member-key`: with the APP Key a member has put on file. `owner-key`: the same, and the account owner's key makes one
 * for members without. `queue`: Flashduty fetches what was pressed from a queue; no keys at all.
 */
export const ACTING_WAYS = ['owner-key', 'member-key', 'queue'] as const
export type ActingWay = (typeof ACTING_WAYS)[number]

/** One DingTalk internal app of one corporation, as the guide's form describes it; secrets in clear, so never log it whole. */
export type Integration = {
  /** Public; part of the page addresses. */
  id: string
  name: string
  corpId: string
  agentId: string
  /** AppKey; the robot's code by default. */
  clientId: string
  clientSecret: string
  aesKey: string
  token: string
  /** Secret, 128 bits: part of the callback addresses. */
  callbackKey: string
  /** Flashduty's id of this integration, as deliveries name it. */
  dataSourceId: number | undefined
  coolAppCode: string | undefined
  /** Calls a second that DingTalk allows this app per API. */
  qps: number
  /** Stream connections to keep, 1 to 4. */
  connections: number
  /** Calls and pushes a month that DingTalk allows the corporation; 0 = unlimited. */
  monthlyCalls: number
  monthlyPushes: number
  /** New cards a minute that one group may get; 0 = unlimited. A guess: DingTalk publishes none. */
  groupPerMinute: number
  /** An APP Key for reading escalation rules; never used to act for anybody. */
  flashdutyKey: string | undefined
  /** How presses are carried out. */
  acting: ActingWay
  /** The account owner's APP Key; used to make members' keys and for nothing else. */
  ownerKey: string | undefined
  /** The administrator's own card template; undefined = the public one. */
  templateId: string | undefined
  /** When DingTalk last refused that template, epoch ms; the public one is used until it is set anew. */
  templateRefusedAt: number | undefined
  /** Whether a webhook that names nobody is told to its responders in their own chats. */
  dmFromWebhook: boolean
  /** How the developer console is set to deliver events. Both doors take them at any time; this one is expected. */
  eventMode: EventMode
  /** Whether a Stream is opened. Without one, cards call back over HTTP. */
  streamOn: boolean
  isDefault: boolean
  enabled: boolean
  /** Grows with every change. */
  revision: number
}

export type IntegrationAddresses = {
  coolAppPage: string
  mobileHome: string
  pcHome: string
  eventSubscription: string
}

/** What the guide's step 二 shows, for pasting into DingTalk's developer console. */
export function addressesOf(
  integration: Pick<Integration, 'id' | 'callbackKey'>,
  publicUrl: string,
): IntegrationAddresses {
  return {
    coolAppPage: `${publicUrl}/h5/${integration.id}/group?corpId=$CORPID$&cid=$ENCCID$`,
    mobileHome: `${publicUrl}/h5/${integration.id}/`,
    pcHome: `${publicUrl}/h5/${integration.id}/pc`,
    eventSubscription: `${publicUrl}/event/push/dingtalk?integration_key=${integration.callbackKey}`,
  }
}

/** Presses of cards return by the Stream while there is one. A card keeps its way for life. */
export function cardCallbackOf({ streamOn }: { streamOn: boolean }): 'STREAM' | 'HTTP' {
  return streamOn ? 'STREAM' : 'HTTP'
}

/** Under this name DingTalk knows the address that presses of the integration's HTTP cards go to. */
export function cardRouteKeyOf(integrationId: string): string {
  return `fd-${integrationId}`
}

export function cardCallbackUrl({ callbackKey }: Pick<Integration, 'callbackKey'>, publicUrl: string): string {
  return `${publicUrl}/card/push/dingtalk?integration_key=${callbackKey}`
}

/**
 * Opens a page inside DingTalk, beside the chat on a computer: the start page, which offers linking and then what is
 * wanted, by its token; without one, the page where the account is switched.
 */
export function linkingAddress(integrationId: string, publicUrl: string, token?: string): string {
  const page = `${publicUrl}/h5/${integrationId}/${token === undefined ? 'link' : `?act=${token}`}`
  return `dingtalk://dingtalkclient/page/link?url=${encodeURIComponent(page)}&pc_slide=true`
}

/** For the robot's settings in the developer console, where there is no Stream. */
export function robotMessageUrl({ callbackKey }: Pick<Integration, 'callbackKey'>, publicUrl: string): string {
  return `${publicUrl}/robot/push/dingtalk?integration_key=${callbackKey}`
}
