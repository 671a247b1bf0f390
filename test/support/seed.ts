/**
 * A seed that changes by the day (UTC), so that long random tests try something else each day. It is told on stderr, and
 * `SEED=…` runs the same again.
 */
export function seedOfToday(name: string): number {
  const chosen = Number(process.env['SEED'] || Number.NaN)
  const today = Number(new Date().toISOString().slice(0, 10).replaceAll('-', ''))
  const seed = Number.isSafeInteger(chosen) ? chosen : today
  process.stderr.write(`seed ${name} ${seed}\n`)
  return seed
}
