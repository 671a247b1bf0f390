import type { Token } from './scanner.ts'

/**
 * "在单词或短语的前后各添加": which signs belong together, the page does not say. Here each goes with the next one like it,
 * whatever stands between or beside them, even nothing: `2*3*4` and `a * b * c` are italic, `****` is nothing at all. Two
 * that are left over count as one and one. Only a last one alone is text.
 */
export function pairStars(tokens: Token[]): Token[] {
  const isPair = (token: Token): boolean => token.kind === 'stars' && token.count === 2
  const left = tokens.filter(isPair).length % 2 === 1 ? tokens.findLastIndex(isPair) : -1
  const one: Token = { kind: 'stars', count: 1 }
  const split = left < 0 ? tokens : [...tokens.slice(0, left), one, one, ...tokens.slice(left + 1)]
  const isOne = (token: Token): boolean => token.kind === 'stars' && token.count === 1
  if (split.filter(isOne).length % 2 === 0) return split
  const last = split.findLastIndex(isOne)
  return split.with(last, { kind: 'text', text: '*' })
}
