import fc from 'fast-check'
import { expect, test } from 'vitest'

import { returnTo } from './return-to.ts'
import { useProperties } from '../../../test/support/properties.ts'

useProperties()

const PAGES = '/fd/h5/abc'
const HOME = `${PAGES}/`

test.each([
  `${PAGES}/`,
  `${PAGES}/pc`,
  `${PAGES}/link?return=%2Ffd%2Fh5%2Fabc%2Fpc`,
  `${PAGES}/group?corpId=ding1&cid=cidA%2B%2F%3D%3D`,
  `${PAGES}/?act=t`,
])('a page of the integration is gone back to: %s', (wanted) => {
  expect(returnTo(wanted, PAGES)).toBe(wanted)
})

test('what the pages do not read stays behind', () => {
  expect(returnTo(`${PAGES}/group?integration_key=x&cid=a%2B%3D&x=y`, PAGES)).toBe(`${PAGES}/group?cid=a%2B%3D`)
  expect(returnTo(`${PAGES}/?integration_key=x`, PAGES)).toBe(HOME)
})

test.each<[string, string | undefined]>([
  ['nothing', undefined],
  ['an empty text', ''],
  ['another site', 'https://evil.example/fd/h5/abc/'],
  ['another site without a scheme', '//evil.example/fd/h5/abc/'],
  ['with backslashes', '/\\evil.example/fd/h5/abc/'],
  ['a script', 'javascript:alert(1)'],
  ['another integration', '/fd/h5/abcd/'],
  ['a sibling of the pages', '/fd/h5/abc'],
  ['up and away', `${PAGES}/../../../readyz`],
  ['up and away, encoded', `${PAGES}/%2e%2e/%2E%2E/readyz`],
  ['a slash that a proxy may decode', `${PAGES}/%2f%2fevil.example`],
  ['the login itself', `${PAGES}/login`],
  ['the login’s callback', `${PAGES}/login/callback?authCode=x`],
  ['logging out', `${PAGES}/logout`],
  ['a novel', `${PAGES}/?x=${'x'.repeat(2_000)}`],
])('%s leads home', (_what, wanted) => {
  expect(returnTo(wanted, PAGES)).toBe(HOME)
})

test('whatever is wanted, it is a page of the integration', () => {
  const odd = fc.oneof(
    fc.string(),
    fc.webUrl(),
    fc
      .tuple(fc.constantFrom(HOME, '//', '/\\', `${HOME}/`, `${HOME}../`, '\t//'), fc.string())
      .map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(odd, (wanted) => {
      const target = new URL(returnTo(wanted, PAGES), 'https://oncall.example.com/fd/h5/abc/')
      expect(target.origin).toBe('https://oncall.example.com')
      expect(target.pathname.startsWith(HOME)).toBe(true)
    }),
  )
})
