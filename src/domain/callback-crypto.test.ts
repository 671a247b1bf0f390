import { createCipheriv, randomBytes } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { type CallbackKeys, openPush, sealAnswer, type SealedPush, signPush } from './callback-crypto.ts'
import { atLength, useProperties } from '../../test/support/properties.ts'

useProperties()

const KEYS: CallbackKeys = {
  token: 'flashdutyDemo01',
  aesKey: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG',
  ownerKeys: ['dingdemoappkey0001', 'dingdemocorp01'],
}

const RENAMED =
  '{"EventType":"chat_update_title","EventTime":"1767225599000","CorpId":"dingdemocorp01","BizId":"1767225599000",' +
  '"eventId":"0f1e2d3c4b5a69788796a5b4c3d2e1f0","timeStamp":1767225599000,"chatId":"chat0demo0001","corpId":' +
  '"dingdemocorp01","operatorUnionId":"uDemoUnion1iE","title":"值班群-A","openConversationId":"cidDemoGroup0001==",' +
  '"operator":"manager0001"}'

const CHECK: SealedPush = {
  signature: '44654dca584cb4ba814a90289c5f35881c98168b',
  timestamp: '1767225600000',
  nonce: 'n0nceDemo',
  encrypt: 'FdOCtUK8OLMiDlWXirRuayaOZdUsMmTs91y/QmPnm7HAT3JQgjId2lq/qTqoxQ65JxvB9gYsASP7hKrrGRmpNg==',
}

type Vector = { from: string; keys: CallbackKeys; push: SealedPush; message: string }

/** Published by the vendor, but for the first two, which were made from its description with other code. */
const VECTORS: Vector[] = [
  { from: 'an address check', keys: KEYS, push: CHECK, message: '{"EventType":"check_url"}' },
  {
    from: 'a renamed group',
    keys: KEYS,
    push: {
      signature: '0f22b2adb1b3bb862027faf98022856c427e69ff',
      timestamp: '1767225600000',
      nonce: 'n0nceDemo',
      encrypt:
        'FdOCtUK8OLMiDlWXirRuaw51K3hzHbRHasqfnoxSz+q7hdFc6zVWHJHpnblkcnPW/Luf0jwq6OZi8jyPG/P/XVjjCZIvWWNoo0wDQuf4y07f' +
        'v3vVpLxO2eS6+E5ZVTJd1wqyh4tHcFwxNPLY+NVfvuNnG2kXvBcMO7LHXtcjO872j83LS0df5owJqGEgqs6pOcXnt6kr6A/yKPAF55cAnKHs' +
        'Kq8E0ra2LqMtk9MHBBeoNaPTNsF+Cd1KD2hb8L7L2RdY/3chY35y5W8Pprc2jQFtF04MIFtvQf3yOaCKPbuqDZMGdzhaLrwVeX9DdWnX53h6' +
        'IQMO6aRayNKVSZbb95MQWuYUclaGjEUHkzM3GATBRTjNqSmD0vZoesLL4CkZuAoSu8n3haq1+GvsOwy7jIUA6xM6SosoBzhLwCzs9d+ZyYgR' +
        't6JZDjjrLV58VC5NN0hVxeRYt4vBNK0SZFSlgtq0rtqxs9DmOFPGUw4flZcCnhRfgLs4RkOA3bhD/j+KfRhoUujCQddrDOoOji4xVebm0Tct' +
        '6s9rMcGkFitn2Eg=',
    },
    message: RENAMED,
  },
  {
    from: 'the page "configure-stream-push"',
    keys: {
      token: '123456',
      aesKey: '1234567890123456789012345678901234567890123',
      ownerKeys: ['dingsnotzck6pm5veliw'],
    },
    push: {
      signature: '9a95a004dd16f5c307e849b994173f76aa26e5eb',
      timestamp: '1614767836',
      nonce: 'A7Co0cJLMzIDtMMI',
      encrypt: 'YvkvaGe4hQxd3VxRmEty0dVlnCOAqwf56xwTRHDHoOURqhalbmBJQk5FNcRk42Gl5T0YQXZNwpwWSm1xAFJ5ZA==',
    },
    message: 'success',
  },
  {
    from: 'the page "callback-event-message-body-encryption-and-decryption"',
    keys: {
      token: '123456',
      aesKey: '4g5j64qlyl3zvetqxz5jiocdr586fn2zvjpa8zls3ij',
      ownerKeys: ['suite4xxxxxxxxxxxxxxx'],
    },
    push: {
      signature: '5a65ceeef9aab2d149439f82dc191dd6c5cbe2c0',
      timestamp: '1445827045067',
      nonce: 'nEXhMP4r',
      encrypt:
        '1a3NBxmCFwkCJvfoQ7WhJHB+iX3qHPsc9JbaDznE1i03peOk1LaOQoRz3+nlyGNhwmwJ3vDMG+OzrHMeiZI7gTRWVdUBmfxjZ8Ej23JVYa9V' +
        'rYeJ5as7XM/ZpulX8NEQis44w53h1qAgnC3PRzM7Zc/D6Ibr0rgUathB6zRHP8PYrfgnNOS9PhSBdHlegK+AGGanfwjXuQ9+0pZcy0w9lQ==',
    },
    message: '{"EventType":"check_create_suite_url","Random":"LPIdSnlF","TestSuiteKey":"suite4xxxxxxxxxxxxxxx"}',
  },
  {
    from: 'the vendor’s Go code',
    keys: {
      token: 'tokenxxxx',
      aesKey: 'o1w0aum42yaptlz8alnhwikjd3jenzt9cb9wmzptgus',
      ownerKeys: ['dingxxxxxx'],
    },
    push: {
      signature: 'f36f4ba5337d426c7d4bca0dbcb06b3ddc1388fc',
      timestamp: '1605695694141',
      nonce: 'WelUQl6bCqcBa2fM',
      encrypt: 'X1VSe9cTJUMZu60d3kyLYTrBq5578ZRJtteU94wG0Q4Uk6E/wQYeJRIC0/UFW5Wkya1Ihz9oXAdLlyC9TRaqsQ==',
    },
    message: 'success',
  },
  {
    from: 'the vendor’s Python code',
    keys: {
      token: 'mryue',
      aesKey: 'Yue0EfdN5900c1ce5cf6A152c63DDe1808a60c5ecd7',
      ownerKeys: ['ding6ccabc44d2c8d38b'],
    },
    push: {
      signature: '03044561471240d4a14bb09372dfcfd4fd0e40cb',
      timestamp: '1608001896814',
      nonce: 'WL4PK6yA',
      encrypt:
        '0vJiX6vliEpwG3U45CtXqi+m8PXbQRARJ8p8BbDuD1EMTDf0jKpQ79QS93qEk7XHpP6u+oTTrd15NRPvNvmBKyDCYxxOK+HZeKju4yhELOFc' +
        'hzNukR+t8SB/qk4ROMu3',
    },
    message: '{"EventType":"check_url"}',
  },
]

describe('a push is opened', () => {
  test.each(VECTORS)('of $from', ({ keys, push, message }) => {
    expect(openPush(keys, push)).toEqual({ message, ownerKey: keys.ownerKeys[0] })
  })

  test('also when it belongs to the corporation instead of the app', () => {
    const keys = { ...KEYS, ownerKeys: ['another', 'dingdemoappkey0001'] }
    expect(openPush(keys, CHECK)).toMatchObject({ ownerKey: 'dingdemoappkey0001' })
  })
})

describe('an answer is sealed', () => {
  test('as the vendor’s description has it', () => {
    const answer = { message: 'success', ownerKey: 'dingdemoappkey0001', nowMs: 1767225600123 }
    const fresh = { random: Buffer.from('ZYXWVUTSRQPONMLK'), nonce: 'respNonce1' }
    expect(sealAnswer(KEYS, answer, fresh)).toEqual({
      msg_signature: '714d72c4fc0d2c81604a2291f9fdd042b12ba657',
      timeStamp: '1767225600123',
      nonce: 'respNonce1',
      encrypt: 'FuMrX8LKb8d1+83UAx0RlYCrbMF/MU+g6ANIwUrmiBtUZQjwwEVrsLjdXa7VI6NPSpVkJoOYsemQyi2d67zIvA==',
    })
  })

  test('by chance each time, and can be opened again whatever it says', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (message) => {
        const answer = { message, ownerKey: 'dingdemocorp01', nowMs: 1767225600123 }
        const { msg_signature: signature, timeStamp: timestamp, nonce, encrypt } = sealAnswer(KEYS, answer)
        const wellFormed = Buffer.from(message, 'utf8').toString('utf8')
        expect(openPush(KEYS, { signature, timestamp, nonce, encrypt })).toEqual({
          message: wellFormed,
          ownerKey: 'dingdemocorp01',
        })
        expect(sealAnswer(KEYS, answer).encrypt).not.toBe(encrypt)
      }),
    )
  })
})

/** Signed with the right token, as only somebody could who knows it. */
const signed = (encrypt: string): SealedPush => ({
  ...CHECK,
  encrypt,
  signature: signPush(KEYS.token, { ...CHECK, encrypt }),
})
const sealedFor = (ownerKey: string): string => sealAnswer(KEYS, { message: 'success', ownerKey, nowMs: 1 }).encrypt

describe('a push is refused with the vendor’s own number', () => {
  const half = sealedFor('dingdemoappkey0001').slice(0, 24)
  test.each<[number, string, CallbackKeys, SealedPush]>([
    [900001, 'no message', KEYS, { ...CHECK, encrypt: '' }],
    [900002, 'no timestamp', KEYS, { ...CHECK, timestamp: '' }],
    [900003, 'no nonce', KEYS, { ...CHECK, nonce: '' }],
    [900004, 'a key of another length', { ...KEYS, aesKey: 'abc' }, CHECK],
    [900005, 'another signature', KEYS, { ...CHECK, signature: CHECK.signature.replace('4', '5') }],
    [900005, 'no signature', KEYS, { ...CHECK, signature: '' }],
    [900005, 'another token', { ...KEYS, token: 'other' }, CHECK],
    [900005, 'the timestamp as another number', KEYS, { ...CHECK, timestamp: '1767225600000.0' }],
    [900008, 'another key', { ...KEYS, aesKey: KEYS.aesKey.replace('a', 'b') }, CHECK],
    [900008, 'a part of a block', KEYS, signed(half.slice(0, 20))],
    [900008, 'half the message', KEYS, signed(half)],
    [900008, 'no base64', KEYS, signed('!')],
    [900008, 'base64 without its end', KEYS, signed(CHECK.encrypt.replace(/=+$/, ''))],
    [900010, 'another owner', { ...KEYS, ownerKeys: ['dingelse'] }, CHECK],
    [900010, 'no owner', KEYS, signed(sealedFor(''))],
  ])('%i: %s', (error, _what, keys, push) => {
    expect(openPush(keys, push)).toEqual({ error })
  })

  test('900009: a length beyond the message', () => {
    // In CBC a flipped bit of one block flips the same bit of the next one: here of the length.
    const bytes = Buffer.from(CHECK.encrypt, 'base64')
    bytes[0] = (bytes[0] ?? 0) ^ 0x7f
    expect(openPush(KEYS, signed(bytes.toString('base64')))).toEqual({ error: 900009 })
  })

  test('900008: padded to blocks of 16, as other libraries do it', () => {
    // 16 + 4 + 7 + 18 = 45 bytes want 19 more, not 3.
    const content = Buffer.concat([
      Buffer.from('abcdefghij012345'),
      Buffer.from([0, 0, 0, 7]),
      Buffer.from('successdingdemoappkey0001'),
    ])
    const key = Buffer.from(`${KEYS.aesKey}=`, 'base64')
    const cipher = createCipheriv('aes-256-cbc', key, key.subarray(0, 16))
    const encrypt = Buffer.concat([cipher.update(content), cipher.final()]).toString('base64')
    expect(openPush(KEYS, signed(encrypt))).toEqual({ error: 900008 })
  })
})

/** Forces a collection, so that what is left is held. */
function heapMiB(): number {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  return process.memoryUsage().heapUsed / 1024 / 1024
}

test('of very many forged pushes none is accepted, none throws, nothing stays in memory', () => {
  const genuine = VECTORS.filter(({ keys }) => keys === KEYS).map(({ push }) => push)
  const chance = randomBytes(1 << 16)
  let at = 0
  const next = (below: number): number => {
    at = (at + 2) % (chance.length - 1)
    return (chance.readUInt16BE(at) ^ (at * 31)) % below
  }
  const flip = (text: string): string => {
    const where = next(text.length)
    return text.slice(0, where) + String.fromCharCode(33 + next(90)) + text.slice(where + 1)
  }
  const forge = (index: number): SealedPush => {
    const push = genuine[index % genuine.length] ?? CHECK
    switch (index % 6) {
      case 0:
        return { ...push, encrypt: flip(push.encrypt) }
      case 1:
        return { ...push, signature: flip(push.signature), nonce: flip(push.nonce) }
      case 2: // The token is known, the key is not.
        return signed(chance.subarray(next(60_000)).subarray(0, next(400)).toString('base64'))
      case 3:
        return signed(push.encrypt.slice(0, next(push.encrypt.length)))
      case 4:
        return signed(
          chance
            .subarray(next(60_000))
            .subarray(0, 32 * (1 + next(6)))
            .toString('base64'),
        )
      default:
        return { signature: flip(push.timestamp), timestamp: flip(push.nonce), nonce: '', encrypt: push.signature }
    }
  }
  const isForged = (push: SealedPush): boolean =>
    !genuine.some((good) => good.encrypt === push.encrypt && good.signature === push.signature)

  let accepted = 0
  let forged = 0
  const run = (from: number, to: number): void => {
    for (let index = from; index < to; index++) {
      const push = forge(index)
      if (!isForged(push)) continue
      forged += 1
      if ('message' in openPush(KEYS, push)) accepted += 1
    }
  }
  // Of 10,000 none could hide in 8 MiB either.
  const all = atLength(10_000)
  run(0, all / 10)
  const before = heapMiB()
  run(all / 10, all)
  expect(heapMiB() - before).toBeLessThan(8)
  expect(forged).toBeGreaterThan(0.98 * all)
  expect(accepted).toBe(0)
})
