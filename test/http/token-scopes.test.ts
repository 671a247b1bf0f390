import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createAddressOf } from '../../src/http/client-address.ts'
import { requireToken } from '../../src/http/api/require-token.ts'
import { TOKEN_SCOPES, type TokenScope } from '../../src/domain/token-scopes.ts'
import { createLog } from '../../src/log.ts'
import { inboxOf, post } from '../support/bridge.ts'
import { composeIncident } from '../support/jobs.ts'
import { inGroup, openScene, type Scene } from '../support/journey.ts'

/** A token opens what its scopes say, and nothing else. */

let scene: Scene
beforeAll(async () => {
  scene = await openScene()
})
afterAll(() => scene?.close())

type Made = { id: string; name: string; scopes: string[]; token: string }

async function make(...options: string[]): Promise<Made> {
  const made = await scene.world.cli('token', 'api', ...options, '--json')
  expect([made.code, made.err]).toEqual([0, ''])
  return JSON.parse(made.out) as Made
}

async function deliver(token: string) {
  const { assigned } = await composeIncident(scene.world, {
    title: '令牌的用途',
    chats: [inGroup(scene.world.groups.oncall)],
  })
  const answer = await post(scene.app.url, assigned, { authorization: `Bearer ${token}` })
  return { ...answer, kept: inboxOf(scene.world, assigned.event_id).length > 0 }
}

describe('a token of `token api`', () => {
  test('delivers, unless it was made for something else', async () => {
    const { token, scopes } = await make('webhook')
    expect(scopes).toEqual(['deliver'])
    expect(await deliver(token)).toMatchObject({ status: 200, kept: true })

    const reading = await make('报表', '--scope', 'records, groups,people')
    expect(reading).toMatchObject({ name: '报表', scopes: ['groups', 'people', 'records'] })
    const before = scene.app.lines.length
    const answer = await deliver(reading.token)
    expect(answer).toMatchObject({ status: 403, kept: false, body: { error: 'SCOPE_MISSING', scope: 'deliver' } })
    expect(JSON.stringify(answer.body)).toContain('token api --scope deliver')
    const said = scene.app.lines.slice(before).filter(({ msg }) => msg === 'token-scope-missing')
    expect(said).toMatchObject([{ level: 'warn', scope: 'deliver', scopes: ['groups', 'people', 'records'] }])
    expect(JSON.stringify(said)).not.toContain(reading.token)

    const both = await make('--name', 'both', '--scope', 'deliver,groups')
    expect(await deliver(both.token)).toMatchObject({ status: 200, kept: true })
  })

  test('is a wrong one once it is revoked, whatever its scopes were', async () => {
    const { id, token } = await make('gone', '--scope', 'groups')
    await scene.world.cli('token', 'revoke', id)
    expect(await deliver(token)).toMatchObject({ status: 401, body: { error: 'TOKEN_MISSING_OR_WRONG' } })
  })

  test('posted where nothing is, is told no more than anybody if it may not deliver', async () => {
    const { token } = await make('lost', '--scope', 'groups')
    const headers = { authorization: `Bearer ${token}` }
    const before = scene.app.lines.length
    for (const path of ['/api/v1/deliver', '/api/v1/nothing']) {
      expect((await fetch(scene.app.url + path, { method: 'PUT', body: '{}', headers })).status).toBe(404)
    }
    expect(scene.app.lines.slice(before).filter(({ msg }) => msg === 'post-refused')).toEqual([])
  })

  test('is listed with its scopes', async () => {
    const { id } = await make('listed', '--scope', 'people,deliver')
    const rows = JSON.parse((await scene.world.cli('token', 'list', '--json')).out) as Made[]
    expect(rows.find((row) => row.id === id)).toMatchObject({ name: 'listed', scopes: ['deliver', 'people'] })
    expect((await scene.world.cli('token', 'list')).out).toContain('deliver, people')
  })

  test.each(['', 'all', '*', 'deliver,', 'Deliver', 'deliver;groups', 'admin'])('has no scope “%s”', async (scope) => {
    const refused = await scene.world.cli('token', 'api', 'x', '--scope', scope)
    expect([refused.code, refused.out]).toEqual([2, ''])
    expect(refused.err).toContain('deliver, groups, people, records')
  })

  test('has one name', async () => {
    expect(await scene.world.cli('token', 'api', 'one', '--name', 'two')).toMatchObject({ code: 2, out: '' })
    expect(await scene.world.cli('token', 'api', ' ')).toMatchObject({ code: 2, out: '' })
  })

  test('for the console has no scopes and opens nothing here', async () => {
    const made = await scene.world.cli('token', 'admin', 'boss', '--json')
    const { token, ...rest } = JSON.parse(made.out) as Made
    expect(rest).toEqual({ id: expect.any(String) as string, kind: 'admin', name: 'boss' })
    expect(await deliver(token)).toMatchObject({ status: 401 })
    expect(await scene.world.cli('token', 'admin', 'boss', '--scope', 'deliver')).toMatchObject({ code: 2 })
  })
})

test.each(TOKEN_SCOPES)('an address that names the scope %s is open to it alone', async (scope) => {
  const scopes: Record<string, TokenScope[]> = {
    none: [],
    ...Object.fromEntries(TOKEN_SCOPES.map((one) => [one, [one]])),
  }
  const deps = {
    log: createLog('silent'),
    nowMs: () => 0,
    addressOf: createAddressOf([]),
    scopesOf: (token: string) => Promise.resolve(scopes[token]),
  }
  const app = new Hono().get('/api/v1/here', requireToken(deps, scope), (c) => c.text('open'))
  const ask = async (headers: Record<string, string>): Promise<number> => {
    const env = { incoming: { socket: { remoteAddress: '192.0.2.7' } } }
    return (await app.request('/api/v1/here', { headers }, env)).status
  }
  for (const token of Object.keys(scopes)) {
    expect(await ask({ 'x-flashduty-token': token })).toBe(token === scope ? 200 : 403)
  }
  expect([await ask({}), await ask({ authorization: 'Bearer wrong' })]).toEqual([401, 401])
})
