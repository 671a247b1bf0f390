import { expect, test } from 'vitest'

import { ownEndpoint } from './own-endpoint.ts'

const PUBLIC = { publicUrl: 'https://oncall.example.com/fd', webhookUrl: undefined }

test.each([
  ['https://oncall.example.com/fd/api/v1/deliver'],
  ['https://oncall.example.com:443/fd/api/v1/deliver/'],
  ['http://user:secret@ONCALL.example.com/fd//api/v1/deliver?integration_key=secret#x'],
  ['https://oncall.example.com/fd/api/v1/deliver/secret'],
])('%s is our own', (endpoint) => {
  expect(ownEndpoint(PUBLIC)?.(endpoint)).toBe(true)
})

test.each([
  ['https://oncall.example.com/api/v1/deliver'],
  ['https://oncall.example.com/fd/api/v1/delivery'],
  ['https://other.example.com/fd/api/v1/deliver'],
  ['https://oncall.example.com:8443/fd/api/v1/deliver'],
  ['https://other.example.com/?url=https://oncall.example.com/fd/api/v1/deliver'],
  ['not an address'],
  [''],
  [`https://oncall.example.com/fd/api/v1/deliver?${'x'.repeat(20_000)}`],
])('%s is not', (endpoint) => {
  expect(ownEndpoint(PUBLIC)?.(endpoint)).toBe(false)
})

test('the address that is set goes first; without any nothing is our own', () => {
  const isOwn = ownEndpoint({ ...PUBLIC, webhookUrl: 'http://10.0.0.5:8080/api/v1/deliver?token=a' })
  expect(isOwn?.('http://10.0.0.5:8080/api/v1/deliver?token=b')).toBe(true)
  expect(isOwn?.('https://oncall.example.com/fd/api/v1/deliver')).toBe(false)
  expect(ownEndpoint({ publicUrl: undefined, webhookUrl: undefined })).toBeUndefined()
})
