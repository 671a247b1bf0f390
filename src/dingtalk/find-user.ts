import { AppError } from '../errors.ts'
import type { OapiClient } from './oapi-client.ts'

/**
 * Whether the person is still in the corporation: `topapi/v2/user/get` (page "query-user-details"), free of quota;
 * permission `qyapi_get_member`. Whoever is only outside the app's visible range is.
 * @throws AppError when DingTalk does not say
 */
export async function isEmployed(client: OapiClient, userId: string): Promise<boolean> {
  try {
    await client.call('POST', '/topapi/v2/user/get', { userid: userId })
    return true
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    if (error.failure.code === 'IM_USER_NOT_FOUND') return false
    if (error.failure.code === 'OUT_OF_SCOPE') return true
    throw error
  }
}
