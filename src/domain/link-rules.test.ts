import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import {
  chooseMember,
  type ListedMember,
  maskEmail,
  maskName,
  membersWithEmail,
  membersWithMobile,
} from './link-rules.ts'
import { useProperties } from '../../test/support/properties.ts'

useProperties()

const member = (fields: Partial<ListedMember> = {}): ListedMember => ({
  memberId: 1,
  memberName: '张三',
  email: 'zhang.san@example.com',
  phone: '138****5678',
  status: 'enabled',
  emailVerified: true,
  phoneVerified: true,
  ...fields,
})
const MOBILE = '13812345678'

describe('a phone number', () => {
  test.each<[string, Partial<ListedMember>, boolean]>([
    ['the same, masked', {}, true],
    ['the same, shown whole', { phone: MOBILE }, true],
    ['the same, with blanks', { phone: '138 **** 5678' }, true],
    ['another end', { phone: '138****5679' }, false],
    ['another start', { phone: '139****5678' }, false],
    ['none: the name or the address held the digits', { phone: '', memberName: MOBILE }, false],
    ['nothing but stars', { phone: '***********' }, false],
    ['next to nothing', { phone: '********678' }, false],
    ['nobody proved it', { phoneVerified: false }, false],
    ['invited only', { status: 'pending' }, false],
    ['deleted', { status: 'deleted' }, false],
  ])('%s', (_what, fields, isHit) => {
    expect(membersWithMobile(MOBILE, [member(fields)])).toHaveLength(isHit ? 1 : 0)
  })

  test('with a country code that only one side shows', () => {
    expect(membersWithMobile('+86-13812345678', [member()])).toHaveLength(1)
    expect(membersWithMobile(MOBILE, [member({ phone: '+86 138****5678' })])).toHaveLength(1)
  })

  test('whatever is shown, nothing throws', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (mobile, phone) => {
        membersWithMobile(mobile, [member({ phone })])
      }),
    )
  })
})

describe('an e-mail address', () => {
  test.each<[string, Partial<ListedMember>, boolean]>([
    ['the same', {}, true],
    ['in another case', { email: 'Zhang.San@Example.COM' }, true],
    ['a longer one, found by a part', { email: 'x.zhang.san@example.com' }, false],
    ['another domain behind it', { email: 'zhang.san@example.com.cn' }, false],
    ['a name that looks like it', { email: 'a@b.c', memberName: 'zhang.san@example.com' }, false],
    ['none', { email: '' }, false],
    ['nobody proved it', { emailVerified: false }, false],
    ['deleted', { status: 'deleted' }, false],
  ])('%s', (_what, fields, isHit) => {
    expect(membersWithEmail('zhang.san@example.com', [member(fields)])).toHaveLength(isHit ? 1 : 0)
  })
})

describe('who it is', () => {
  test.each<[string, number[], number[], string]>([
    ['nobody', [], [], 'none'],
    ['by the number alone', [1], [], 'one mobile'],
    ['by the address alone', [], [1], 'one email'],
    ['by both', [1], [1], 'one mobile'],
    ['the two disagree', [1], [2], 'several'],
    ['two with the number', [1, 2], [], 'several'],
    ['two with the number, of whom one has the address', [1, 2], [1], 'several'],
  ])('%s', (_what, byMobile, byEmail, outcome) => {
    const of = (ids: number[]) => ids.map((memberId) => member({ memberId }))
    const match = chooseMember(of(byMobile), of(byEmail))
    expect(match.outcome === 'one' ? `one ${match.by}` : match.outcome).toBe(outcome)
  })
})

test('masked, one recognises oneself and nobody else', () => {
  expect(['张三', '欧阳娜娜', 'Li', 'X', '', '👩‍🚒阿'].map(maskName)).toEqual(['张*', '欧***', 'L*', 'X*', '*', '👩***'])
  expect(['zhang.san@example.com', 'ab@c.d', '@c.d', 'nobody'].map(maskEmail)).toEqual([
    'z***n@example.com',
    'a***@c.d',
    '***@c.d',
    'n***',
  ])
})

test.each<[string, string, boolean]>([
  ['13812345678', '138****5678', true],
  ['13812345678', '138*5678*', false],
  ['138123456789', '138*5678*', true],
  ['13812345678', '138****5679', false],
  ['13812345678', '139****5678', false],
  ['8613812345678', '138****5678', true],
  ['13812345678', '86138****5678', true],
  ['1385678', '138*5678', false],
  ['13805678', '138*5678', true],
  ['1112211122', '11*22*22', true],
  ['11022011', '11*22*11', true],
  ['1122011', '11*22*11', false],
])('the number %s may be shown as %s: %j', (mobile, phone, fits) => {
  const member = { memberId: 1, memberName: '', email: '', status: 'enabled', emailVerified: true, phoneVerified: true }
  expect(membersWithMobile(mobile, [{ ...member, phone }])).toHaveLength(fits ? 1 : 0)
})
