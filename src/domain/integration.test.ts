import { expect, test } from 'vitest'

import { addressesOf } from './integration.ts'

test.each(['https://oncall.example.com', 'http://10.0.0.8:8080/flashduty'])('the addresses begin with %s', (url) => {
  expect(addressesOf({ id: 'int1', callbackKey: 'secret-key' }, url)).toEqual({
    coolAppPage: `${url}/h5/int1/group?corpId=$CORPID$&cid=$ENCCID$`,
    mobileHome: `${url}/h5/int1/`,
    pcHome: `${url}/h5/int1/pc`,
    eventSubscription: `${url}/event/push/dingtalk?integration_key=secret-key`,
  })
})

test('the pages’ addresses, which people see, do not carry the secret', () => {
  const { eventSubscription, ...pages } = addressesOf({ id: 'int1', callbackKey: 'secret-key' }, 'https://x')
  expect(JSON.stringify(pages)).not.toContain('secret-key')
  expect(eventSubscription).toContain('secret-key')
})
