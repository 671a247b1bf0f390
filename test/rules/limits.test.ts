import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import * as limits from '../../src/domain/limits.ts'
import { ROOT } from './sources.ts'

const DOCS = readFileSync(join(ROOT, 'docs/webhook.md'), 'utf8')
const [, TABLE = ''] = DOCS.split('\n## Limits\n')

const number = (value: number): string => value.toLocaleString('en-US')

test.each<[row: string, values: number[]]>([
  [
    'levels of nesting; entries of one list; keys of one object',
    [limits.MAX_NESTING, limits.MAX_ENTRIES, limits.MAX_KEYS],
  ],
  ['groups and people of one delivery', [limits.MAX_TARGETS]],
  ['responders, people to be mentioned', [limits.MAX_RESPONDERS]],
  ['labels', [limits.MAX_LABELS, limits.MAX_LABEL, limits.MAX_LABEL_NAME]],
  ['`custom_actions`, `snooze_minutes`', [limits.MAX_CUSTOM_ACTIONS, limits.MAX_SNOOZES]],
  ['pictures', [limits.MAX_IMAGES]],
  ['words of a filter', [limits.MAX_FILTER_WORDS]],
  ['title; description, impact, rendered text', [limits.MAX_TITLE, limits.MAX_TEXT]],
  ['names; ids; addresses', [limits.MAX_NAME, limits.MAX_ID, limits.MAX_ADDRESS]],
  ['contents under one event id; bodies', [limits.MAX_VARIANTS, limits.MAX_BODIES]],
])('the docs name the limit of %s as it is', (row, values) => {
  const line = TABLE.split('\n').find((each) => each.startsWith(`| ${row} |`)) ?? ''
  const named = line.split('|')[2]?.match(/[\d,]*\d/g) ?? []
  expect(named).toEqual(values.map(number))
})

test('the docs name the size of a body as it is', () => {
  expect(limits.MAX_BODY_BYTES).toBe(1024 * 1024)
  expect(TABLE).toContain('| one body, decoded, as JSON | 1 MiB')
  expect(limits.MAX_PEOPLE).toBe(limits.MAX_RESPONDERS)
})
