import { describe, expect, test } from 'vitest'

import { inLine } from './in-line.ts'

describe('a line from outside', () => {
  test.each<[string, string]>([
    ['<a atId=user1>x</a>', '＜a atId=user1>x＜/a>'],
    ['&lt;a atId=user1&gt;', '＜a atId=user1>'],
    ['&#60;a&#0060;b&#x3C;c&LT;d', '＜a＜b＜c＜d'],
    ['&lta &#60 &#x3c; &amp;lt;', '＆lta ＆#60 ＜ ＆lt;'],
    ['&#600; &#x3cf; &amp; &nbsp;x R&D', 'ɘ Ϗ &  x R&D'],
    ['&#0; &#xD800; &#8238; &#99999999;', '&#0; &#xD800; &#8238; &#99999999;'],
    ['[a](dtmd://dingtalkclient/sendMessage?content=x)', '[a]（dtmd：//dingtalkclient/sendMessage?content=x)'],
    ['[FIRING:2] (HighCPU db-01)', '[FIRING:2] (HighCPU db-01)'],
    [
      '[a](b) [c] (javascript:d) [e] (https://f.example)',
      '[a]（b) [c] （javascript:d) [e] ([https://f.example](https://f.example/))',
    ],
    ['[a] ( dingtalk://x)', '[a] （ dingtalk：//x)'],
    ['[a](HTTPS://a.example) ![b](http://b.example)', '[a](HTTPS://a.example) ![b](http://b.example)'],
    ['[a](https://a.example "t") [b]( https://a.example )', '[a](https://a.example) [b](https://a.example)'],
    ['[![a](https://a.example/p)](https://a.example/(b))', '[![a](https://a.example/p)](https://a.example/%28b%29)'],
    ['[1]: https://a.example', '[1]： [https://a.example](https://a.example/)'],
    ['[ERROR]: timeout', '[ERROR]： timeout'],
    ['[ERROR]: disk is full', '[ERROR]: disk is full'],
    ['data:/mnt javascript:x /data:/mnt dingtalk:x', 'data:/mnt javascript:x /data:/mnt dingtalk:x'],
    ['redis://db:6379 mysql://x', 'redis://db:6379 mysql://x'],
    [
      'see https://a.example/b_c, or http://d.example.',
      'see [https://a.example/b_c](https://a.example/b_c), or [http://d.example](http://d.example/).',
    ],
    ['（https://a.example/x（内部）', '（[https://a.example/x](https://a.example/x)（内部）'],
    ['[[a] b](https://a.example)', '[[a] b](https://a.example)'],
    ['[a](dtmd://x)](https://a.example/x)', '[a]（dtmd：//x)]（[https://a.example/x](https://a.example/x))'],
    ['[a](https://a.example/x b)', '[a]（[https://a.example/x](https://a.example/x) b)'],
    ['[OK](https://a.example/(x)', '［OK］（[https://a.example/(x)](https://a.example/%28x%29)'],
    ['[a [OK]](https://a.example)', '[a ［OK］](https://a.example)'],
    ['![a](https://a.example/x', '![a]（[https://a.example/x](https://a.example/x)'],
    ['<https://a.example/x>', '[https://a.example/x](https://a.example/x)'],
    ['https://u:p@a.example https://', 'https://u:p@a.example https://'],
    ['https://a.example/[x]*', '[https://a.example/%5Bx%5D](https://a.example/[x])*'],
    ['`curl https://a.example` x', '`curl https://a.example` x'],
    ['a ```b``` c', 'a ｀｀｀b｀｀｀ c'],
    ['**b** *i* # | > _x_', '**b** *i* # | > _x_'],
    ['[微笑] [ok] [OK](https://a.example) [告警]', '［微笑］ ［ok］ [OK](https://a.example) [告警]'],
  ])('%j', (text, expected) => {
    expect(inLine(text)).toBe(expected)
  })

  test('whose references were read already is not read twice', () => {
    expect(inLine('&amp; &lt; &#60;', true)).toBe('&amp; ＆lt; ＆#60;')
  })
})
