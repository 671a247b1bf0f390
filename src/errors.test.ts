import { expect, test } from 'vitest'

import { AppError } from './errors.ts'

test('an expected failure keeps what should happen next, its cause and what the platform said', () => {
  const cause = new Error('inner')
  const error = new AppError({ kind: 'throttled', code: 'IM_RATE_LIMITED', retryAfterMs: 1_000 }, 'slow down', {
    cause,
    detail: 'Qps: too many',
  })
  expect(error).toBeInstanceOf(Error)
  expect(error).toMatchObject({
    name: 'AppError',
    message: 'slow down',
    failure: { kind: 'throttled', code: 'IM_RATE_LIMITED', retryAfterMs: 1_000 },
    detail: 'Qps: too many',
    cause,
  })
})

test('without a cause or a detail it has none', () => {
  const error = new AppError({ kind: 'permanent', code: 'X' }, 'no')
  expect(error.detail).toBeUndefined()
  expect('cause' in error).toBe(false)
})
