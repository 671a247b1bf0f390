/** SQLite takes at most 32,766 parameters in a statement, and lists of ids can have any length. */
const CHUNK_SIZE = 500

/**
 * What the query finds for each chunk of the values, together: for `where … in (…)`. A value given twice counts once.
 * @param run is given lists of few different lengths, so that few statements are built: the last value of one may be
 *   repeated, which `in` does not mind
 */
export async function inChunks<Value extends string | number, Row>(
  values: Value[],
  run: (chunk: Value[]) => Promise<Row[]>,
): Promise<Row[]> {
  if (values.length === 0) return []
  if (values.length === 1) return run(values)
  const rows: Row[][] = []
  for (const chunk of chunksOf(inOrder([...new Set(values)]))) rows.push(await run(padded(chunk)))
  return rows.flat()
}

/** The same for statements that only write. */
export async function eachChunk<Value extends string | number>(
  values: Value[],
  run: (chunk: Value[]) => Promise<unknown>,
): Promise<void> {
  await inChunks(values, async (chunk) => {
    await run(chunk)
    return []
  })
}

export function chunksOf<Value>(values: Value[]): Value[][] {
  const chunks: Value[][] = []
  for (let from = 0; from < values.length; from += CHUNK_SIZE) chunks.push(values.slice(from, from + CHUNK_SIZE))
  return chunks
}

/** As an index goes through them, so that rows come in the order of one query over all of them. */
function inOrder<Value extends string | number>(values: Value[]): Value[] {
  return values.length > CHUNK_SIZE ? values.sort(byValue) : values
}

/** To the next power of two, or the size of a whole chunk. */
function padded<Value>(chunk: Value[]): Value[] {
  const length = Math.min(2 ** Math.ceil(Math.log2(chunk.length)), CHUNK_SIZE)
  const last = chunk.at(-1)
  return last === undefined ? chunk : [...chunk, ...Array<Value>(length - chunk.length).fill(last)]
}

/** As the database orders numbers and texts: by code points, where JavaScript goes by halves of letters. */
export function byValue(a: string | number, b: string | number): number {
  if (typeof a === 'number' || typeof b === 'number') return Number(a) - Number(b)
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index++) {
    const [one, other] = [a.charCodeAt(index), b.charCodeAt(index)]
    if (one !== other) return rankOf(one) - rankOf(other)
  }
  return a.length - b.length
}

/** Halves of letters stand for what comes after everything else. */
function rankOf(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}
