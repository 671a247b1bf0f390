import { type ActingWay, type Integration } from '../domain/integration.ts'
import { AppError } from '../errors.ts'
import { createFlashdutyClient } from '../flashduty/client.ts'
import { createOutbound } from '../outbound.ts'
import { CommandError, type Store, UsageError } from './context.ts'

type Acting = Pick<Integration, 'acting' | 'ownerKey'>

const REFUSED = {
  'not-owner': '--owner-key is not the account owner’s (AccessDenied): only the owner may make keys for members.',
  'not-offered': 'This Flashduty cannot make keys for members (RouteNotFound).',
} as const

/**
 * How presses are to be carried out from now on. An owner's key is tried first; where Flashduty does not let it make
 * keys, the members' own are used instead, and `notes` say so.
 * @throws CommandError when the key does not work at all, or Flashduty could not be asked
 */
export async function settleActing(
  store: Pick<Store, 'config'>,
  wanted: { acting?: ActingWay; ownerKey?: string },
  before: Acting,
): Promise<Acting & { notes: string[] }> {
  const { acting: way, ownerKey: given } = wanted
  if (way === undefined && given === undefined) return { acting: before.acting, ownerKey: before.ownerKey, notes: [] }
  const ownerKey = given === undefined ? before.ownerKey : given || undefined
  const left = before.acting === 'owner-key' && ownerKey === undefined ? 'member-key' : before.acting
  const acting = way ?? (given ? 'owner-key' : left)
  if (acting !== 'owner-key') return { acting, ownerKey, notes: [] }
  if (ownerKey === undefined) {
    throw new UsageError('--acting owner-key needs --owner-key, an APP Key of the account owner.')
  }
  const verdict = await probe(store, ownerKey)
  if (verdict === 'may') return { acting, ownerKey, notes: [] }
  if (verdict === 'key-invalid') {
    throw new CommandError(
      '--owner-key is not accepted by Flashduty (Unauthorized): copy it anew. Nothing was changed.',
    )
  }
  const instead = 'Members’ own keys are used instead (--acting member-key): see `links add --member-key`.'
  return { acting: 'member-key', ownerKey: undefined, notes: [REFUSED[verdict], instead] }
}

async function probe({ config }: Pick<Store, 'config'>, ownerKey: string) {
  const outbound = createOutbound(config.proxy)
  try {
    const flashduty = createFlashdutyClient({ apiUrl: config.flashduty.apiUrl, send: outbound.send })
    return await flashduty.probeOwnerKey(ownerKey)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    throw new CommandError(`Flashduty could not be asked about --owner-key (${error.message}). Nothing was changed.`)
  } finally {
    await outbound.close()
  }
}
