import { describe, expect, test } from 'vitest'

import { createProxyChoice } from './proxy.ts'

const choose = (except: string, target: string) =>
  createProxyChoice({ url: 'http://user:pass@proxy.corp:3128', except })(new URL(target))

describe('NO_PROXY', () => {
  test.each([
    ['*', 'https://api.dingtalk.com'],
    ['corp.example', 'http://corp.example:8080'],
    ['corp.example', 'https://flashduty.corp.example'],
    ['.corp.example', 'wss://a.b.corp.example/connect'],
    ['*.corp.example', 'https://a.corp.example'],
    ['other, Corp.Example', 'https://CORP.example'],
    ['other corp.example', 'https://corp.example'],
    ['corp.example:443', 'wss://corp.example'],
    ['corp.example:8080', 'http://corp.example:8080'],
    ['127.0.0.1', 'http://127.0.0.1:9000'],
    ['127.0.0.0/8', 'ws://127.9.9.9:9000'],
    ['10.0.0.0/8,192.168.0.0/16', 'http://192.168.7.7'],
    ['::1', 'http://[::1]:80'],
    ['[::1]', 'http://[::1]:80'],
    ['fd00::/8', 'http://[fd12::1]'],
  ])('%s: %s is reached directly', (except, target) => {
    expect(choose(except, target)).toBeUndefined()
  })

  test.each([
    ['', 'https://api.dingtalk.com'],
    ['corp.example', 'https://notcorp.example'],
    ['corp.example', 'https://corp.example.org'],
    ['corp.example:8443', 'https://corp.example'],
    ['127.0.0.1', 'http://127.0.0.2'],
    ['10.0.0.0/8', 'http://11.0.0.1'],
    ['10.0.0.0/8', 'http://ten.example'],
    ['10.0.0.0/99', 'http://10.0.0.1'],
    ['::1', 'http://[::2]'],
    [' , ', 'wss://wss-open-connection.dingtalk.com:443/connect'],
  ])('%s: %s goes through the proxy', (except, target) => {
    expect(choose(except, target)).toEqual({ url: 'http://user:pass@proxy.corp:3128', name: 'proxy.corp:3128' })
  })
})

test('without a proxy everything is reached directly', () => {
  expect(createProxyChoice({})(new URL('https://api.dingtalk.com'))).toBeUndefined()
})
