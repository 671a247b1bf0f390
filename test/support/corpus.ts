import { readdirSync, readFileSync } from 'node:fs'

const FOLDER = new URL('../fixtures/bodies/', import.meta.url)

/** What is to become of a body; paths are those of the parts that are left out, or the one for which it is refused. */
type Expected = 'told' | 'skipped' | { leftOut: string[] } | { refused: string }

/** One body as it is sent, with what it imitates; see `test/fixtures/README.md`. */
export type Sample = { what: string; text: string; expect: Expected }

/** All of them, in the order of their files. */
export function readCorpus(): Sample[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .flatMap((name) => {
      const entries = JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as (Omit<Sample, 'text'> & {
        body?: unknown
        text?: string
      })[]
      return entries.map(({ what, text, body, expect }) => ({
        what: `${name.replace('.json', '')}: ${what}`,
        text: text ?? JSON.stringify(body),
        expect,
      }))
    })
}

/** The value that the text is JSON of, as a receiver that knows byte order marks reads it; undefined = it is none. */
export function parseSample(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, '')) as unknown
  } catch {
    return undefined
  }
}

/** The id of the sample's incident, whatever it is packed in. */
export function incidentIdOf(text: string): string {
  const unpacked = (value: unknown): Record<string, unknown> =>
    (typeof value === 'string' ? parseSample(value) : value) as Record<string, unknown>
  return String(unpacked(unpacked(parseSample(text))['incident'])['incident_id']).trim()
}

/** Said to be left out, compared with what has to be: all of these, and nothing that has to do with none of them. */
export function differencesOf(said: string[], expected: string[]): { missing: string[]; beyond: string[] } {
  const isRelated = (one: string, other: string): boolean => one.startsWith(other) || other.startsWith(one)
  return {
    missing: expected.filter((path) => !said.some((one) => one.startsWith(path))),
    beyond: said.filter((one) => !expected.some((path) => isRelated(one, path))),
  }
}
