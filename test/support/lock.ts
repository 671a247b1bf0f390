import Database from 'better-sqlite3'

/** Takes the database's write lock, as another process in a long transaction would; the returned function lets go. */
export function lockDatabase(path: string): () => void {
  const holder = new Database(path, { timeout: 2_000 })
  try {
    holder.exec('begin immediate')
  } catch (error) {
    holder.close()
    throw error
  }
  return () => {
    if (!holder.open) return
    holder.exec('rollback')
    holder.close()
  }
}
