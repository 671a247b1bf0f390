import { describe, expect, test } from 'vitest'

import { MESSAGES } from '../../src/domain/messages.ts'
import { PAGE_MESSAGES } from '../../src/domain/page-messages.ts'
import { SCREEN } from '../../src/domain/screen-messages.ts'
import { importsOf, isTest, readSources, type Sources, withoutComments } from './sources.ts'

/** Texts that nobody is shown go unread and untrue. */

const TABLES: [path: string, table: Record<string, readonly [string, string]>][] = [
  ['domain/messages.ts', MESSAGES],
  ['domain/page-messages.ts', PAGE_MESSAGES],
  ['domain/screen-messages.ts', SCREEN],
]

/** Flashduty names the rest of these, in a list of its own that grows. */
const OPEN_ENDED = 'feed.'

const product: Sources = new Map([...readSources('src')].filter(([path]) => !isTest(path)))

/** A file without what stands in a message table. */
function withoutTable(path: string, text: string): string {
  const code = withoutComments(text)
  return TABLES.some(([table]) => table === path) ? code.replace(/= \{\n[^]*?\n\} as const/, '') : code
}

/** Keys for which nothing in the product asks, whole or put together of a beginning and a word that it knows. */
function findUnused(sources: Sources, path: string, keys: string[]): string[] {
  const codes = new Map([...sources].map(([name, text]) => [name, withoutTable(name, text)]))
  const askers = [...codes].filter(([name, code]) => name === path || importsOf(name, code).includes(path))
  const asking = askers.map(([, code]) => code).join('\n')
  const all = [...codes.values()].join('\n')
  const words = new Set(
    [...all.matchAll(/'(\w+)'|\b(\w+)\??:|\b(\d+)\b/g)].map(([, one, two, three]) => one ?? two ?? three),
  )
  const whole = new Set([...asking.matchAll(/'([\w.]+)'/g)].map(([, key]) => key))
  const begun = [...asking.matchAll(/`([\w.]+)\.\$\{|\btellFailure\([^']*'([\w.]+)'/g)].map(
    ([, one, two]) => one ?? two,
  )
  const isPutTogether = (key: string): boolean =>
    begun.some(
      (start) => key.startsWith(`${start}.`) && words.has(key.slice(`${start}.`.length).replace(/\.hint$/, '')),
    )
  return keys.filter((key) => !whole.has(key) && !isPutTogether(key))
}

describe.each(TABLES)('%s', (path, table) => {
  test('has no text that the product does not use', () => {
    const keys = Object.keys(table).filter((key) => !key.startsWith(OPEN_ENDED))
    expect(findUnused(product, path, keys)).toEqual([])
  })

  test('has both languages of each, with the same places to fill in', () => {
    const places = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort()
    for (const [key, [chinese, english]] of Object.entries(table)) {
      expect({ key, places: places(english), empty: english === '' }).toEqual({
        key,
        places: places(chinese),
        empty: false,
      })
    }
  })
})

test('a text that is not used would be found', () => {
  const sources = new Map([
    ['domain/screen-messages.ts', "const SCREEN = {\n  'a.b': ['', ''],\n} as const"],
    [
      'http/page.tsx',
      "import { phrase } from '../domain/screen-messages.ts'\nphrase('a.b'); phrase(`c.${x}`); x = 'known'",
    ],
    ['http/other.tsx', "'e.f'"],
  ])
  const keys = ['a.b', 'a.c', 'c.known', 'c.unknown', 'e.f']
  expect(findUnused(sources, 'domain/screen-messages.ts', keys)).toEqual(['a.c', 'c.unknown', 'e.f'])
})
