import { readFileSync } from 'node:fs'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { startDingTalk } from './dingtalk/index.ts'
import type { DingTalkSandbox } from './dingtalk/types.ts'

/** README.md says which calls there are: each is known under the name it says, and none is left out. */

let sandbox: DingTalkSandbox
beforeAll(async () => {
  sandbox = await startDingTalk()
})
afterAll(() => sandbox.close())

const text = readFileSync(new URL('README.md', import.meta.url), 'utf8')
const rows = [...text.matchAll(/^\| `(GET|POST|PUT) (api|oapi|login) (\S+)` +\| `(\S+)` +\| (.+) \|$/gm)].map(
  ([, method = '', base = '', path = '', name = '', source = '']) => ({ method, base, path, name, source }),
)

test('every row is a call that exists, and has a source', async () => {
  expect(rows.length).toBeGreaterThan(20)
  const urls: Record<string, string> = { api: sandbox.apiUrl, oapi: sandbox.oapiUrl, login: sandbox.loginUrl }
  for (const { method, base, path } of rows)
    await fetch(`${urls[base]}${path}`, { method }).then((answer) => answer.text())
  expect(
    sandbox.journal.of('request').map(({ method, base, path, api }) => `${method} ${base} ${path} ${api}`),
  ).toEqual(rows.map(({ method, base, path, name }) => `${method} ${base} ${path} ${name}`))
  expect(rows.filter(({ source }) => source.trim() === '')).toEqual([])
})

test('no name of a call is left out', () => {
  const types = readFileSync(new URL('dingtalk/types/faults.ts', import.meta.url), 'utf8')
  const [, union = ''] = /export type ApiName =\n((?: {2}\| '[^']+'\n)+)/.exec(types) ?? []
  const names = [...union.matchAll(/'([^']+)'/g)].map(([, name]) => name)
  expect([...new Set(names)].sort()).toEqual([...new Set(rows.map(({ name }) => name))].sort())
})
