import { describe, expect, test } from 'vitest'

import { type FaceChange, makeFace } from './faces.fixture.ts'
import { drawBody } from './body.ts'
import { block, inline, plainBlock, webAddress } from '../../domain/text.ts'

const draw = (change: FaceChange = {}) => drawBody(makeFace(change))
const lines = (incident: Record<string, unknown>, change: FaceChange = {}) =>
  draw({ ...change, incident }).markdown.split('\n\n')
const PICTURE = 'https://img.example/cpu.png'

describe('the built-in body', () => {
  test('is description, resource, every other label, then the pictures', () => {
    const labels = { env: 'prod', resource: 'db-01', check: 'cpu.idle', empty: ' ' }
    expect(lines({ labels, description: 'idle **3 %**', images: [{ src: PICTURE, alt: 'CPU' }] })).toEqual([
      'idle **3 %**',
      '**resource**：db-01',
      '**env**：prod',
      '**check**：cpu.idle',
      `![CPU](${PICTURE})`,
    ])
  })

  test('prefers the label body_text to the description, and does not list it again', () => {
    const labels = { body_text: 'from the label', env: 'prod' }
    expect(lines({ labels, description: 'from the incident' })).toEqual(['from the label', '**env**：prod'])
    expect(lines({ labels: { body_text: ' ' }, description: 'from the incident' })).toEqual(['from the incident'])
  })

  test('has no blank lines to spare', () => {
    expect(draw({ incident: { description: '\n\n a \r\n \n\n\n\nb\n\n' } }).markdown).toBe(' a\n\nb')
    expect(draw().markdown).toBe('')
  })

  test('shows pictures of the web only, and makes those links that have a page', () => {
    const images = [
      { src: 'img_token' },
      { src: 'data:image/png;base64,xx' },
      { src: `${PICTURE}?a=(1)`, href: 'https://grafana.example/d/1', alt: 'a]b\n[c' },
      { src: PICTURE, href: 'dtmd://x' },
    ]
    expect(lines({ images })).toEqual([
      '[![a］b ［c](https://img.example/cpu.png?a=%281%29)](https://grafana.example/d/1)',
      `![](${PICTURE})`,
    ])
    expect(lines({ images: null })).toEqual([''])
  })

  test.each<[string, Record<string, unknown>]>([
    ['a description', { description: 'x'.repeat(3_001) }],
    ['a label', { labels: { env: 'x'.repeat(501) } }],
    ['labels', { labels: Object.fromEntries(Array.from({ length: 99 }, (_, i) => [`l${i}`, 'x'.repeat(100)])) }],
    ['pictures', { images: Array.from({ length: 6 }, () => ({ src: PICTURE })) }],
    ['a description nobody reads', { description: ' '.repeat(60_000) }],
  ])('says so when there is too much of %s', (_what, incident) => {
    const { markdown, truncated } = draw({ incident })
    expect(truncated).toBe(true)
    expect(markdown.endsWith('内容过长，已截断，完整内容请点“查看详情”')).toBe(true)
    expect(draw({ incident, locale: 'en-US' }).markdown).toContain('cut short')
  })
})

describe('Flashduty’s own rendering', () => {
  const rendered = { title: 'INC db-01', body: '### down\n\n[graph](https://grafana.example/d/1)' }

  test('takes the place of description, labels and pictures', () => {
    const incident = { description: 'x', labels: { env: 'prod' }, images: [{ src: PICTURE }] }
    expect(draw({ rendered, incident }).markdown).toBe(rendered.body)
  })

  test('without a body leaves the built-in one', () => {
    expect(draw({ rendered: { title: 'x', body: undefined }, incident: { description: 'y' } }).markdown).toBe('y')
  })

  test('may be longer than a description, but not for ever', () => {
    expect(draw({ rendered: { ...rendered, body: 'x'.repeat(10_000) } }).truncated).toBe(false)
    expect(draw({ rendered: { ...rendered, body: 'x'.repeat(10_001) } }).truncated).toBe(true)
  })
})

test('a plain body has no Markdown from outside, no pictures, no addresses and no rendering', () => {
  const rendered = { title: undefined, body: '# rendered' }
  const description =
    '# **down** [page](https://a.example) ![i](https://a.example/i.png) https://b.example/x `x` <b>y</b>'
  const labels = { env: '*prod* [x](https://a.example)' }
  const { markdown } = draw({ plain: true, rendered, incident: { description, labels, images: [{ src: PICTURE }] } })
  expect(markdown).toBe('＃ down page  （链接略） x y\n\n**env**：prod ［x］（https://a.example）')
})

describe('texts from outside', () => {
  test.each<[string, string]>([
    ['<a atId=user1>x</a>', '＜a atId=user1>x＜/a>'],
    ['&lt;a atId=user1&gt;', '＜a atId=user1>'],
    ['&#60;a&#0060b&#x3C;c&LTd', '＜a＜b＜c＜d'],
    ['&#600; &#x3cf; &amp;', '&#600; &#x3cf; &amp;'],
    ['<font color="#C80000">red</font><br/>next', 'red\nnext'],
    ['<fo<font>nt color=red>', '＜font color=red>'],
    ['[a](dtmd://dingtalkclient/sendMessage?content=x)', '[a]（dtmd：//dingtalkclient/sendMessage?content=x)'],
    ['[a] ( dingtalk://x)', '[a] （ dingtalk：//x)'],
    ['[a][1]\n\n[1]: https://a.example', '[a][1]\n\n[1]： https://a.example'],
    ['[a](HTTPS://a.example) ![b](http://b.example)', '[a](HTTPS://a.example) ![b](http://b.example)'],
    ['# h\n\n- **b** `c` | d', '# h\n\n- **b** `c` | d'],
    ['redis://db:6379 mysql://x', 'redis://db:6379 mysql://x'],
    ['a\u0000b\u202Ec\uD800d', 'abcd'],
  ])('%j', (text, expected) => {
    expect(block(text)).toBe(expected)
  })

  test('inside a line stay inside it', () => {
    expect(inline(' a\n# b\t<c> ')).toBe('a # b ＜c>')
    expect(inline('**a** [b](https://c.example)', true)).toBe('a ［b］（https://c.example）')
    expect(plainBlock('- a\n> b\n1 < 2', 'gone')).toBe('a\n＞ b\n1 ＜ 2')
  })

  test.each<[string | undefined, string | undefined]>([
    ['https://a.example/b?c=d#e', 'https://a.example/b?c=d#e'],
    ['HTTP://A.example', 'http://a.example/'],
    ['https://a.example/<b> "c"', 'https://a.example/%3Cb%3E%20%22c%22'],
    ['javascript:alert(1)', undefined],
    ['dtmd://dingtalkclient/sendMessage', undefined],
    ['/incident/1', undefined],
    [`https://a.example/${'x'.repeat(1_000)}`, undefined],
    ['', undefined],
    [undefined, undefined],
  ])('the address %j is %j', (text, expected) => {
    expect(webAddress(text)).toBe(expected)
  })
})
