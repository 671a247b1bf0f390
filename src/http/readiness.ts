/** What `/readyz` answers: ready when nothing is missing. */
export type Readiness = {
  ready: boolean
  missing: { part: string; why: string }[]
  /** What works, but somebody should know about. */
  notes: string[]
}

/** One part of the daemon that has to be there before it can take work; undefined = it is. */
export type Check = { part: string; why: () => Promise<string | undefined> }

export async function checkReadiness(checks: Check[], notes: string[]): Promise<Readiness> {
  const missing: Readiness['missing'] = []
  for (const { part, why } of checks) {
    const reason = await why()
    if (reason !== undefined) missing.push({ part, why: reason })
  }
  return { ready: missing.length === 0, missing, notes }
}
