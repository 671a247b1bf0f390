import { describe, expect, test } from 'vitest'

import { parseMarkdown } from './blocks.ts'
import { ROBOT } from './dialects.ts'
import { COLOR_TOKENS, isEmoticon, SIZE_TOKENS } from './names.ts'
import { PICTURE, readMarkdown } from './read.ts'

const linesOf = (text: string): string[] => readMarkdown(text).lines
const kindsOf = (text: string): string[] => parseMarkdown(text).map(({ kind }) => kind)

const BLUE = 'common_blue1_color'
const H3 = 'common_h3_text_style__font_size'

/** Every row of the vendor's table, and what a person reads of it. */
describe('what a card knows', () => {
  test.each([1, 2, 3, 4, 5])('headings: %i', (level) => {
    expect(parseMarkdown(`${'#'.repeat(level)} 标题`)).toMatchObject([
      { kind: 'heading', level, content: [{ kind: 'text', text: '标题' }] },
    ])
  })

  test('bold and italics', () => {
    expect(readMarkdown('正文 **加粗文本** *斜体文本* ***both***')).toMatchObject({
      text: '正文 加粗文本 斜体文本 both',
      bold: ['加粗文本', 'both'],
      italic: ['斜体文本', 'both'],
    })
  })

  test('sizes and colours, by tokens without quotes', () => {
    expect(readMarkdown(`a <font sizeToken=${H3} colorTokenV2=${BLUE}>蓝<br>色</font><br> b`)).toMatchObject({
      lines: ['a 蓝', '色', 'b'],
      colors: [{ text: '蓝\n色', color: BLUE }],
      sizes: [{ text: '蓝\n色', size: H3 }],
    })
    for (const token of COLOR_TOKENS) {
      expect(readMarkdown(`<font colorTokenV2=${token}>x</font>`).colors).toEqual([{ text: 'x', color: token }])
    }
    for (const token of SIZE_TOKENS) {
      expect(readMarkdown(`<font sizeToken=${token}>x</font>`).sizes).toEqual([{ text: 'x', size: token }])
    }
  })

  test('fonts inside fonts, of which each gives what it names', () => {
    const red = 'common_red1_color'
    const text = `<font colorTokenV2=${BLUE}>a<font sizeToken=${H3}>b</font><font colorTokenV2=${red}>c</font>d</font>e`
    expect(readMarkdown(text)).toMatchObject({
      text: 'abcde',
      colors: [
        { text: 'ab', color: BLUE },
        { text: 'c', color: red },
        { text: 'd', color: BLUE },
      ],
      sizes: [{ text: 'b', size: H3 }],
    })
  })

  test.each(['元气满满', '微笑', 'OK', 'ok', 'Time', '100', 'What?!', '666', '100分'])('emoticons: [%s]', (name) => {
    expect(readMarkdown(`a [${name}] b`)).toMatchObject({ text: `a ${PICTURE} b`, emoticons: [name] })
  })

  test('line breaks and paragraphs', () => {
    expect(linesOf('第一段第一行<br>第一段第二行\n\n第二段<br/>2<BR />3')).toEqual([
      '第一段第一行',
      '第一段第二行',
      '第二段',
      '2',
      '3',
    ])
  })

  test('a lone line break is a blank, and several blanks are one', () => {
    expect(linesOf('a\nb\r\n  c\rd   e\tf')).toEqual(['a b c d e f'])
  })

  test('dividers', () => {
    expect(kindsOf('a\n***\nb')).toEqual(['paragraph', 'divider', 'paragraph'])
    expect(linesOf('a\n\n***\n\nb')).toEqual(['a', 'b'])
  })

  test('links and images', () => {
    expect(readMarkdown('[钉钉官网](https://www.dingtalk.com/) ![图](https://a.example/i.png)')).toMatchObject({
      text: `钉钉官网 ${PICTURE}`,
      links: [{ text: '钉钉官网', address: 'https://www.dingtalk.com/' }],
      images: [{ alt: '图', address: 'https://a.example/i.png' }],
    })
    expect(readMarkdown('[![](i.png) **看**板](https://a.example/a_(b))')).toMatchObject({
      text: `${PICTURE} 看板`,
      links: [{ text: `${PICTURE} 看板`, address: 'https://a.example/a_(b)' }],
      images: [{ alt: '', address: 'i.png' }],
      bold: ['看'],
    })
  })

  test('quotes: of one paragraph, of several, in each other', () => {
    expect(parseMarkdown('> 第一\n> 行\n>\n>> 第二\n>\n> 第三\n\n四')).toMatchObject([
      {
        kind: 'quote',
        blocks: [
          { kind: 'paragraph', content: [{ text: '第一 行' }] },
          { kind: 'quote', blocks: [{ kind: 'paragraph', content: [{ text: '第二' }] }] },
          { kind: 'paragraph', content: [{ text: '第三' }] },
        ],
      },
      { kind: 'paragraph', content: [{ text: '四' }] },
    ])
    expect(linesOf('> a<br>b')).toEqual(['a', 'b'])
  })

  test('lists of stars, nested by a tab or by four blanks', () => {
    for (const indent of ['\t', '    ']) {
      expect(parseMarkdown(`* 一\n${indent}* 一一\n${indent}* 一二\n* 二`)).toMatchObject([
        {
          kind: 'list',
          ordered: false,
          items: [
            [
              { kind: 'paragraph', content: [{ text: '一' }] },
              { kind: 'list', ordered: false, items: [[{ kind: 'paragraph' }], [{ kind: 'paragraph' }]] },
            ],
            [{ kind: 'paragraph', content: [{ text: '二' }] }],
          ],
        },
      ])
    }
  })

  test('lists of numbers, not nested; stars may stand in them', () => {
    expect(linesOf('1. 一\n    * 点\n2. 二\n    3. 三')).toEqual(['1. 一', '• 点', '2. 二', '3. 三'])
    expect(parseMarkdown('1. 一\n    2. 二')).toMatchObject([{ kind: 'list', ordered: true, items: [[{}], [{}]] }])
  })

  test('tables', () => {
    expect(parseMarkdown('a\n\n| 标题1 | 标题2 | 3 |\n| :- | :-: | -: |\n| **l** | c |\n\nb')).toMatchObject([
      { kind: 'paragraph' },
      {
        kind: 'table',
        aligns: ['left', 'center', 'right'],
        rows: [
          [[{ text: '标题1' }], [{ text: '标题2' }], [{ text: '3' }]],
          [[{ text: 'l', looks: { bold: true } }], [{ text: 'c' }]],
        ],
      },
      { kind: 'paragraph' },
    ])
    expect(linesOf('| a | b |\n| - | - |\n| 1 | 2 |')).toEqual(['a\tb', '1\t2'])
  })

  test('fences show everything as it is', () => {
    const inside = '{\n  "a": "**b** &lt; <br> [OK]",\n\n\t# c   d\n> e | f'
    expect(readMarkdown(`x\n\`\`\`json\n${inside}\n\`\`\`\ny`)).toMatchObject({
      text: `x\n${inside}\ny`,
      fences: [{ language: 'json', text: inside }],
      bold: [],
      emoticons: [],
    })
    expect(readMarkdown('```\na\n\n```x').fences).toEqual([{ language: '', text: 'a\n\n```x' }])
    expect(readMarkdown('> ```\n> a\n>  b\n> ```\n> c')).toMatchObject({
      text: 'a\n b\nc',
      fences: [{ text: 'a\n b' }],
    })
  })

  test('mentions of those whom the card may name', () => {
    const text = '<a atId=u1>李雷 </a> <a atId="u2">x</a> <a atId=u1>y'
    expect(readMarkdown(text, { mentionable: ['u1'] })).toMatchObject({
      text: '@李雷 <a atId="u2">x</a> <a atId=u1>y',
      mentions: [{ userId: 'u1', name: '李雷' }],
    })
    expect(readMarkdown(text).text).toBe(text)
  })

  test('the sample of the vendor’s page, whole', () => {
    const { lines, ...rest } = readMarkdown(SAMPLE)
    expect(lines).toEqual([
      ...['一级标题', '二级标题', '五级标题', `正文 加粗文本 斜体文本 钉钉官网链接 ${PICTURE}`, '蓝色三级标题'],
      ...['第一段第一行', '第一段第二行', '第二段第一行', '第二段第二行'],
      ...['引用第一段', '嵌套引用第二段', '引用第三段'],
      ...['1. 第一个有序列表项', '• 第一个无序列表项', '• 第一个嵌套无序列表项', '• 第二个无序列表项'],
      ...['2. 第二个有序列表项', '表格标题1\t表格标题2', '左对齐内容1\t居中内容1', '{', '  "age": 25', '}'],
    ])
    expect(rest).toMatchObject({ links: [{}], emoticons: ['元气满满'], bold: ['加粗文本'], italic: ['斜体文本'] })
  })
})

const SAMPLE = `# 一级标题
## 二级标题
##### 五级标题

正文 **加粗文本** *斜体文本* [钉钉官网链接](https://www.dingtalk.com/) [元气满满]

<font sizeToken=${H3} colorTokenV2=${BLUE}>蓝色三级标题</font>

第一段第一行<br>第一段第二行

第二段第一行<br>第二段第二行

***

> 引用第一段
>
>> 嵌套引用第二段
>
> 引用第三段

1. 第一个有序列表项
    * 第一个无序列表项
        * 第一个嵌套无序列表项
    * 第二个无序列表项
2. 第二个有序列表项

| 表格标题1 | 表格标题2 |
| :- | :-: |
| 左对齐内容1 | 居中内容1 |

\`\`\`json
{
  "age": 25
}
\`\`\`
`

/** Signs of other Markdown, and signs of this one that are not as the page has them. */
describe('what a card does not know is text, letter by letter', () => {
  test.each([
    ['six signs of a heading', '###### x'],
    ['a heading without a blank', '#x'],
    ['a heading that is closed', 'x #'],
    ['underlines', '_a_ __b__ snake_case_name'],
    ['strikes', '~~a~~'],
    ['code in a line', '`a` ``b`` c`'],
    ['escapes', '\\# \\_ \\[a\\] \\> \\|'],
    ['references', '&lt;b&gt; &amp; &#60; &nbsp;'],
    ['dividers of another make', '---'],
    ['stars with blanks between', '_ _ _'],
    ['other signs of lists', '- a'],
    ['plus signs', '+ a'],
    ['a number with a bracket', '1) a'],
    ['a number without a blank', '1.a 3.14'],
    ['a star without a blank', '*a'],
    ['addresses', 'https://a.example/_b_?c=1&d=2 www.a.example a@b.example <https://a.example>'],
    ['references to links', '[a][b] [c]'],
    ['names that are no emoticon', '[ESCALATE] [告警风暴] [ OK ] [OKAY]'],
    ['brackets that meet nothing', '] [ )( [a] (b)'],
    ['tasks', '[ ] a [x] b'],
    ['waves', '~~~'],
    ['four ticks', '````'],
    ['ticks further in', 'a ```'],
    ['bars without blanks', 'a|b'],
    ['other tags', '<b>x</b> <i> <div class="a"> <img src=x onerror=y> <!-- z --> <a href="x">y</a> </a> <p/>'],
    ['colours of another make', '<font color=red>a</font> <font color="#f00">b</font> <font>c</font>'],
    ['tokens in quotes', '<font colorTokenV2="common_red1_color">a</font>'],
    ['tokens that are not listed', '<font colorTokenV2=common_red2_color>a</font> <font sizeToken=18px>b</font>'],
    ['a token beside anything else', '<font colorTokenV2=common_red1_color face=x>a</font>'],
    ['tags that only look alike', '<fonts> <bra> <br x> <font-a> </fonts>'],
    ['a tag that is not ended', '<font colorTokenV2=common_red1_color'],
    ['a lone star', 'a * b'],
    ['placeholders', '${a} {{b}} $c$ :smile: ==d== ^e^ ||f||'],
  ])('%s: %s', (_what, text) => {
    const reading = readMarkdown(text)
    expect(reading.text).toBe(text)
    expect({ ...reading, text: '', lines: [] }).toEqual({ ...readMarkdown(''), text: '', lines: [] })
    expect(kindsOf(text)).toEqual(['paragraph'])
  })

  test.each([
    ['a line of = under it', 'a\n==='],
    ['a line of - under it', 'a\n---'],
    ['four blanks before it', 'a\n\n    b'],
    ['two blanks behind it', 'a  \nb'],
    ['a backslash behind it', 'a\\\nb'],
    ['signs of other lists', '- a\n- b\n+ c'],
    ['a line that only looks like a table', 'x\n| a | b |\n| - | - |'],
    ['bars without blanks', '|a|b|\n|-|-|\n|1|2|'],
    ['another number of hyphens', '| a | b |\n| - |\n| 1 | 2 |'],
    ['heads without hyphens', '| a | b |\n| 1 | 2 |'],
  ])('%s', (_what, text) => {
    expect(kindsOf(text)).toEqual(Array.from(text.split('\n\n'), () => 'paragraph'))
    expect(readMarkdown(text).text.replaceAll('\n', ' ')).toBe(text.replaceAll(/\s+/g, ' '))
  })
})

/** Where the page is silent, the reading that takes most from a text that was sent as it is. */
describe('in doubt, what is worst for an unescaped text', () => {
  test.each([
    ['stars between digits', '2*3*4', '234'],
    ['stars with blanks beside them', 'a * b * c', 'a b c'],
    ['stars across lines', 'a *b\nc* d', 'a b c d'],
    ['stars that cross', '**a *b** c*', 'a b c'],
    ['stars with nothing between', 'password ****', 'password'],
    ['two stars alone', '2 ** 3', '2 3'],
    ['two that are left over, and one', '*a**', 'a*'],
    ['stars after a backslash', '\\*a\\*', '\\a\\'],
    ['stars across the text of a link', '[a*b](x)*', 'ab'],
    ['blanks before a heading', '      # x', 'x'],
    ['a heading of no words', 'a\n#\nb', 'a\n\nb'],
    ['a heading right under a text', 'a\n# b\nc', 'a\nb\nc'],
    ['a quote without a blank', '>a', 'a'],
    ['a quote right under a text', 'a\n  > b', 'a\nb'],
    ['a line under a quote', '> a\nb', 'a b'],
    ['a line under an item', '* a\nb', '• a b'],
    ['an item right under a text', 'a\n* b', 'a\n• b'],
    ['an item of no words', '*', '•'],
    ['an item in an item', '* * a', '• • a'],
    ['a heading in an item', '* # a', '• a'],
    ['a quote in an item', '1. > a', '1. a'],
    ['numbers that do not begin with 1', '7. a\n9. b', '1. a\n2. b'],
    ['numbers after a blank line', '1. a\n\n2. b', '1. a\n1. b'],
    ['a version at the start of a line', '2024. 报告', '1. 报告'],
    ['an empty link', 'a[](https://x.example)b', 'ab'],
    ['an address with blanks', 'a[0](see below)', 'a0'],
    ['an address of several brackets', '[a](b(c)d)e', 'ae'],
    ['an address that is not ended well', '[a](b(c', '[a](b(c'],
    ['an address up to the next bracket', '[a](b(c)', 'a'],
    ['brackets in a label', '[a [b] c](d)', 'a [b] c'],
    ['a label that was closed before', '[a] b](c)', 'a] b'],
    ['an image with stars in its words', '![a*b](c)*d', `${PICTURE}*d`],
    ['an emoticon behind !', '![OK] a', `!${PICTURE} a`],
    ['an emoticon in a label', '[[OK]](x)', PICTURE],
    ['an emoticon before a bracket that is not closed', '[OK](a', `${PICTURE}(a`],
    ['a colour that is not ended', `a <font colorTokenV2=${BLUE}>b`, 'a b'],
    ['an end of no colour', 'a</font>b', 'ab'],
    ['a colour of others inside of one', `<font colorTokenV2=${BLUE}><font>a</font>b`, '<font>a</font>b'],
    ['a colour around a link', `[<font colorTokenV2=${BLUE}>a](b)c`, 'ac'],
    ['letter case of tags', `<FONT COLORTOKENV2=${BLUE}>a</FONT><Br>b`, 'a\nb'],
    ['words behind the ticks', '```a b```\nc', 'c'],
    ['blanks before the ticks', '  ```\na\n ``` \nb', 'a\nb'],
    ['more ticks at the end', '```\na\n`````\nb', 'a\nb'],
    ['a fence that is not ended', '```\n# a', '# a'],
    ['a fence right under a text', 'a\n```\nb', 'a\nb'],
    ['a table without bars at its ends', 'a | b\n- | -\n1 | 2', 'a\tb\n1\t2'],
    ['cells without a head', '| a |\n| - |\n| 1 | 2 |', 'a\n1'],
    ['a line under a table', '| a | b |\n| - | - |\nc', 'a\tb\nc'],
    ['bars of which only some have blanks', '| a | b|c |\n| - | - |\n| 1 | 2 \\| 3 |', 'a\tb|c\n1\t2 \\| 3'],
    ['blanks at the ends', '   a   <br>   b   ', 'a\nb'],
  ])('%s: %j', (_what, text, read) => {
    expect(readMarkdown(text).text).toBe(read)
  })
})

test('blanks that are not those of a keyboard are letters', () => {
  const text = 'a\u3000\u3000b\u00a0\u00a0c\u200bd'
  expect(readMarkdown(text).text).toBe(text)
})

test('names that turn into pictures: those of the vendor’s list, in both languages', () => {
  for (const name of ['老板', '二哈', '定胜', 'Peace&Health', 'Hmm…', 'Self-confident'])
    expect(isEmoticon(name)).toBe(true)
  for (const name of ['', '微', '微笑 ', 'Critical', 'P1', '告警']) expect(isEmoticon(name)).toBe(false)
})

describe('robot messages know less', () => {
  const read = (text: string) => readMarkdown(text, { dialect: ROBOT, mentionable: ['u1'] })

  test('headings up to six, quotes, bold, italics, links, images, lists of -, and line breaks', () => {
    expect(parseMarkdown('###### x', { dialect: ROBOT })).toMatchObject([{ kind: 'heading', level: 6 }])
    expect(read('> a\n\n**b** *c* [d](https://d.example) ![](e.png)\n\n- f\n- g\n\n1. h')).toMatchObject({
      lines: ['a', `b c d ${PICTURE}`, '• f', '• g', '1. h'],
      bold: ['b'],
      italic: ['c'],
      links: [{ address: 'https://d.example' }],
      images: [{ address: 'e.png' }],
    })
    expect(read('a  \n  b\nc').lines).toEqual(['a', 'b c'])
  })

  test.each([
    '<br>',
    `<font colorTokenV2=${BLUE}>a</font>`,
    '<a atId=u1>x</a>',
    '[OK]',
    '```',
    '* a',
    '| a | b |\n\n| - | - |',
  ])('no %j', (text) => {
    expect(read(text).text).toBe(text.replace('\n\n', '\n'))
  })
})
