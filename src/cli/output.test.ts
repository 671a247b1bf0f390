import { describe, expect, test } from 'vitest'

import { formatRows, formatTime } from './output.ts'

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
