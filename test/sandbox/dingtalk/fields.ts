/** Readers for values that came off the wire. */

export type Json = Record<string, unknown>

export function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The text, or '' for anything that is not one. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

export function isTextMap(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every((entry) => typeof entry === 'string')
}

export function parseJson(text: string): { ok: true; value: unknown } | { ok: false } {
  try {
    return { ok: true, value: JSON.parse(text) }
  } catch {
    return { ok: false }
  }
}

/** The object a JSON text holds, or undefined. */
export function parseRecord(text: unknown): Json | undefined {
  if (typeof text !== 'string') return undefined
  const parsed = parseJson(text)
  return parsed.ok && isRecord(parsed.value) ? parsed.value : undefined
}
