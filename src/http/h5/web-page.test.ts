import { describe, expect, test } from 'vitest'

import { toHtml } from './markdown.ts'
import { webPage } from './web-page.ts'

const NO_PAGES = [
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  ' javascript:alert(1)',
  'data:text/html,x',
  'vbscript:x',
  '//evil.example/',
  '/h5/x/logout',
  'dingtalk://dingtalkclient/page/link?url=x',
  'http:evil.example',
  'https://user:pass@evil.example/',
  '',
]

describe.each(NO_PAGES)('%j', (address) => {
  test('is no web page', () => {
    expect(webPage(address)).toBeUndefined()
  })
})

test('web pages are', () => {
  expect(webPage('https://wiki.example.com/a?b=c')).toBe('https://wiki.example.com/a?b=c')
  expect(webPage('http://10.0.0.1:8080')).toBe('http://10.0.0.1:8080/')
})

test('Markdown links lead to web pages only, into a window of their own', () => {
  for (const address of NO_PAGES.filter((one) => !one.includes('@'))) {
    expect(toHtml(`[a](${address}) ![b](${address}) <${address}>`)).not.toMatch(/<a |<img/)
  }
  expect(toHtml('[a](https://good.example/)')).toContain(
    '<a href="https://good.example/" target="_blank" rel="noopener noreferrer nofollow">a</a>',
  )
  expect(toHtml('![a](https://img.example/p.png)')).not.toContain('<img')
})

test('HTML in Markdown is text', () => {
  expect(toHtml('<script>alert(1)</script> <img src=x onerror=x>')).not.toMatch(/<script|<img/)
})
