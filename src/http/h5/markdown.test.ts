import MarkdownIt from 'markdown-it'
import { describe, expect, test, vi } from 'vitest'

import { MAX_PAGE_TEXT } from '../../domain/limits.ts'
import { toHtml } from './markdown.ts'

const linksIn = (html: string): string[] => [...html.matchAll(/<a href="([^"]*)"/g)].map(([, address = '']) => address)

describe('a bare address', () => {
  test.each([
    ['http://a.example/x?y=1 and on', 'http://a.example/x?y=1'],
    ['see http://a.example/x.', 'http://a.example/x'],
    ['(http://a.example/x)', 'http://a.example/x'],
    ['http://a.example/x_(y) z', 'http://a.example/x_(y)'],
    ['**http://a.example/x**', 'http://a.example/x'],
    ['详见 http://a.example/x，谢谢', 'http://a.example/x'],
    ['（https://a.example/x）', 'https://a.example/x'],
    ['“https://a.example:8080/x”', 'https://a.example:8080/x'],
    ['HTTPS://A.example/X', 'HTTPS://A.example/X'],
  ])('%s', (text, address) => {
    expect(linksIn(toHtml(text))).toEqual([address])
  })

  test.each([
    'http://',
    'http:// x',
    'http:///x',
    'https://?',
    'ftp://a.example/',
    '//a.example/',
    'mailto:a@b.example',
  ])('%s is none', (text) => {
    expect(linksIn(toHtml(text))).toEqual([])
  })
})

// Each would take seconds, were the time to grow with the square of the text.
test.each(['http://a/(', 'https://a/[(', '//a/(', '[a](http://a/(', '![', '<http://a', '`', '> - ', '**a_'])(
  'a text made of nothing but %s is drawn',
  (part) => {
    for (let count = 0; count < 10; count++) {
      const text = `${count} ${part.repeat(MAX_PAGE_TEXT)}`.slice(0, MAX_PAGE_TEXT)
      expect(toHtml(text)).toMatch(/^<[\s\S]+>\n$/)
    }
  },
)

describe('a long text', () => {
  test('is drawn once', () => {
    const render = vi.spyOn(MarkdownIt.prototype, 'render')
    try {
      const text = `*once* ${'x'.repeat(5_000)}`
      const first = toHtml(text)
      expect(first).toContain('<em>once</em>')
      expect(toHtml(text)).toBe(first)
      expect(toHtml(`${text}y`)).not.toBe(first)
      expect(render).toHaveBeenCalledTimes(2)
    } finally {
      render.mockRestore()
    }
  })

  test('is kept no longer than there is room', () => {
    const render = vi.spyOn(MarkdownIt.prototype, 'render')
    try {
      const textOf = (index: number) => `${index} ${'y'.repeat(MAX_PAGE_TEXT - 10)}`
      for (let index = 0; index < 250; index++) toHtml(textOf(index))
      toHtml(textOf(249))
      expect(render).toHaveBeenCalledTimes(250)
      toHtml(textOf(0))
      expect(render).toHaveBeenCalledTimes(251)
    } finally {
      render.mockRestore()
    }
  })

  test('is cut, and no character with it', () => {
    expect(toHtml('x'.repeat(MAX_PAGE_TEXT + 1))).toBe(`<p>${'x'.repeat(MAX_PAGE_TEXT)}…</p>\n`)
    expect(toHtml('ab😀', 3)).toBe('<p>ab…</p>\n')
  })
})

test('HTML in a text is its text, with its line breaks', () => {
  expect(toHtml('<p>a</p><p>b<br>c &lt;d&gt;</p>')).toBe('<p>a</p>\n<p>b<br>\nc &lt;d&gt;</p>\n')
  expect(toHtml('<b>a</b>\n```\n<b>x</b>\n```\n<ul><li>b</li></ul>')).toBe(
    '<p>a</p>\n<pre tabindex="0"><code>&lt;b&gt;x&lt;/b&gt;\n</code></pre>\n<ul>\n<li>b</li>\n</ul>\n',
  )
  expect(toHtml('<no value> of <a href="javascript:x">y</a>')).toBe('<p>&lt;no value&gt; of y</p>\n')
})
