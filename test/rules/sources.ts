import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..')

/** Source texts by their path under the folder. */
export type Sources = ReadonlyMap<string, string>

export function readSources(folder: string): Sources {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
  return new Map(
    names
      .map((name) => name.replaceAll('\\', '/'))
      .filter((name) => /\.tsx?$/.test(name))
      .sort()
      .map((name) => [name, readFileSync(join(ROOT, folder, name), 'utf8')]),
  )
}

/** Tests, and what several of them are given to try. */
export const isTest = (path: string): boolean => /\.(test|fixture)\.tsx?$/.test(path)

/** What a file imports or re-exports, types included; relative ones as paths under the folder. */
export function importsOf(path: string, text: string): string[] {
  const found = withoutComments(text).matchAll(/\b(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)
  return [...found].map(([, spec = '']) =>
    spec.startsWith('.') ? posix.normalize(posix.join(posix.dirname(path), spec)) : spec,
  )
}

/** Comments may speak of what code must not do. Line comments behind code stay out of it: addresses hold `//` too. */
export function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '')
}

/** The first circle of imports, as the paths along it; undefined when there is none. */
export function findCycle(sources: Sources): string[] | undefined {
  const done = new Set<string>()
  const walk = (path: string, trail: string[]): string[] | undefined => {
    const seenAt = trail.indexOf(path)
    if (seenAt >= 0) return [...trail.slice(seenAt), path]
    const text = sources.get(path)
    if (text === undefined || done.has(path)) return undefined
    for (const next of importsOf(path, text)) {
      const cycle = walk(next, [...trail, path])
      if (cycle) return cycle
    }
    done.add(path)
    return undefined
  }
  for (const path of sources.keys()) {
    const cycle = walk(path, [])
    if (cycle) return cycle
  }
  return undefined
}

/** Every file that is imported from `start`, over however many steps. */
export function reachableFrom(sources: Sources, start: string): Set<string> {
  const reached = new Set<string>()
  const open = [start]
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const text = sources.get(path)
    if (text === undefined || reached.has(path)) continue
    reached.add(path)
    open.push(...importsOf(path, text))
  }
  return reached
}
