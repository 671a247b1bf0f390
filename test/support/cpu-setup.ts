import { readFileSync, appendFileSync } from 'node:fs'
import { afterAll, beforeAll, expect } from 'vitest'
const read = () => {
  const f = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]!.split(' ')
  return { own: (Number(f[11]) + Number(f[12])) / 100, kids: (Number(f[13]) + Number(f[14])) / 100 }
}
const a = read()
afterAll(() => {
  const b = read()
  appendFileSync(
    '/tmp/t2-cpu.tsv',
    `${(b.own - a.own).toFixed(2)}\t${(b.kids - a.kids).toFixed(2)}\t${expect.getState().testPath}\n`,
  )
})
