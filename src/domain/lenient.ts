import { z } from 'zod'

/**
 * Fields of a platform's answer, read with good will: only what is used is demanded, null is the same as absent, numbers and
 * truth values may come as texts, and what makes no sense is as good as not there.
 */

/** A text, or undefined; a number is as good as its digits. */
export const maybeText = z.unknown().transform((value) => {
  if (typeof value === 'string') return value
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : undefined
})

/** A text that is not empty. */
export const someText = maybeText.pipe(z.string().min(1))

/** A finite number, or undefined; digits are as good. */
export const maybeNumber = z.unknown().transform((value) => {
  const text = typeof value === 'string' ? value.trim() : value
  if (typeof text !== 'number' && (typeof text !== 'string' || text === '' || text.length > 40)) return undefined
  const number = Number(text)
  return Number.isFinite(number) ? number : undefined
})

export const someNumber = maybeNumber.pipe(z.number())

/** True, false or undefined; `"true"` and 1 are as good. */
export const maybeFlag = z.unknown().transform((value) => {
  if (typeof value === 'boolean') return value
  if (value === 1 || value === '1' || value === 'true') return true
  return value === 0 || value === '0' || value === 'false' ? false : undefined
})

export const someFlag = maybeFlag.pipe(z.boolean())

/** Those entries of a list that can be read; nothing where there is no list. */
export function listOf<T extends z.ZodType>(entry: T) {
  return z.unknown().transform((value): z.output<T>[] =>
    (Array.isArray(value) ? (value as unknown[]) : []).flatMap((one) => {
      const read = entry.safeParse(one)
      return read.success ? [read.data] : []
    }),
  )
}

/** An object with these fields, whatever else it holds. */
export function fields<T extends z.ZodRawShape>(shape: T) {
  return z.preprocess((value) => withEvery(shape, value), z.looseObject(shape))
}

/** Absent fields are read too, since some of them have a meaning. */
function withEvery(shape: z.ZodRawShape, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const absent = Object.keys(shape).filter((key) => !(key in value))
  return absent.length === 0 ? value : { ...value, ...Object.fromEntries(absent.map((key) => [key, undefined])) }
}
