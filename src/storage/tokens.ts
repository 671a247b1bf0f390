import { randomBytes, timingSafeEqual } from 'node:crypto'

import { newId } from '../domain/ids.ts'
import { TOKEN_SCOPES, type TokenScope } from '../domain/token-scopes.ts'
import type { Handle, TokensTable } from './schema.ts'
import { hashSecret } from './secret-box.ts'

export type TokenKind = TokensTable['kind']

/** A token as it may be shown: never the token itself, which is not kept. */
export type Token = Omit<TokensTable, 'token_hash' | 'scopes'> & { scopes: TokenScope[] }

/** `fdt_<kind>_` and 192 random bits; the prefix tells people and secret scanners what they have found. */
const TOKEN_BYTES = 24

/** @returns the token in clear, for the one time it is shown; the database keeps its hash */
export async function addToken(
  trx: Handle,
  fields: { kind: TokenKind; name: string; scopes: TokenScope[] },
  nowMs: number,
): Promise<Token & { token: string }> {
  const token = `fdt_${fields.kind}_${randomBytes(TOKEN_BYTES).toString('base64url')}`
  const row = { id: newId(), kind: fields.kind, name: fields.name, created_at: nowMs, revoked_at: null }
  await trx
    .insertInto('tokens')
    .values({ ...row, scopes: JSON.stringify(fields.scopes), token_hash: hashSecret(token) })
    .execute()
  return { ...row, scopes: fields.scopes, token }
}

/** Those in use, oldest first; with `all` also the revoked ones. */
export async function listTokens(db: Handle, { all }: { all: boolean }): Promise<Token[]> {
  const rows = await db
    .selectFrom('tokens')
    .select(['id', 'kind', 'name', 'scopes', 'created_at', 'revoked_at'])
    .$if(!all, (query) => query.where('revoked_at', 'is', null))
    .orderBy('created_at')
    .orderBy('id')
    .execute()
  return rows.map((row) => ({ ...row, scopes: readScopes(row.scopes) }))
}

/** @returns false when no such token is in use */
export async function revokeToken(trx: Handle, id: string, nowMs: number): Promise<boolean> {
  const done = await trx
    .updateTable('tokens')
    .set({ revoked_at: nowMs })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return done.numUpdatedRows > 0n
}

/** Whether webhooks can come at all: somebody has a token to post them with. */
export async function mayBePosted(db: Handle): Promise<boolean> {
  const tokens = await listTokens(db, { all: false })
  return tokens.some(({ kind, scopes }) => kind === 'api' && scopes.includes('deliver'))
}

/**
 * The token in use of that kind, found by its hash: the search's time tells of the hash at most, which nobody can
 * choose, and the hashes themselves are compared in constant time.
 */
export async function findToken(db: Handle, kind: TokenKind, token: string): Promise<Token | undefined> {
  const hash = hashSecret(token)
  const row = await db
    .selectFrom('tokens')
    .selectAll()
    .where('token_hash', '=', hash)
    .where('kind', '=', kind)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  if (!row || !timingSafeEqual(Buffer.from(row.token_hash), Buffer.from(hash))) return undefined
  const { token_hash: _hash, scopes, ...found } = row
  return { ...found, scopes: readScopes(scopes) }
}

/** Those of today: what a text of another version says beside them opens nothing. */
function readScopes(kept: string): TokenScope[] {
  const scopes = new Set(JSON.parse(kept) as unknown[])
  return TOKEN_SCOPES.filter((scope) => scopes.has(scope))
}
