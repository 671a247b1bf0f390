/** What a token of `/api` may be used for. Reading people, groups and records is no part of delivering. */
export const TOKEN_SCOPES = ['deliver', 'groups', 'people', 'records'] as const

export type TokenScope = (typeof TOKEN_SCOPES)[number]

/** Scopes as they are written in one text, by commas; undefined when one is none, or there is none. */
export function readScopes(text: string): TokenScope[] | undefined {
  const wanted = new Set(text.split(',').map((one) => one.trim()))
  const known = TOKEN_SCOPES.filter((scope) => wanted.has(scope))
  return known.length === wanted.size ? known : undefined
}
