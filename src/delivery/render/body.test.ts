import { describe, expect, test } from 'vitest'

import { type FaceChange, makeFace } from './faces.fixture.ts'
import { drawBody } from './body.ts'

const draw = (change: FaceChange = {}, hasDetail = true) => drawBody(makeFace(change), hasDetail)
const lines = (incident: Record<string, unknown>, change: FaceChange = {}) =>
  draw({ ...change, incident }).markdown.split('\n\n')
const PICTURE = 'https://img.example/cpu.png'

describe('the built-in body', () => {
  test('is description, resource, every other label, then the pictures', () => {
    const labels = { env: 'prod', resource: 'db-01', check: 'cpu.idle', empty: ' ' }
    expect(lines({ labels, description: 'idle **3 %**', images: [{ src: PICTURE, alt: 'CPU' }] })).toEqual([
      'idle **3 %**',
      '```\nresource: db-01\nenv: prod\ncheck: cpu.idle\n```',
      `![CPU](${PICTURE})`,
    ])
  })

  test('prefers the label body_text to the description, and does not list it again', () => {
    const labels = { body_text: 'from the label', env: 'prod' }
    expect(lines({ labels, description: 'from the incident' })).toEqual(['from the label', '```\nenv: prod\n```'])
    expect(lines({ labels: { body_text: ' ' }, description: 'from the incident' })).toEqual(['from the incident'])
  })

  test('has no blank lines to spare', () => {
    expect(draw({ incident: { description: '\n\n a \r\n \n\n\n\nb\n\n' } }).markdown).toBe('a\n\nb')
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
      '（2 张图片的地址过长或不可用，未显示）',
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
  const text = '# **down** [page](（链接略） ![i](（链接略） （链接略） `x` y'
  expect(markdown).toBe(`\`\`\`\n${text}\n\`\`\`\n\n\`\`\`\nenv: *prod* [x](（链接略）\n\`\`\``)
})

describe('labels', () => {
  const shown = (labels: Record<string, string>) => draw({ incident: { labels } }).markdown

  test.each<[string, string]>([
    ['alert_name', 'cpu_idle_low'],
    ['C:\\_tmp\\*', '[微笑] 2*3*4 a | b'],
    ['__init__', '<a atId=all>x</a> &lt; `x` ~~y~~'],
    ['# h', '> q  two  blanks\ttab'],
    ['* i', '](https'],
  ])('are shown letter by letter: %j = %j', (name, value) => {
    expect(shown({ [name]: value })).toBe(`\`\`\`\n${name}: ${value}\n\`\`\``)
  })

  test('of several lines stand apart, so that no line looks like another label', () => {
    expect(shown({ a: 'x\nseverity: Ok\n', b: 'y' })).toBe('```\nb: y\n```\n\n```\na:\nx\nseverity: Ok\n```')
  })

  test('cannot end the fence they stand in', () => {
    expect(shown({ a: 'x\n```\n<a atId=all>' })).toBe('```\na:\nx\n｀｀｀\n<a atId=all>\n```')
    expect(shown({ '```': '````' })).toBe('```\n｀｀｀: ｀｀｀｀\n```')
  })

  test('that lead to web pages can be followed', () => {
    const labels = {
      runbook: 'https://wiki.example/a_b_(c)',
      run_book_url: 'see https://wiki.example/x and https://wiki.example/y, please',
      other: 'dtmd://x ftp://y https://user:secret@z.example',
    }
    expect(shown(labels).split('\n\n')[1]).toBe(
      '[runbook](https://wiki.example/a_b_%28c%29) · [wiki.example](https://wiki.example/x) · [wiki.example](https://wiki.example/y)',
    )
  })

  test('without a name lead to pages by their hosts', () => {
    expect(shown({ '': 'https://a.example/x' }).split('\n\n')[1]).toBe('[a.example](https://a.example/x)')
  })

  test('that are too long say where they go on, however many units a letter takes up', () => {
    const family = '👨‍👩‍👧‍👦'
    expect(shown({ a: family.repeat(300) })).toContain(`${family}…\n`)
  })

  test('that cannot be seen are left out', () => {
    expect(shown({ a: ' \u200b\n', b: '\u3164', c: 'x' })).toBe('```\nc: x\n```')
  })
})

describe('what is missing is said', () => {
  const long = `https://a.example/${'x'.repeat(1_000)}`
  const endless = `https://a.example/${'x'.repeat(20_000)}`

  test.each<[string, Record<string, unknown>, string]>([
    ['pictures', { images: [{ src: long }, { src: 'img_token' }] }, '（2 张图片的地址过长或不可用，未显示）'],
    ['the details', { detail_url: long }, '（“查看详情”的地址过长或不可用，未显示此按钮）'],
    ['what is too long to be kept', { detail_url: endless }, '（“查看详情”的地址过长或不可用，未显示此按钮）'],
    [
      'in pictures too',
      { images: [endless, { src: endless, href: endless }] },
      '（2 张图片的地址过长或不可用，未显示）',
    ],
    ['and for silencing', { silence_url: endless }, '（“快速静默”的地址过长或不可用，未显示此按钮）'],
    ['the way to silence it', { silence_url: 'javascript:x' }, '（“快速静默”的地址过长或不可用，未显示此按钮）'],
  ])('%s', (_what, incident, sentence) => {
    expect(draw({ incident }).markdown).toBe(sentence)
    expect(draw({ incident, locale: 'en-US' }).markdown).toContain('too long')
  })

  test('and no button is named that is not there', () => {
    const incident = { description: 'x'.repeat(4_000) }
    expect(draw({ incident }, true).markdown).toContain('完整内容请点“查看详情”')
    expect(draw({ incident }, false).markdown.endsWith('已截断，完整内容请到 Flashduty 控制台查看')).toBe(true)
  })
})
