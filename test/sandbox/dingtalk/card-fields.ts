import type { Params, SpaceType } from './cards.ts'
import { refuse } from './errors.ts'
import type { Json } from './fields.ts'
import { isRecord, isTextMap, textOf } from './fields.ts'
import type { World } from './world.ts'

/** Field rules that several card calls share; codes from D:create-and-deliver-cards and D:server-api-error-codes-1. */

const MAX_OUT_TRACK_ID = 64
const MAX_OPEN_SPACE_ID = 1_000
const MAX_PRIVATE_USERS_PER_CALL = 20
/** Of one call, by the pages; a value's 1 KB is not enforced, and vendor's clients send up to 20,000 characters. */
const MAX_KEY_BYTES = 100
const MAX_VALUE_CHARS = 20_000
const MAX_DATA_BYTES = 100_000
const SPACE_PREFIX = 'dtv1.card//'
const SPACE_TYPES: readonly string[] = ['IM_GROUP', 'IM_ROBOT', 'IM_SINGLE', 'ONE_BOX'] satisfies SpaceType[]

export function readOutTrackId(body: Json): string {
  const outTrackId = textOf(body['outTrackId'])
  if (outTrackId === '') refuse('param.outTrackIdEmpty')
  if (outTrackId.length > MAX_OUT_TRACK_ID) refuse('outTrackId.outOfLimit')
  return outTrackId
}

export function readUserIdType(body: Json): number {
  const type = body['userIdType'] ?? 1
  if (type !== 1 && type !== 2) refuse('param.invalid', 'userIdType is 1 or 2')
  return type
}

/** `{cardParamMap: {name: text}}`; undefined when the field is absent. */
export function readParams(value: unknown, field: string): Params | undefined {
  if (value === undefined || value === null) return undefined
  if (!isRecord(value)) refuse('param.invalid', `${field} is not an object`)
  const map = value['cardParamMap']
  if (map === undefined || map === null) return undefined
  if (!isTextMap(map)) refuse('param.invalid', `${field}.cardParamMap must map names to strings`)
  const problem = oversize(map)
  if (problem !== undefined) refuse('param.invalid', `${field}.cardParamMap: ${problem}`)
  return map
}

/** What is too large about the variables; undefined when they can be sent. */
export function oversize(map: Params): string | undefined {
  for (const [key, value] of Object.entries(map)) {
    if (Buffer.byteLength(key) > MAX_KEY_BYTES) return `a name of more than ${MAX_KEY_BYTES} bytes`
    if (value.length > MAX_VALUE_CHARS) return `${key} has more than ${MAX_VALUE_CHARS} characters`
  }
  return Buffer.byteLength(JSON.stringify(map)) > MAX_DATA_BYTES ? `more than ${MAX_DATA_BYTES} bytes` : undefined
}

/** userIds of `cardAtUserIds`: without it the mention tags of a card are mere text (page "create-and-deliver-cards"). */
export function readCardAtUserIds(world: World, body: Json, userIdType: number): Set<string> {
  const ids = body['cardAtUserIds'] ?? []
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === 'string')) {
    refuse('param.invalid', 'cardAtUserIds is not a list of strings')
  }
  return new Set(ids.flatMap((id) => world.findUser(id, userIdType)?.userId ?? []))
}

/** Private data by userId, whichever id type the caller used. */
export function readPrivateData(world: World, body: Json, userIdType: number): Map<string, Params> | undefined {
  const raw = body['privateData']
  if (raw === undefined || raw === null) return undefined
  if (!isRecord(raw)) refuse('param.invalid', 'privateData is not an object')
  const entries = Object.entries(raw)
  if (entries.length > MAX_PRIVATE_USERS_PER_CALL) refuse('param.invalid', 'privateData for more than 20 users')
  return new Map(
    entries.map(([id, value]) => {
      const user = world.findUser(id, userIdType) ?? refuse('param.userIdNotExist')
      return [user.userId, readParams(value, `privateData.${id}`) ?? {}]
    }),
  )
}

/** Both options default to false, which replaces (D:interactive-card-update-interface). */
export function readUpdateOptions(value: unknown): { byKey: boolean; privateByKey: boolean } {
  const options = isRecord(value) ? value : {}
  return { byKey: options['updateCardDataByKey'] === true, privateByKey: options['updatePrivateDataByKey'] === true }
}

export type Space = { type: SpaceType; id: string }

/** `dtv1.card//TYPE.id[;TYPE.id…]`, letter case of TYPE free (D:open-interface-card-delivery-instance). */
export function readOpenSpaceId(body: Json): Space[] {
  const openSpaceId = textOf(body['openSpaceId'])
  if (openSpaceId === '') refuse('param.openSpaceIdEmpty')
  if (openSpaceId.length > MAX_OPEN_SPACE_ID || !openSpaceId.startsWith(SPACE_PREFIX))
    refuse('param.openSpaceIdInvalid')
  return openSpaceId
    .slice(SPACE_PREFIX.length)
    .split(';')
    .map((part) => {
      const dot = part.indexOf('.')
      const type = part.slice(0, Math.max(dot, 0)).toUpperCase()
      const id = part.slice(dot + 1)
      if (!isSpaceType(type) || id === '') refuse('param.openSpaceIdInvalid')
      return { type, id }
    })
}

function isSpaceType(type: string): type is SpaceType {
  return SPACE_TYPES.includes(type)
}
