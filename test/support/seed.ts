const DAY_MS = 86_400_000
const told = new Set<string>()

/**
 * The seed for random stories that are to be others each day. It is printed once, and `SEED=N` takes another one, so that
 * a story that went wrong can be told again.
 */
export function seedOfToday(name: string): number {
  const chosen = process.env['SEED'] ?? ''
  const seed = /^\d{1,9}$/.test(chosen) ? Number(chosen) : Math.floor(Date.now() / DAY_MS)
  if (!told.has(name)) process.stderr.write(`${name}: seed ${seed} (SEED=${seed} tells it again)\n`)
  told.add(name)
  return seed
}
