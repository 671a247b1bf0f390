import type { Compilable, CompiledQuery, QueryResult } from 'kysely'

import type { Handle } from './schema.ts'

/**
 * A statement that is built once for each shape its values have (which fields there are, how long a list is), because
 * building one costs more than running it. For what runs with every delivery; the rest may be built each time.
 * @param build is shown stand-ins for the values: it puts them into the query and cannot look at what they are
 */
export function statement<Values extends object, Output>(
  build: (db: Handle, values: Values) => Compilable<Output>,
): (db: Handle, values: Values) => Promise<QueryResult<Output>> {
  // By adapter, because each speaks a dialect of its own.
  const built = new WeakMap<object, Map<string, CompiledQuery<Output>>>()
  return (db, values) => {
    const { adapter } = db.getExecutor()
    let byShape = built.get(adapter)
    if (!byShape) built.set(adapter, (byShape = new Map<string, CompiledQuery<Output>>()))
    const leaves: unknown[] = []
    const shape = flatten(values, leaves)
    let query = byShape.get(shape)
    if (!query) {
      query = build(db, standIn(values, { count: 0 }) as Values).compile()
      if (byShape.size < MAX_SHAPES) byShape.set(shape, query)
    }
    const parameters = query.parameters.map((value) => (value instanceof StandIn ? leaves[value.index] : value))
    return db.executeQuery({ ...query, parameters })
  }
}

/** Lists can have any length; the long ones are rare. */
const MAX_SHAPES = 50

class StandIn {
  readonly index: number

  constructor(index: number) {
    this.index = index
  }

  [Symbol.toPrimitive](): never {
    throw new Error('a statement is built from stand-ins: work out what depends on a value before')
  }
}

/** Collects the single values in order. As for Kysely, a field that is undefined is not there. @returns the shape */
function flatten(value: unknown, leaves: unknown[]): string {
  if (value === null || typeof value !== 'object') {
    leaves.push(value)
    return '?'
  }
  let shape = ''
  if (Array.isArray(value)) {
    for (const item of value) shape += flatten(item, leaves)
    return `[${shape}]`
  }
  for (const [name, field] of Object.entries(value)) if (field !== undefined) shape += name + flatten(field, leaves)
  return `{${shape}}`
}

/** The same again with stand-ins, counted in the order of `flatten`. */
function standIn(value: unknown, seen: { count: number }): unknown {
  if (value === null || typeof value !== 'object') return new StandIn(seen.count++)
  if (Array.isArray(value)) return value.map((item) => standIn(item, seen))
  const there = Object.entries(value).filter(([, field]) => field !== undefined)
  return Object.fromEntries(there.map(([name, field]) => [name, standIn(field, seen)]))
}
