import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'

import { AppError } from '../errors.ts'
import { keepPrivate } from './private-files.ts'

/** How many copies stay beside the database. */
const KEPT = 3
const CHUNK_BYTES = 1024 * 1024

/** The database as it is to be copied; nobody writes to it meanwhile. */
export type CopySource = {
  path: string
  sizeBytes: number
  /** Into a file that is there and empty. */
  copyTo(file: string): Promise<void>
  /** Room beside it, in bytes. */
  freeBytes?: ((folder: string) => number) | undefined
}

/**
 * Copies the database beside itself before the migration changes it: as `<name>.before-<migration>`, or with a counter
 * where a different copy has that name. Only its owner can read it.
 * @returns the copy's path; of one that says the same already, that one's
 * @throws AppError `permanent DATABASE_COPY_FAILED`: nothing is left behind
 */
export async function copyBefore(migration: string, source: CopySource): Promise<string> {
  const { path, sizeBytes, freeBytes = roomIn } = source
  const partial = `${path}.before.partial`
  const made: string[] = []
  try {
    const free = freeBytes(dirname(path))
    if (free < sizeBytes) throw new Error(`${free} are free`)
    rmSync(partial, { force: true })
    const descriptor = openSync(partial, 'wx', 0o600)
    made.push(partial, `${partial}-journal`)
    keepPrivate(partial)
    try {
      await source.copyTo(partial)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    return place(partial, `${path}.before-${migration}`)
  } catch (cause) {
    for (const file of made) rmSync(file, { force: true })
    throw new AppError(
      { kind: 'permanent', code: 'DATABASE_COPY_FAILED' },
      `the database ${path} is not brought up to date, since it cannot be copied beside itself before ` +
        `(${sizeBytes} bytes are needed; ${cause instanceof Error ? cause.message : 'unknown'}): ` +
        `make room in ${dirname(path)}, and let this process write there`,
      { cause },
    )
  }
}

/** Never over another one. A start that fails again and again would make the same copy again and again. */
function place(partial: string, wanted: string): string {
  for (let count = 1; ; count++) {
    const file = count === 1 ? wanted : `${wanted}-${count}`
    if (statSync(file, { throwIfNoEntry: false }) === undefined) {
      renameSync(partial, file)
      return file
    }
    if (saySame(partial, file)) {
      rmSync(partial)
      return file
    }
  }
}

/** Removes all copies but the newest. Never fails: one too many does no harm. */
export function trimCopies(path: string): void {
  try {
    const begin = `${basename(path)}.before-`
    const names = new Set(readdirSync(dirname(path)))
    const byAge = [...names]
      .filter((name) => name.startsWith(begin) && /^\d{4}-[a-z\d-]+$/.test(name.slice(begin.length)))
      // What SQLite lays beside a copy that somebody looks into.
      .filter((name) => !names.has(/^(.+)-(wal|shm|journal)$/.exec(name)?.[1] ?? ''))
      .map((name) => join(dirname(path), name))
      .map((file) => ({ file, at: statSync(file).mtimeMs }))
      .sort((a, b) => b.at - a.at)
    for (const { file } of byAge.slice(KEPT)) rmSync(file)
  } catch {
    // The next one tries again.
  }
}

function roomIn(folder: string): number {
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize
}

function saySame(one: string, other: string): boolean {
  if (!statSync(other).isFile() || statSync(one).size !== statSync(other).size) return false
  const files = [openSync(one, 'r'), openSync(other, 'r')]
  try {
    const chunks = files.map(() => Buffer.alloc(CHUNK_BYTES))
    for (;;) {
      const [length, otherLength] = files.map((file, index) => readSync(file, chunks[index] ?? Buffer.alloc(0)))
      const [chunk, otherChunk] = chunks.map((read) => read.subarray(0, length))
      if (length !== otherLength || !chunk || !otherChunk?.equals(chunk)) return false
      if (length === 0) return true
    }
  } finally {
    for (const file of files) closeSync(file)
  }
}
