import fc from 'fast-check'
import { expect, test } from 'vitest'

import { withoutSecretValues } from './secrets.ts'
import { useProperties } from '../../test/support/properties.ts'

useProperties()

test.each<[string, unknown, unknown]>([
  ['by name', { sessionWebhook: 'https://x/y?session=1', a: 1 }, { sessionWebhook: '[secret]', a: 1 }],
  [
    'in any spelling',
    { Access_Token: 't', APPKEY: 'k', userTicket: 'u' },
    {
      Access_Token: '[secret]',
      APPKEY: '[secret]',
      userTicket: '[secret]',
    },
  ],
  ['deep down', { a: [{ b: { secret: { c: 1 } } }] }, { a: [{ b: { secret: '[secret]' } }] }],
  [
    'in JSON kept as text',
    { content: '{"params":{"token":"t","id":"ack~1"}}' },
    {
      content: '{"params":{"token":"[secret]","id":"ack~1"}}',
    },
  ],
  [
    'in addresses',
    { url: 'https://h/p?a=1&access_token=abc&b=2' },
    { url: 'https://h/p?a=1&access_token=[secret]&b=2' },
  ],
  [
    'and nothing where there is none',
    { title: 'token 群', openConversationId: 'cid+/==' },
    {
      title: 'token 群',
      openConversationId: 'cid+/==',
    },
  ],
])('secrets go %s', (_how, value, expected) => {
  expect(withoutSecretValues(value)).toEqual(expected)
})

test('any value comes through, and no secret by its name', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom('token', 'sessionWebhook', 'clientSecret'), (value, key) => {
      const text = JSON.stringify(withoutSecretValues({ value, deep: [{ [key]: 'S3CRET-value' }] }))
      expect(text).not.toContain('S3CRET-value')
    }),
  )
})
