import Table from 'cli-table3'

import { isBelievable } from '../domain/time.ts'
import { shorten, visibleLine } from '../domain/visible.ts'

/** Letters of one cell: a title can be as long as it likes. */
const MAX_CELL = 500

/** Rows for people, or the same rows as JSON for scripts. */
export function formatRows(
  rows: Record<string, unknown>[],
  options: { json?: boolean | undefined; empty: string },
): string {
  if (options.json) return JSON.stringify(rows, undefined, 2)
  const first = rows[0]
  if (!first) return options.empty
  const keys = Object.keys(first)
  const table = new Table({ head: keys, style: { head: [], border: [] } })
  table.push(...rows.map((row) => keys.map((key) => cell(row[key]))))
  return table.toString()
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return ''
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return visibleLine(shorten(text, MAX_CELL))
}

/** Local time for people; null stays empty. */
export function formatTime(ms: number | null): string {
  return ms === null || !isBelievable(ms / 1_000) ? '' : new Date(ms).toLocaleString('sv-SE')
}
