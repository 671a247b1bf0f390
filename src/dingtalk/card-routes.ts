import { fields, maybeFlag, maybeText } from '../domain/lenient.ts'
import { AppError } from '../errors.ts'
import type { DingTalkClient } from './client.ts'

export type CardRouteToRegister = { routeKey: string; url: string; apiSecret: string }

const Answer = fields({ success: maybeFlag, result: fields({ callbackUrl: maybeText, apiSecret: maybeText }) })

/**
 * `POST /v1.0/card/callbacks/register`: where presses of HTTP cards that carry this key go, and what they are signed
 * with. DingTalk keeps what a key has unless told to overwrite it, and says what it keeps (page
 * "register-card-callback-address"). Safe to repeat.
 * @param beforeCall told before each of the one or two calls
 */
export async function registerCardRoute(
  client: DingTalkClient,
  route: CardRouteToRegister,
  beforeCall: () => Promise<void>,
): Promise<void> {
  const register = async (forceUpdate: boolean): Promise<boolean> => {
    await beforeCall()
    const body = {
      callbackRouteKey: route.routeKey,
      callbackUrl: route.url,
      apiSecret: route.apiSecret,
      forceUpdate,
    }
    // The address is a secret for its key's sake.
    const secrets = [route.apiSecret, route.url, ...new URL(route.url).searchParams.values()]
    const answer = await client.call('POST', '/v1.0/card/callbacks/register', body, secrets)
    const parsed = Answer.safeParse(answer)
    if (!parsed.success || parsed.data.success === false) {
      throw new AppError({ kind: 'retryable', code: 'IM_ERROR' }, 'registering the card callback was not confirmed')
    }
    const { callbackUrl, apiSecret } = parsed.data.result
    return callbackUrl === route.url && apiSecret === route.apiSecret
  }
  try {
    if (await register(false)) return
  } catch (error) {
    const isTaken = error instanceof AppError && error.failure.code === 'ROUTE_KEY_EXISTS'
    if (!isTaken) throw error
  }
  if (await register(true)) return
  throw new AppError({ kind: 'retryable', code: 'IM_ERROR' }, 'DingTalk keeps another card callback under this key')
}
