import { expect, test } from 'vitest'

import { readLinkList } from './link-list.ts'

test('a member is named by id, mobile or e-mail address, or left to DingTalk’s directory', () => {
  const text =
    '\uFEFFdingtalk_user,member\r\nu1,2001\r\n"u2", "13812345678"\nu3;a@b.c\n\nu4\tLi@Example.com\nu5,\nu6,+85212345678\n'
  expect(readLinkList(text)).toEqual({
    problems: [],
    lines: [
      { line: 2, userId: 'u1', member: { kind: 'id', memberId: 2001 } },
      { line: 3, userId: 'u2', member: { kind: 'mobile', text: '13812345678' } },
      { line: 4, userId: 'u3', member: { kind: 'email', text: 'a@b.c' } },
      { line: 6, userId: 'u4', member: { kind: 'email', text: 'Li@Example.com' } },
      { line: 7, userId: 'u5', member: { kind: 'directory' } },
      { line: 8, userId: 'u6', member: { kind: 'mobile', text: '+85212345678' } },
    ],
  })
})

test('every line that cannot be read is named', () => {
  const { lines, problems } = readLinkList(['u1,nobody', ',2001', 'u2,1,2', 'u3,0', 'u4,5', 'u4,6'].join('\n'))
  expect(lines.map(({ userId }) => userId)).toEqual(['u4'])
  expect(problems.map((problem) => /^line \d/.exec(problem)?.[0])).toEqual([
    'line 1',
    'line 2',
    'line 3',
    'line 4',
    'line 6',
  ])
})
