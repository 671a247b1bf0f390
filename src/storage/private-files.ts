import { chmodSync, closeSync, existsSync, mkdirSync, openSync, realpathSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** For their owner alone. Said after each making once more, since the process's umask may take away from it. */
const FOLDER = 0o700
const FILE = 0o600
const OTHERS = 0o077

/** A file that others could read or write, and the mode it had, such as `644`. */
export type LooseFile = { file: string; mode: string }

/** What became of files that others could read or write. */
export type Tightening = { tightened: LooseFile[]; refused: (LooseFile & { why: string })[] }

/** Told when there was one. */
export type OnTightened = (tightening: Tightening) => void

/** Makes the folder and what is missing above it. One that is there stays as whoever made it wanted it. */
export function makePrivateFolder(path: string): void {
  if (existsSync(path)) return
  makePrivateFolder(dirname(path))
  try {
    mkdirSync(path, FOLDER)
  } catch (error) {
    // Another process was quicker.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return
    throw error
  }
  setMode(path, FOLDER)
}

/** Makes the file, empty, where there is none. What SQLite lays beside a database gets the database's mode. */
export function makePrivateFile(path: string): void {
  if (existsSync(path)) return
  const descriptor = openSync(path, 'a', FILE)
  closeSync(descriptor)
  keepPrivate(path)
}

/** Says the mode of a file that was just made once more. */
export function keepPrivate(file: string): void {
  setMode(file, FILE)
}

/**
 * Takes from others what rights they have on these files; those that are missing are passed over. Never fails: a file of
 * somebody else's, or on a disk without modes, is used as it is.
 * @param chmod a test's
 */
export function tighten(
  files: string[],
  onTightened: OnTightened | undefined,
  chmod: (file: string, mode: number) => void = chmodSync,
): void {
  const tightening: Tightening = { tightened: [], refused: [] }
  for (const file of files) {
    const mode = modeOf(file)
    if (mode === undefined || (mode & OTHERS) === 0) continue
    const loose = { file, mode: mode.toString(8) }
    try {
      chmod(file, mode & ~OTHERS)
      if (((modeOf(file) ?? 0) & OTHERS) !== 0) throw new Error('its file system has no such modes')
      tightening.tightened.push(loose)
    } catch (error) {
      tightening.refused.push({ ...loose, why: error instanceof Error ? error.message : 'unknown' })
    }
  }
  if (tightening.tightened.length + tightening.refused.length > 0) onTightened?.(tightening)
}

/** The database and what SQLite lays beside it, which is beside the file that a link leads to. */
export function filesOfDatabase(path: string): string[] {
  const file = existsSync(path) ? realpathSync(path) : path
  return [file, `${file}-wal`, `${file}-shm`, `${file}-journal`]
}

function modeOf(file: string): number | undefined {
  const stat = existsSync(file) ? statSync(file, { throwIfNoEntry: false }) : undefined
  return stat?.isFile() ? stat.mode & 0o7777 : undefined
}

function setMode(path: string, mode: number): void {
  try {
    chmodSync(path, mode)
  } catch {
    // A disk without modes is no hindrance.
  }
}
