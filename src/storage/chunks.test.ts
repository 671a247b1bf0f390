import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { byValue, chunksOf, eachChunk, inChunks } from './chunks.ts'

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)

describe('a list of any length', () => {
  test.each([0, 1, 2, 3, 9, 499, 500, 501, 1_000, 40_000])(
    'of %i values is asked for in whole, once',
    async (count) => {
      const asked: number[][] = []
      const rows = await inChunks(numbers(count), async (chunk) => {
        asked.push(chunk)
        return [...new Set(chunk)]
      })
      expect(rows).toEqual(numbers(count))
      expect(asked.every(({ length }) => length > 0 && length <= 500)).toBe(true)
      const written: number[] = []
      await eachChunk(numbers(count), async (chunk) => void written.push(...new Set(chunk)))
      expect(written).toEqual(numbers(count))
    },
  )

  test('is asked for in lists of few different lengths', async () => {
    const lengths = new Set<number>()
    for (const count of numbers(1_200)) {
      await inChunks(numbers(count), async (chunk) => {
        lengths.add(chunk.length)
        return []
      })
    }
    expect([...lengths].sort((a, b) => a - b)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 500])
  })

  test('counts what is in it twice once, however far apart', async () => {
    const twice = [...numbers(900), ...numbers(900)]
    expect(await inChunks(twice, async (chunk) => [...new Set(chunk)])).toEqual(numbers(900))
  })

  test('comes in the order of one query, also when it is shuffled', async () => {
    const shuffled = numbers(3_000).map((n) => `id-${(n * 7_919) % 3_000}`)
    const found = await inChunks(shuffled, async (chunk) => [...new Set(chunk)].sort(byValue))
    expect(found).toEqual(shuffled.toSorted(byValue))
  })

  test('to be put in is not padded', () => {
    expect(chunksOf(numbers(1_001)).map(({ length }) => length)).toEqual([500, 500, 1])
    expect(chunksOf(numbers(1_001)).flat()).toEqual(numbers(1_001))
  })

  test('fails as its query does', async () => {
    await expect(inChunks([1, 2], () => Promise.reject(new Error('locked')))).rejects.toThrow('locked')
  })
})

test('texts go by code points, as in the database', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      expect(Math.sign(byValue(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
    }),
  )
  expect(['\uFFFD', '😀', 'a', '值', ''].sort(byValue)).toEqual(['', 'a', '值', '\uFFFD', '😀'])
  expect([10, 9, -1].sort(byValue)).toEqual([-1, 9, 10])
})
