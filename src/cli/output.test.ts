import { describe, expect, test } from 'vitest'

import { formatRows, formatTime } from './output.ts'

/** Chinese letters take two columns. */
const displayWidth = (line: string): number => line.replace(/\p{Script=Han}/gu, 'xx').length

const rows = [
  { title: '值班群', members: 3, robot: null, enabled: true },
  { title: 'on-call', members: 0, robot: 'r1', enabled: false },
]

describe('for people', () => {
  test('rows are a table with the keys above, empty where there is nothing', () => {
    const lines = formatRows(rows, { empty: 'None.' }).split('\n')
    const cells = lines.filter((line) => line.includes('│')).map((line) => line.split('│').map((cell) => cell.trim()))
    expect(cells).toEqual([
      ['', 'title', 'members', 'robot', 'enabled', ''],
      ['', '值班群', '3', '', 'true', ''],
      ['', 'on-call', '0', 'r1', 'false', ''],
    ])
  })

  test('colours stay out of it, so that it can be piped', () => {
    expect(formatRows(rows, { empty: '' })).not.toContain('\u001B')
  })

  test('no rows are a sentence', () => {
    expect(formatRows([], { empty: 'Nobody is linked yet.' })).toBe('Nobody is linked yet.')
  })
})

describe('for people, whatever is in a cell', () => {
  const table = (title: string) => formatRows([{ title, more: 'x' }], { empty: '' })

  test.each([
    ['a\u001B[31mb\r\nc', String.raw`a\x1b[31mb\r\nc`],
    ['值班\u202E群\u200B', String.raw`值班\u202e群\u200b`],
    ['👨‍👩‍👧', '👨‍👩‍👧'],
  ])('%j is one line in line with the others', (title, shown) => {
    const lines = table(title).split('\n')
    expect(lines).toHaveLength(5)
    expect(lines[3]).toContain(`│ ${shown} `)
    expect(new Set(lines.map((line) => displayWidth(line.replace('👨‍👩‍👧', 'ab')))).size).toBe(1)
  })

  test('a very long one is cut, as JSON it is whole', () => {
    const title = '磁盘'.repeat(200_000)
    expect(table(title).length).toBeLessThan(10_000)
    expect(table(title)).toContain(`${title.slice(0, 499)}…`)
    expect(JSON.parse(formatRows([{ title }], { json: true, empty: '' }))).toEqual([{ title }])
  })

  test('nested values are shown in the same way', () => {
    expect(table(['\u009B', 'x'.repeat(600)] as unknown as string)).toMatch(/\["\\u009b","x{480,499}…/)
  })
})

describe('for scripts', () => {
  test('rows are JSON with every value as it is', () => {
    expect(JSON.parse(formatRows(rows, { json: true, empty: 'None.' }))).toEqual(rows)
  })

  test('no rows are an empty list, not a sentence', () => {
    expect(JSON.parse(formatRows([], { json: true, empty: 'None.' }))).toEqual([])
  })
})

test('times are local, and none is nothing', () => {
  const at = 1_760_000_000_000
  expect(formatTime(at)).toMatch(/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/)
  expect(new Date(formatTime(at).replace(' ', 'T')).getTime()).toBe(at)
  expect(formatTime(null)).toBe('')
})
