import { describe, expect, test } from 'vitest'

import { cutProse, prose } from './prose.ts'

describe('Markdown from outside', () => {
  test.each<[string, string, string]>([
    ['lines of a paragraph', 'a\nb\r\nc', 'a<br>b<br>c'],
    ['breaks written as such', 'a<br>b<br/>c<BR >d', 'a<br>b<br>c<br>d'],
    ['both at once', 'a<br>\nb', 'a<br>b'],
    ['an empty line in breaks', 'a<br><br>b', 'a<br><br>b'],
    ['breaks at the ends', '<br>a<br>\n', 'a'],
    ['paragraphs', '\n\na\n\n\n\nb\n', 'a\n\nb'],
    ['a heading', 'x\n# h #\ny\nz', 'x\n\n# h\n\ny<br>z'],
    ['the smallest heading', '###### h', '##### h'],
    ['no heading', '#5 is down\n#', '#5 is down<br>#'],
    ['a list', 'x\n- a\n+ b\n* c\ny', 'x\n\n* a\n* b\n* c\n\ny'],
    ['a list in a list', '- a\n  - b\n    - c\n- d', '* a\n    * b\n        * c\n* d'],
    ['a list with numbers', '1. a\n2. b\n   3. c', '1. a\n2. b\n    * 3. c'],
    [
      'numbers that a card would not count to',
      '2. a\n3. b\n1. c\n2. d\n- e\n2024. f',
      '* 2. a\n* 3. b\n1. c\n2. d\n* e\n* 2024. f',
    ],
    ['items apart, and what belongs to one', '- a\n\n- b\n  c\n\n  d', '* a\n* b<br>c<br>d'],
    ['things to do', '- [ ] a\n- [x] b', '* [ ] a\n* [x] b'],
    ['a quote', '> a\n> b\n>\n>c\nd', '> a<br>b<br><br>c\n\nd'],
    ['dividers', 'a\n---\nb\n* * *\n___', 'a\n\n***\n\nb\n\n***\n\n***'],
    ['no divider', '--\n- - x', '--\n\n* - x'],
    [
      'a table',
      'x\n|a|b|\n|-|:-:|\n|1 | x<br>y|\n|2|\\|&|\nz',
      'x\n\n| a | b |\n| - | :-: |\n| 1 | x<br>y |\n| 2 | ｜& |\n\nz',
    ],
    ['a row longer than its head', 'a|b\n-|-\n1|2|3', '| a | b |\n| - | - |\n| 1 | 2｜3 |'],
    ['no table', 'a | b\nc | d', 'a | b<br>c | d'],
    ['code', 'x\n```\nls <a>\n```\ny', 'x\n\n```\nls <a>\n```\n\ny'],
    ['words where a language may stand', '```Error: disk full\nx\n```', '```\nError: disk full\nx\n```'],
    ['words behind the last fence', 'x\n``` end', 'x\n\n```\nend\n```'],
    ['code of a language', '```sql\nselect 1\n\n# x\n```', '```sql\nselect 1\n\n# x\n```'],
    ['code in waves', '~~~\na ``` b\n~~~', '```\na ｀｀｀ b\n```'],
    ['code in longer fences', '````\n```\nx\n````', '```\n｀｀｀\nx\n```'],
    ['code without an end', 'x\n```\ny', 'x\n\n```\ny\n```'],
    ['code in a list', '* a\n  ```\n  x\n    y\n  ```\n* b', '* a\n\n```\nx\n  y\n```\n\n* b'],
    ['code further to the right', 'x\n\n    at a\n      at b\n\ny', 'x\n\n```\nat a\n  at b\n```\n\ny'],
    ['lines far to the right that are broken by tags', '    a<br>\n    b<br>', 'a<br>b'],
    [
      'lines further to the right',
      'Labels:\n     a = 1\n     b = 2',
      `Labels:<br>${'\u00a0'.repeat(5)}a = 1<br>${'\u00a0'.repeat(5)}b = 2`,
    ],
    ['wide blanks at the beginning', '\u3000\u3000a\n\u3000\u30005. b', 'a\n\n* 5. b'],
    ['no fence behind other blanks', '\u00a0~~~\na', '```\na\n```'],
    ['numbers with nothing behind them', '5.\n\n1234567890. a', '* 5. \n* 1234567890. a'],
    ['bold words that end in a mark', '**级别：**P1 **a:**b **99%**的', '**级别：**P1 **a:**b **99%**的'],
    ['letters', 'a*b __init__ C:\\_tmp\\ ~~x~~ === /data:/mnt', 'a*b __init__ C:\\_tmp\\ ~~x~~ === /data:/mnt'],
    ['stars that are letters', '*/5 * * * *\n- a ** b **\n> `*.*`', '＊/5 ＊ ＊ ＊ ＊\n\n* a ＊＊ b ＊＊\n\n> `＊.＊`'],
    ['stars that are signs', '**a\nb** 2*3*4 *', '**a<br>b** 2＊3＊4 ＊'],
    ['stars that multiply', '内存 4*8G，磁盘 2*500G', '内存 4＊8G，磁盘 2＊500G'],
    ['stars far apart', '2*3 C:\\_tmp\\*', '2＊3 C:\\_tmp\\＊'],
    [
      'stars of paths and patterns',
      'rm /tmp/*.log /var/*.tmp\n\n.*error.* a.*, b.*',
      'rm /tmp/＊.log /var/＊.tmp\n\n.＊error.＊ a.＊, b.＊',
    ],
    ['stars of queries and of comments', 'count(*) + sum(*) /* x */ /*y*/', 'count(＊) + sum(＊) /＊ x ＊/ /＊y＊/'],
    ['words that are italic', '*a* (*b*), **c *d*** 中*文*字', '*a* (*b*), **c *d*** 中*文*字'],
    ['a star alone', 'rm *.log', 'rm *.log'],
    ['nothing', ' \n\u0000\n', ''],
  ])('%s', (_what, text, expected) => {
    expect(prose(text)).toBe(expected)
  })
})

describe('HTML', () => {
  test.each<[string, string, string]>([
    ['paragraphs', '<p>a\nb</p><p class="x">c<br>d</p>', 'a b\n\nc<br>d'],
    ['divisions', '<div>a</div><div><div>b</div></div>', 'a<br>b'],
    ['words', 'a <b>b</b> <i style="x">c</i>\n<font color="#C80000">d</font>', 'a b c<br>d'],
    ['references', '<p>a &amp; b &lt;c&gt; &amp;lt;&nbsp;d &#8364;</p>', 'a & b ＜c> ＆lt; d €'],
    ['lists', '<ul><li>a<li>b<ol><li>c</li></ol></li></ul>x', '* a\n* b\n    * 1. c\n\nx'],
    ['a list with numbers', '<ol><li>a</li><li>b</li></ol>', '1. a\n2. b'],
    ['tables', '<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>', 'a | b<br>1 | 2'],
    ['code', 'x<pre><code>a &lt;b&gt;\n  c</code></pre>y', 'x\n\n```\na <b>\n  c\n```\n\ny'],
    ['a rule', 'a<hr>b', 'a\n\n***\n\nb'],
    ['a link', '<a href="https://a.example/(b)">run <b>book</b></a>', '[run book](https://a.example/%28b%29)'],
    [
      'a link to itself',
      '<a href="https://a.example/b">https://a.example/b</a>',
      '[https://a.example/b](https://a.example/b)',
    ],
    ['a link to elsewhere', '<a href="dtmd://x">y</a>', 'y'],
    ['a picture', '<img src="https://a.example/p.png" alt="[p]">', '![［p］](https://a.example/p.png)'],
    ['what is not seen', '<html><head><title>t</title></head><body><style>x{}</style><!-- c -->a</body></html>', 'a'],
    ['a whole page', '<!DOCTYPE html>\n<html><body>\n<p>a</p>\n</body></html>', 'a'],
    ['ends without a beginning', 'a</div>b</p>', 'ab'],
    ['beginnings without an end', '<p>a<p>b<div', 'a\n\nb\n\n＜div'],
    ['words that look like it', '<p>a &lt;br&gt; b</p>', 'a ＜br> b'],
    ['breaks in Markdown', '> a<br>b\n\n- <i>c</i><br>d\n- e', '> a<br>b\n\n* c<br>d\n* e'],
    ['breaks in a table', '|<b>a</b>|b|\n|-|-|\n|1|x<br>y|', '| a | b |\n| - | - |\n| 1 | x<br>y |'],
    ['a break in an item', '<ol><li>a<br>b</li><li>c</li></ol>', '1. a<br>b\n2. c'],
    ['what Outlook writes', '<p class=MsoNormal>a<o:p></o:p></p><p><o:p>&nbsp;</o:p></p>', 'a'],
    ['no fence', '<b></b>~~~<br>y', '～～～<br>y'],
    ['fences around it', '<b>a</b>\n```\n<b>x</b>\n```', 'a\n\n```\n<b>x</b>\n```'],
  ])('%s', (_what, text, expected) => {
    expect(prose(text)).toBe(expected)
  })

  test.each([
    'value <no value> of <nil>',
    'a < b && c > d',
    'vector<int> Foo<Bar>',
    'usage: run <b> <code> <name>',
    '<Event><Id>4</Id></Event>',
    '<?xml version="1.0"?>',
    '<a atId=user1>x</a>',
    '<',
    'a <',
  ])('is not what merely looks like it: %j', (text) => {
    expect(prose(text)).toBe(text.replaceAll('<', '＜'))
    // Nor beside some.
    expect(prose(`${text}<p>x</p>`)).toBe(`${text.replaceAll('<', '＜')}\n\nx`)
  })

  test.each(['if x <b and y', '<script> is in the address', '<!-- left alone -->', '</'])(
    'is not what has no end: %j',
    (text) => {
      expect(prose(text)).toBe(text.replaceAll('<', '＜'))
    },
  )
})

describe('cut short', () => {
  test.each<[string, string, number, string]>([
    ['emphasis without its end is letters', 'x **bold** y **bolder**', 18, 'x **bold** y ＊＊bol'],
    ['the sign of an item stays one', '* one **two** three', 14, '* one **two**'],
    ['a divider stays one', 'a\n\n---\n\nbbbbbbbbbbbbbbb', 8, 'a\n\n***'],
    ['code stays code', 'a\n```\n*x* *y*\nz z z z z z\n```', 24, 'a\n\n```\n*x* *y*\n```'],
  ])('%s', (_what, text, length, expected) => {
    expect(cutProse(text, length)).toEqual({ text: expected, truncated: true })
  })
})
