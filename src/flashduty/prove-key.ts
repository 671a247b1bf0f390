import type { Integration } from '../domain/integration.ts'
import { AppError } from '../errors.ts'
import type { FlashdutyClient, KeyOwner } from './client.ts'

/** Nothing that is not printed on a line of its own is a key. */
const PLAUSIBLE = /^[\x21-\x7e]{1,200}$/

/**
 * Whose key it is; for whoever is to act with it, on whatever way it was handed over.
 * @throws AppError `permanent` KEY_INVALID, MEMBER_DISABLED or WRONG_ACCOUNT, or as Flashduty answers
 */
export async function proveKey(
  flashduty: Pick<FlashdutyClient, 'readMember'>,
  integration: Pick<Integration, 'flashdutyKey' | 'ownerKey'>,
  appKey: string,
): Promise<KeyOwner> {
  const refuse = (code: string): never => {
    throw new AppError({ kind: 'permanent', code }, 'an APP Key that proves nothing')
  }
  if (!PLAUSIBLE.test(appKey)) refuse('KEY_INVALID')
  const ownKey = integration.flashdutyKey ?? integration.ownerKey
  const [owner, accountId] = await Promise.all([
    flashduty.readMember(appKey),
    ownKey === undefined ? undefined : readAccount(flashduty, ownKey),
  ])
  if (owner.status !== 'enabled') refuse('MEMBER_DISABLED')
  const isKnown = accountId !== undefined && owner.accountId !== undefined
  if (isKnown && owner.accountId !== accountId) refuse('WRONG_ACCOUNT')
  return owner
}

/** The account that the integration works with; undefined when its own key does not tell (any more). */
async function readAccount(
  flashduty: Pick<FlashdutyClient, 'readMember'>,
  appKey: string,
): Promise<number | undefined> {
  try {
    return (await flashduty.readMember(appKey)).accountId
  } catch (error) {
    if (error instanceof AppError && error.failure.kind === 'permanent') return undefined
    throw error
  }
}
