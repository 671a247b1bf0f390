import fc from 'fast-check'

/** Bodies that were valid once, edited at random: what a template, another language or a broken sender may make of them. */

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
type Path = (string | number)[]

/** One edit: of the value that `place` (from 0 to 1) points at among all values of the body. */
export type Edit = { place: number; how: How }
type How =
  | { kind: 'replace'; value: Json }
  | { kind: 'remove' }
  | { kind: 'duplicate'; times: number }
  | { kind: 'set'; key: string; value: Json }
  | { kind: 'long'; unit: string; times: number }
  | { kind: 'deep'; levels: number; list: boolean }
  | { kind: 'unit'; of: (typeof UNITS)[number] }

const UNITS = ['ms', 'us', 'ns', 'days', 'text', 'iso', 'spaced', 'float', 'negative', 'future'] as const

/** Values that are wrong in most places, and texts that mean something to somebody. */
const WRONG: Json[] = [
  ...[null, true, false, 0, -0, -1, 1.5, 1e308, 5e-324, 2 ** 53, '', ' ', [], {}, [[]], [{}], [null], '[]', '{}'],
  ...[
    'null',
    'undefined',
    'NaN',
    '[object Object]',
    '{{person}}',
    ' {{incident.labels.owner}} ',
    'x {{a}}',
    '{{',
    '}}',
  ],
  ...['[{"chat_id":"cidA"}]', '{"person_id":1}', '[cut off', 'a,b,,c', '1,2', '\u0000', '\ud800', '\u202e', '😀'],
  ...['en', 'P1', 'CRITICAL', 'closed', 'i_assign', 'A_NEW', '1e3', '0x10', '+7', '2100-01-01T00:00:00Z', '4102444800'],
]

const PROTOTYPE_KEYS = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', 'length', '']

const anyJson = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...WRONG) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<Json> },
)

const edit: fc.Arbitrary<Edit> = fc.record({
  place: fc.double({ min: 0, max: 1, noNaN: true }),
  how: fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('replace' as const), value: anyJson }) },
    { weight: 3, arbitrary: fc.constant({ kind: 'remove' as const }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('duplicate' as const), times: fc.constantFrom(1, 2, 9, 600) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('set' as const),
        key: fc.oneof(fc.constantFrom(...PROTOTYPE_KEYS), fc.string({ unit: 'binary', maxLength: 20 })),
        value: anyJson,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('long' as const),
        unit: fc.constantFrom('x', '字', '😀', '\n', '`', '*', '[', '{{', '<', '\u0301', '\ud800', '1,'),
        times: fc.constantFrom(65, 201, 2_001, 10_001, 50_001, 200_000),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('deep' as const),
        levels: fc.constantFrom(2, 30, 31, 32, 33, 100, 2_000),
        list: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('unit' as const), of: fc.constantFrom(...UNITS) }) },
  ),
})

/** From one to five of them. */
export const edits = fc.array(edit, { minLength: 1, maxLength: 5 })

/** The body after all of them; the body itself stays as it is. */
export function applyEdits(body: unknown, list: Edit[]): unknown {
  let edited = structuredClone(body) as Json
  for (const one of list) edited = applyEdit(edited, one)
  return edited
}

function applyEdit(body: Json, { place, how }: Edit): Json {
  const all: Path[] = []
  listPaths(body, [], all)
  const path = all[Math.min(all.length - 1, Math.floor(place * all.length))] ?? []
  return change(body, path, how)
}

/** Values that lie deeper, or far behind in a list, are like those before them. */
const DEEP = 12
const MANY = 60

function listPaths(value: Json, path: Path, all: Path[]): void {
  all.push(path)
  if (typeof value !== 'object' || value === null || path.length > DEEP) return
  const keys: Path = Array.isArray(value) ? [...value.keys()] : Object.keys(value)
  for (const key of keys.slice(0, MANY)) listPaths(get(value, key), [...path, key], all)
}

function get(value: Json, key: string | number): Json {
  return (Object.getOwnPropertyDescriptor(value, key)?.value ?? null) as Json
}

/** Also of keys that mean something else to an assignment. */
function put(object: object, key: string | number, value: Json): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
}

function change(value: Json, path: Path, how: How): Json {
  const [key, ...rest] = path
  if (key === undefined) return changeHere(value, how)
  if (typeof value !== 'object' || value === null) return value
  if (rest.length > 0) {
    put(value, key, change(get(value, key), rest, how))
    return value
  }
  if (how.kind === 'remove') {
    if (Array.isArray(value)) value.splice(Number(key), 1)
    else delete value[key]
  } else if (how.kind === 'duplicate') {
    const copies = Array.from({ length: how.times }, () => copyOf(get(value, key)))
    if (Array.isArray(value)) value.splice(Number(key), 0, ...copies)
    else for (const [index, copy] of copies.slice(0, 9).entries()) put(value, `${key}${index}`, copy)
  } else {
    put(value, key, changeHere(get(value, key), how))
  }
  return value
}

function changeHere(value: Json, how: How): Json {
  switch (how.kind) {
    case 'replace':
      return structuredClone(how.value)
    case 'set': {
      const object = typeof value === 'object' && value !== null ? value : {}
      if (!(Array.isArray(object) && how.key === 'length')) put(object, how.key, structuredClone(how.value))
      return object
    }
    case 'long':
      return how.unit.repeat(how.times)
    case 'deep': {
      let deep = value
      for (let level = 0; level < how.levels; level++) deep = how.list ? [deep] : { a: deep }
      return deep
    }
    case 'unit':
      return inUnit(value, how.of)
    case 'remove':
    case 'duplicate':
      return value
  }
}

function inUnit(value: Json, unit: (typeof UNITS)[number]): Json {
  if (typeof value !== 'number') return value
  const seconds = value > 1e11 ? value / 1_000 : value
  switch (unit) {
    case 'ms':
      return seconds * 1_000
    case 'us':
      return seconds * 1_000_000
    case 'ns':
      return seconds * 1_000_000_000
    case 'days':
      return Math.floor(seconds / 86_400)
    case 'text':
      return String(value)
    case 'iso':
      return Math.abs(seconds) < 1e11 ? new Date(seconds * 1_000).toISOString() : String(value)
    case 'spaced':
      return ` ${value} `
    case 'float':
      return seconds + 0.123456
    case 'negative':
      return -value
    case 'future':
      return seconds * 3
  }
}

/** What is nested too deeply to be copied is the same in both places. */
function copyOf<T>(value: T): T {
  try {
    return structuredClone(value)
  } catch (error) {
    if (error instanceof RangeError) return value
    throw error
  }
}
