import { describe, expect, test } from 'vitest'

import { AppError } from '../../errors.ts'
import { createLoginDesk, type HandedCode } from './login-desk.ts'

let count = 0
const handed = (more: Partial<HandedCode> = {}): HandedCode => ({
  kind: 'client',
  integrationId: 'one',
  code: `code-${String(count++).padStart(8, '0')}`,
  network: '192.0.2.7',
  gone: new AbortController().signal,
  ...more,
})

/** Calls that are answered when the test says. */
class Calls {
  under = new Map<string, (error?: Error) => void>()
  made = 0

  ask = (name: string) => (): Promise<string> => {
    this.made += 1
    return new Promise((resolve, reject) => {
      this.under.set(name, (error) => {
        this.under.delete(name)
        if (error) reject(error)
        else resolve(name)
      })
    })
  }

  answerAll(): void {
    for (const answer of [...this.under.values()]) answer()
  }
}

/** Whatever can go on without an answer has gone on. */
const settle = () => new Promise((resolve) => setImmediate(resolve))
const code = (error: unknown): string => (error instanceof AppError ? error.failure.code : String(error))
const invalid = () => new AppError({ kind: 'permanent', code: 'LOGIN_CODE_INVALID' }, 'no')

describe('calls at once', () => {
  test('eight of an address, and no other address or way waits for that', async () => {
    const [desk, calls] = [createLoginDesk(), new Calls()]
    const flood = Array.from({ length: 50 }, (_, index) => desk.ask(handed(), calls.ask(`flood${index}`)))
    await settle()
    expect(calls.made).toBe(8)
    const others = [
      desk.ask(handed({ network: '192.0.2.8' }), calls.ask('neighbour')),
      desk.ask(handed({ kind: 'browser' }), calls.ask('browser')),
      desk.ask(handed({ integrationId: 'two' }), calls.ask('other app')),
    ]
    await settle()
    expect([...calls.under.keys()]).toEqual(expect.arrayContaining(['neighbour', 'browser', 'other app']))
    // Nobody is left out.
    while (calls.under.size > 0) {
      expect(calls.under.size).toBeLessThanOrEqual(11)
      calls.answerAll()
      await settle()
    }
    expect(await Promise.all(flood)).toHaveLength(50)
    await Promise.all(others)
  })

  test('sixteen of an integration, from however many addresses', async () => {
    const [desk, calls] = [createLoginDesk(), new Calls()]
    const flood = Array.from({ length: 200 }, (_, index) =>
      desk.ask(handed({ network: `198.51.100.${index}` }), calls.ask(`flood${index}`)),
    )
    while (calls.made < 200) {
      await settle()
      expect(calls.under.size).toBeLessThanOrEqual(16)
      calls.answerAll()
    }
    await Promise.all(flood)
  })
})

describe('whoever goes', () => {
  test('before their turn is not asked about', async () => {
    const [desk, calls] = [createLoginDesk(), new Calls()]
    const held = Array.from({ length: 8 }, (_, index) => desk.ask(handed(), calls.ask(`held${index}`)))
    const impatient = Array.from({ length: 20 }, () => new AbortController())
    const left = impatient.map((who) => desk.ask(handed({ gone: who.signal }), calls.ask('left')).catch(code))
    const last = desk.ask(handed(), calls.ask('last'))
    await settle()
    for (const who of impatient) who.abort()
    expect(await Promise.all(left)).toEqual(impatient.map(() => 'GONE'))
    calls.answerAll()
    await settle()
    calls.answerAll()
    await Promise.all([...held, last])
    expect(calls.made).toBe(9)
    const gone = AbortSignal.abort()
    expect(await desk.ask(handed({ gone }), calls.ask('gone')).catch(code)).toBe('GONE')
    expect(calls.made).toBe(9)
  })

  test('in their turn makes no room for one more before it is answered', async () => {
    const [desk, calls] = [createLoginDesk(), new Calls()]
    const who = new AbortController()
    const held = Array.from({ length: 8 }, (_, index) =>
      desk.ask(handed({ gone: who.signal }), calls.ask(`held${index}`)),
    )
    const next = desk.ask(handed(), calls.ask('next'))
    await settle()
    who.abort()
    await settle()
    expect(calls.made).toBe(8)
    calls.answerAll()
    await settle()
    calls.answerAll()
    await Promise.all([...held, next])
  })
})

describe('a code', () => {
  test.each([
    '',
    'short',
    'two words and more',
    '值班值班值班值班值班',
    'a\n'.repeat(10),
    'x'.repeat(201),
    '<script>alert(1)</script>',
  ])('that cannot be one (%j) costs no call', async (text) => {
    const calls = new Calls()
    expect(
      await createLoginDesk()
        .ask(handed({ code: text }), calls.ask('x'))
        .catch(code),
    ).toBe('LOGIN_CODE_INVALID')
    expect(calls.made).toBe(0)
  })

  test('that was wrong or used is asked about once, also by those who waited meanwhile', async () => {
    const [desk, calls] = [createLoginDesk(), new Calls()]
    const wrong = handed()
    const busy = Array.from({ length: 7 }, (_, index) => desk.ask(handed(), calls.ask(`busy${index}`)))
    const all = Array.from({ length: 30 }, (_, index) =>
      desk.ask({ ...wrong, gone: new AbortController().signal }, calls.ask(`wrong${index}`)).catch(code),
    )
    await settle()
    calls.under.get('wrong0')?.(invalid())
    expect(await Promise.all(all)).toEqual(all.map(() => 'LOGIN_CODE_INVALID'))
    expect(calls.made).toBe(8)
    expect(await desk.ask(wrong, calls.ask('again')).catch(code)).toBe('LOGIN_CODE_INVALID')
    expect(calls.made).toBe(8)
    calls.answerAll()
    await Promise.all(busy)

    const right = handed()
    const used = desk.ask(right, calls.ask('right'))
    await settle()
    calls.answerAll()
    expect(await used).toBe('right')
    expect(await desk.ask(right, calls.ask('replayed')).catch(code)).toBe('LOGIN_CODE_INVALID')
    expect(calls.made).toBe(9)
  })

  test('is another one elsewhere, and worth another call after trouble', async () => {
    const desk = createLoginDesk()
    const one = handed()
    const refuse = (): Promise<string> => Promise.reject(invalid())
    const answer = (): Promise<string> => Promise.resolve('who')
    await desk.ask(one, refuse).catch(code)
    expect(await desk.ask({ ...one, kind: 'browser' }, answer)).toBe('who')
    expect(await desk.ask({ ...one, integrationId: 'two' }, answer)).toBe('who')

    const two = handed()
    const trouble = new AppError({ kind: 'retryable', code: 'NETWORK' }, 'no')
    expect(await desk.ask(two, () => Promise.reject(trouble)).catch(code)).toBe('NETWORK')
    expect(await desk.ask(two, answer)).toBe('who')
  })
})
