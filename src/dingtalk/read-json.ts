import { AppError } from '../errors.ts'
import type { HttpAnswer } from '../outbound.ts'
import { refuseBan } from './hold-back.ts'

/**
 * The JSON of an answer of either API family; `{}` when a refusal came without any.
 * @throws AppError `throttled` when this address is banned, `unknown-outcome` when a success is not JSON
 */
export function readJson(answer: HttpAnswer, what: string): unknown {
  refuseBan(answer, what)
  try {
    return JSON.parse(answer.text)
  } catch {
    if (answer.status < 200 || answer.status >= 300) return {}
    throw new AppError({ kind: 'unknown-outcome', code: 'IM_ERROR' }, `${what}: the answer is not JSON`)
  }
}
