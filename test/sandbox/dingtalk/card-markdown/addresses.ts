/**
 * "链接地址放在后面的括号中" (D:markdown-variable-new): anything between the round brackets, of which the page says no more.
 * It goes to the bracket that belongs to the first one, or to the next closing one where none does.
 */
export class Addresses {
  readonly #text: string
  #pairs: Map<number, number> | undefined
  #hasNoMoreEnds = false

  constructor(text: string) {
    this.#text = text
  }

  at(from: number): { text: string; behind: number } | undefined {
    if (this.#text[from] !== '(' || this.#hasNoMoreEnds) return undefined
    this.#pairs ??= pairBrackets(this.#text)
    const end = this.#pairs.get(from) ?? this.#text.indexOf(')', from)
    if (end >= 0) return { text: this.#text.slice(from + 1, end).trim(), behind: end + 1 }
    this.#hasNoMoreEnds = true
    return undefined
  }
}

/** Where each round bracket is closed. */
function pairBrackets(text: string): Map<number, number> {
  const pairs = new Map<number, number>()
  const open: number[] = []
  for (const { 0: sign, index } of text.matchAll(/[()]/g)) {
    if (sign === '(') open.push(index)
    else {
      const from = open.pop()
      if (from !== undefined) pairs.set(from, index)
    }
  }
  return pairs
}
