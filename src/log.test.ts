import { describe, expect, test } from 'vitest'

import { AppError } from './errors.ts'
import { createLog, describeError } from './log.ts'

function rig(level = 'info') {
  const lines: string[] = []
  return { log: createLog(level, { write: (line: string) => void lines.push(line) }), lines }
}

const parse = (line: string | undefined) => JSON.parse(line ?? 'null') as Record<string, unknown>

test('a line is JSON with time, level in words, component and message', () => {
  const { log, lines } = rig()
  log.child({ component: 'delivery' }).info({ incidentId: 'i1', tookMs: 5 }, 'card-updated')
  expect(lines).toHaveLength(1)
  const { time, ...rest } = parse(lines[0])
  expect(rest).toEqual({ level: 'info', component: 'delivery', incidentId: 'i1', tookMs: 5, msg: 'card-updated' })
  expect(new Date(String(time)).toISOString()).toBe(time)
})

test('what is below the level is not written', () => {
  const { log, lines } = rig('warn')
  log.info('no')
  log.warn('yes')
  expect(lines.map((line) => parse(line)['msg'])).toEqual(['yes'])
})

test('a line on a terminal steers nothing, and parsed it is what was logged', () => {
  const { log, lines } = rig()
  const title = 'a\u001B[2J\u009B\u202E\u2028\u200B\uD800b👨‍👩‍👧'
  log.info({ title, err: new Error(title) }, title)
  expect(lines.join('')).toMatch(/^[^\p{Cc}\p{Cs}\u202E\u2028\u200B]+\n$/u)
  expect(parse(lines[0])).toMatchObject({ title, msg: title, err: { message: title } })
})

describe('secrets', () => {
  const names = ['clientSecret', 'appSecret', 'accessToken', 'access_token', 'aesKey', 'token', 'secret', 'ticket']
  const more = ['app_key', 'appKey', 'authorization', 'sessionWebhook']

  test.each([...names, ...more])('a field %s is not written, also one level down and in a child', (name) => {
    const { log, lines } = rig()
    log.info({ [name]: 'hush-1' }, 'x')
    log.info({ integration: { [name]: 'hush-2', name: 'kept' } }, 'x')
    log.child({ [name]: 'hush-3' }).info('x')
    expect(lines).toHaveLength(3)
    expect(lines.join('')).not.toContain('hush')
    expect(lines.join('')).toContain('kept')
  })

  test('fields that libraries hang on their errors are not written', () => {
    const { log, lines } = rig()
    const error = Object.assign(
      new Error('request failed', { cause: Object.assign(new Error('inner'), { key: 'hush' }) }),
      {
        config: { url: 'https://api.example?app_key=hush', headers: { authorization: 'hush' } },
        request: { body: 'hush' },
        code: 'hush',
      },
    )
    log.error({ err: error }, 'failed')
    expect(lines.join('')).not.toContain('hush')
    expect(parse(lines[0])['err']).toMatchObject({ message: 'request failed', cause: { message: 'inner' } })
  })

  test('something thrown that is no error is told by its type alone', () => {
    const { log, lines } = rig()
    for (const thrown of ['hush', { secret: 'hush' }, ['hush']]) log.error({ err: thrown }, 'failed')
    expect(lines).toHaveLength(3)
    expect(lines.join('')).not.toContain('hush')
  })
})

describe('errors', () => {
  test('are told by name, message, failure, stack and causes', () => {
    const cause = new TypeError('not that')
    const error = new AppError({ kind: 'retryable', code: 'NETWORK' }, 'no answer', { cause, detail: 'hush' })
    expect(describeError(error)).toEqual({
      name: 'AppError',
      message: 'no answer',
      failure: { kind: 'retryable', code: 'NETWORK' },
      stack: error.stack,
      cause: { name: 'TypeError', message: 'not that', stack: cause.stack },
    })
  })

  test('the errors inside an aggregate are told too', () => {
    const error = new AggregateError([new Error('first'), 'second'], 'teardown was not clean')
    expect(describeError(error)).toMatchObject({
      name: 'AggregateError',
      errors: [{ message: 'first' }, { name: 'NotAnError', message: 'string' }],
    })
  })

  test('causes that go in circles come to an end', () => {
    const error = new Error('outer')
    error.cause = new Error('inner', { cause: error })
    const { log, lines } = rig()
    log.error({ err: error }, 'failed')
    expect(parse(lines[0])['err']).toMatchObject({ message: 'outer', cause: { message: 'inner' } })
  })
})
