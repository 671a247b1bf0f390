import { z } from 'zod'

import type { DrawnCard, Mention, Space } from '../domain/card.ts'
import { fields, maybeFlag, maybeText, someFlag } from '../domain/lenient.ts'
import { AppError } from '../errors.ts'
import type { DingTalkClient } from './client.ts'
import { classifyTarget } from './error-codes.ts'

/** DingTalk's limit on `openSpaceId` (page "create-and-deliver-cards"). */
export const MAX_OPEN_SPACE_ID = 1_000

/** `dtv1.card//IM_GROUP.<openConversationId>;IM_ROBOT.<userId>…` */
export function openSpaceId(spaces: Space[]): string {
  return `dtv1.card//${spaces.map(({ kind, targetId }) => `${kind === 'group' ? 'IM_GROUP' : 'IM_ROBOT'}.${targetId}`).join(';')}`
}

/** What became of the card in one space; `unknown` when DingTalk's answer cannot be told apart. */
export type SpaceResult = { space: Space } & (
  | { outcome: 'delivered'; carrierId: string | undefined }
  | { outcome: 'failed'; reason: string; detail: string }
  | { outcome: 'unknown' }
)

export type CardToCreate = {
  outTrackId: string
  templateId: string
  callbackType: 'STREAM' | 'HTTP'
  /** Of HTTP cards: names the registered address that presses go to. */
  callbackRouteKey?: string
  robotCode: string
  drawn: Pick<DrawnCard, 'cardParamMap' | 'pushText' | 'lastMessage'>
  spaces: Space[]
  /** Whom groups mention. The tags that name them on the card are the drawing's business. */
  mentions?: Mention[]
}

/** One call: makes the card instance and puts it into every space. */
export async function createAndDeliver(client: DingTalkClient, card: CardToCreate): Promise<SpaceResult[]> {
  const { lastMessage } = card.drawn
  const lastMessageI18n = { ZH_CN: lastMessage['zh-CN'], EN_US: lastMessage['en-US'] }
  const notification = { alertContent: card.drawn.pushText, notificationOff: false }
  const answer = await client.call('POST', '/v1.0/card/instances/createAndDeliver', {
    cardTemplateId: card.templateId,
    outTrackId: card.outTrackId,
    callbackType: card.callbackType,
    ...(card.callbackRouteKey === undefined ? {} : { callbackRouteKey: card.callbackRouteKey }),
    cardData: { cardParamMap: card.drawn.cardParamMap },
    userIdType: 1,
    openSpaceId: openSpaceId(card.spaces),
    // Both space models, whatever the first targets are: a later target then joins by one deliver call.
    imGroupOpenSpaceModel: { supportForward: false, lastMessageI18n, notification },
    imRobotOpenSpaceModel: { supportForward: false, lastMessageI18n, notification },
    ...cardAtUserIds(card),
    ...deliverModels(card),
  })
  const rows = readDeliverResults(answer)
  // Without a single result nobody knows whether there is a card at all.
  if (rows.every(({ success }) => success === undefined)) {
    throw new AppError({ kind: 'unknown-outcome', code: 'IM_ERROR' }, 'the delivery answer names no results')
  }
  return matchResults(card.spaces, rows)
}

/** One call: puts an existing card into further spaces. */
export async function deliverCard(
  client: DingTalkClient,
  card: Pick<CardToCreate, 'outTrackId' | 'robotCode' | 'spaces' | 'mentions'>,
): Promise<SpaceResult[]> {
  const answer = await client.call('POST', '/v1.0/card/instances/deliver', {
    outTrackId: card.outTrackId,
    userIdType: 1,
    openSpaceId: openSpaceId(card.spaces),
    ...deliverModels(card),
  })
  return matchResults(card.spaces, readDeliverResults(answer))
}

/** One call: every viewer in every space sees these values. Keys that are not sent keep their values. */
export async function updateCard(
  client: DingTalkClient,
  card: { outTrackId: string; cardParamMap: Record<string, string> },
): Promise<void> {
  const answer = await client.call('PUT', '/v1.0/card/instances', {
    outTrackId: card.outTrackId,
    userIdType: 1,
    cardData: { cardParamMap: card.cardParamMap },
    cardUpdateOptions: { updateCardDataByKey: true },
  })
  const parsed = Updated.safeParse(answer)
  if (!parsed.success || !parsed.data.success || parsed.data.result === false) {
    throw new AppError({ kind: 'unknown-outcome', code: 'IM_ERROR' }, 'updating the card was not confirmed')
  }
}

const Updated = fields({ success: someFlag, result: maybeFlag })

/** Without this list the card shows the tags as text (page "create-and-deliver-cards"). */
function cardAtUserIds({ spaces, mentions = [] }: CardToCreate): { cardAtUserIds?: string[] } {
  const calls = mentions.length > 0 && spaces.some(({ kind }) => kind === 'group')
  return calls ? { cardAtUserIds: mentions.map(({ userId }) => userId) } : {}
}

function deliverModels({
  robotCode,
  spaces,
  mentions = [],
}: Pick<CardToCreate, 'robotCode' | 'spaces' | 'mentions'>): Record<string, unknown> {
  const kinds = new Set(spaces.map(({ kind }) => kind))
  const atUserIds = Object.fromEntries(mentions.map(({ userId, name }) => [userId, name]))
  const calls = mentions.length > 0 ? { atUserIds } : {}
  return {
    ...(kinds.has('group') ? { imGroupOpenDeliverModel: { robotCode, ...calls } } : {}),
    ...(kinds.has('person') ? { imRobotOpenDeliverModel: { spaceType: 'IM_ROBOT', robotCode } } : {}),
  }
}

const Row = fields({ spaceId: maybeText, success: maybeFlag, carrierId: maybeText, errorMsg: maybeText })
export type DeliverRow = {
  spaceId?: string | undefined
  /** undefined = it does not say. */
  success?: boolean | undefined
  carrierId?: string | undefined
  errorMsg?: string | undefined
}

/** createAndDeliver nests the rows in `result.deliverResults`, deliver has them as `result`; both have been seen bare. */
const Delivered = z.looseObject({
  result: z.union([z.array(Row), z.looseObject({ deliverResults: z.array(Row) })]),
})

function readDeliverResults(answer: unknown): DeliverRow[] {
  const parsed = Delivered.safeParse(answer)
  const result = parsed.data?.result ?? []
  return Array.isArray(result) ? result : result.deliverResults
}

/** Pure: rows by their exact space ids where any has one, else by position when the counts agree, else nobody knows. */
export function matchResults(spaces: Space[], rows: DeliverRow[]): SpaceResult[] {
  const byId = new Map(rows.map((row) => [row.spaceId, row]))
  const named = spaces.some((space) => byId.has(space.targetId))
  return spaces.map((space, index): SpaceResult => {
    const row = named ? byId.get(space.targetId) : rows.length === spaces.length ? rows[index] : undefined
    if (row?.success === undefined) return { space, outcome: 'unknown' }
    if (row.success) return { space, outcome: 'delivered', carrierId: row.carrierId }
    const detail = row.errorMsg ?? ''
    return { space, outcome: 'failed', reason: classifyTarget(detail, space.kind), detail }
  })
}
