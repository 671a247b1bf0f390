/** What `/readyz` answers now; `missing` maps each part to why it is missing. */
export async function readyz(
  url: string,
): Promise<{ status: number; missing: Record<string, string>; notes: string[] }> {
  const answer = await fetch(`${url}/readyz`)
  const body = (await answer.json()) as { missing: { part: string; why: string }[]; notes: string[] }
  const missing = Object.fromEntries(body.missing.map(({ part, why }) => [part, why]))
  return { status: answer.status, missing, notes: body.notes }
}
