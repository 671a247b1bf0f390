import { describe, expect, test } from 'vitest'

import { ROBOT } from '../dingtalk/card-markdown/dialects.ts'
import { clientLink, plainHtml, toHtml } from './markdown.ts'

const BLUE = 'common_blue1_color'
const H3 = 'common_h3_text_style__font_size'

test.each([
  ['## x *y*', '<h2>x <em>y</em></h2>'],
  ['a **b** ***c***\n\nd<br>e', '<p>a <strong>b</strong> <strong><em>c</em></strong></p><p>d<br>e</p>'],
  [`<font sizeToken=${H3} colorTokenV2=${BLUE}>a</font>`, `<p><span class="${H3} ${BLUE}">a</span></p>`],
  ['[OK]', '<p><span class="emoticon" role="img" aria-label="表情：OK">OK</span></p>'],
  ['***', '<hr>'],
  ['> a\n>> b', '<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote>'],
  ['1. a\n\t* b', '<ol><li><p>a</p><ul><li><p>b</p></li></ul></li></ol>'],
  ['```sh\na  <b>\n```', '<pre tabindex="0"><code>a  &lt;b&gt;</code></pre>'],
  [
    '| a | b |\n| - | -: |\n| 1 |',
    '<div class="table" tabindex="0"><table><thead><tr><th class="left">a</th><th class="right">b</th></tr></thead>' +
      '<tbody><tr><td class="left">1</td><td class="right"></td></tr></tbody></table></div>',
  ],
  [
    '[**a**b![i](https://i.example/x.png)](https://example.com/a)c',
    '<p><a href="https://example.com/a" target="_blank" rel="noopener"><strong>a</strong>b' +
      '<img src="https://i.example/x.png" alt="i"></a>c</p>',
  ],
  ['问 <a atId=u1>@韩梅梅</a>！', '<p>问 <b class="mention">@韩梅梅</b>！</p>'],
])('%j', (text, html) => {
  expect(toHtml(text, { mentionable: ['u1'] })).toBe(html)
})

describe('nothing that is said becomes markup', () => {
  test('tags are text', () => {
    expect(toHtml('<img src=x onerror=alert(1)> <a atId=u1>韩<i>梅</i></a>', { mentionable: ['u1'] })).toBe(
      '<p>&lt;img src=x onerror=alert(1)&gt; <b class="mention">@韩&lt;i&gt;梅&lt;/i&gt;</b></p>',
    )
    expect(plainHtml('**a** <b>')).toBe('<p>**a** &lt;b&gt;</p>')
    expect(toHtml('<br>', { dialect: ROBOT })).toBe('<p>&lt;br&gt;</p>')
  })

  test('a link to no web page leads nowhere, and such a picture is not fetched', () => {
    const html = toHtml('[x](javascript:alert(1)) ![y"><b>](data:image/svg+xml,z) [z](@media)')
    expect(html).not.toMatch(/<a|<img|<b>|javascript|data:/)
    expect(html).toContain('<span class="dead-link" title="不是网页地址">x</span>')
    expect(html).toContain('<span class="picture" role="img" aria-label="y&quot;&gt;&lt;b&gt;">图片</span>')
  })

  test('addresses stay inside of their attribute', () => {
    expect(toHtml('[x](https://a.example/"onclick="y"?a=1&b=2)')).toBe(
      '<p><a href="https://a.example/%22onclick=%22y%22?a=1&amp;b=2" target="_blank" rel="noopener">x</a></p>',
    )
  })
})

test.each([
  ['https://example.com/a?b=c', 'https://example.com/a?b=c'],
  [
    'dingtalk://dingtalkclient/page/link?url=https%3A%2F%2Fexample.com%2Fh5%3Fa%3D1&pc_slide=true',
    'https://example.com/h5?a=1',
  ],
  [
    'dingtalk://dingtalkclient/action/open_platform_link?pcLink=https%3A%2F%2Fpc.example.com%2F',
    'https://pc.example.com/',
  ],
  ['dingtalk://dingtalkclient/page/link?url=javascript:alert(1)', undefined],
  ['javascript:alert(1)', undefined],
  ['not a link', undefined],
])('%s leads to %s', (url, target) => {
  expect(clientLink(url)).toBe(target)
})
