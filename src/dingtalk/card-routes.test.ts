import { describe, expect, test } from 'vitest'

import { AppError } from '../errors.ts'
import { registerCardRoute } from './card-routes.ts'
import type { DingTalkClient } from './client.ts'

const ROUTE = { routeKey: 'fd-1', url: 'https://oncall.example/card?integration_key=k', apiSecret: 'demo-secret' }
const KEPT = { success: true, result: { callbackUrl: ROUTE.url, apiSecret: ROUTE.apiSecret } }
const OTHER = { success: true, result: { callbackUrl: 'https://old.example', apiSecret: ROUTE.apiSecret } }
const OTHER_SECRET = { success: true, result: { callbackUrl: ROUTE.url, apiSecret: 'old' } }
const TAKEN = new AppError({ kind: 'permanent', code: 'ROUTE_KEY_EXISTS' }, 'taken')
const REFUSED = new AppError({ kind: 'blocked', code: 'APP_PERMISSION_MISSING' }, 'refused')

async function register(...answers: (object | AppError)[]) {
  const forced: boolean[] = []
  const client: DingTalkClient = {
    clientId: 'dingapp',
    async call(_method, _path, body) {
      forced.push((body as { forceUpdate: boolean }).forceUpdate)
      const answer = answers.shift()
      if (answer instanceof AppError) throw answer
      return answer
    },
  }
  let counted = 0
  const outcome = await registerCardRoute(client, ROUTE, async () => void (counted += 1)).then(
    () => 'registered',
    (error: AppError) => error.failure.code,
  )
  expect(counted).toBe(forced.length)
  return { outcome, forced }
}

describe('the address for presses', () => {
  test('is registered by one call where the key is free, or has it already', async () => {
    expect(await register(KEPT)).toEqual({ outcome: 'registered', forced: [false] })
  })

  test.each([[OTHER], [OTHER_SECRET], [TAKEN], [{ success: true, result: {} }]])(
    'takes the place of what the key has: %j',
    async (first) => {
      expect(await register(first, KEPT)).toEqual({ outcome: 'registered', forced: [false, true] })
    },
  )

  test('is not there when DingTalk keeps another one all the same', async () => {
    expect(await register(OTHER, OTHER)).toEqual({ outcome: 'IM_ERROR', forced: [false, true] })
  })

  test.each([[{ success: false, result: {} }], [{}], [undefined]])('is not there after %j', async (answer) => {
    expect(await register(answer as object)).toEqual({ outcome: 'IM_ERROR', forced: [false] })
  })

  test('is not there when DingTalk refuses it, and why is told', async () => {
    expect(await register(REFUSED)).toEqual({ outcome: 'APP_PERMISSION_MISSING', forced: [false] })
  })
})
