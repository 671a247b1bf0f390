export type App = {
  clientId: string
  clientSecret: string
  corpId: string
  agentId: string
  /** Code of its cool app, `COOLAPP-1-…`. */
  coolAppCode: string
  unifiedAppId: string
  scopes: string[]
  published: boolean
  eventMode: 'STREAM' | 'HTTP'
  /** Where its events go in HTTP mode, and what its console shows for it; kept by `setEventUrl`. */
  eventAddress: { url: string; token: string; aesKey: string } | undefined
  /** `legacy`: events over HTTP as they were in the register-callback era, UpperCamel and without ids. */
  eventForm: 'current' | 'legacy'
  /** What callbacks of HTTP cards call the pressed button's description. */
  cardField: 'content' | 'value'
  /** userIds that can see the app; `'ALL'` = everybody. */
  visibleTo: string[] | 'ALL'
}

export type User = {
  userId: string
  unionId: string
  name: string
  /** Verified by DingTalk; '' = hidden. */
  mobile: string
  /** Given out by the corporation; '' = none. */
  orgEmail: string
  /** What the person wrote into their profile. */
  email: string
  /** An external contact of the corporation, no colleague. */
  external: boolean
}

export type Group = {
  /** `cid` + base64 with `+`, `/` and `=`. */
  openConversationId: string
  chatId: string
  title: string
  ownerUserId: string
  memberUserIds: string[]
  disbanded: boolean
  /** Cool apps installed in it: code and the robot that came along. An app may have several cool apps. */
  coolApps: { coolAppCode: string; robotCode: string; clientId: string }[]
  /** Robots that were added by themselves. */
  robots: { robotCode: string; clientId: string }[]
}
