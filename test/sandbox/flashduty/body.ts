import { invalid } from './errors.ts'

/** Readers of request bodies: the value, or `InvalidParameter` naming the field. */
export type Body = Record<string, unknown>

export function incidentIds(body: Body): string[] {
  const value = body['incident_ids']
  if (!Array.isArray(value) || value.length < 1 || value.length > 100) {
    throw invalid('incident_ids must hold 1 to 100 ids', 'incident_ids 数量须为 1 至 100')
  }
  return value.map((one) => objectIdOf(one, 'incident_ids'))
}

export function incidentId(body: Body): string {
  return objectIdOf(body['incident_id'], 'incident_id')
}

export function personIds(body: Body): number[] {
  const value = body['person_ids']
  if (!Array.isArray(value) || value.length < 1 || !value.every((one) => Number.isSafeInteger(one) && one > 0)) {
    throw invalid('person_ids must be a list of member ids', 'person_ids 须为成员 ID 列表')
  }
  return value as number[]
}

export function integer(body: Body, name: string, from: number, to: number, fallback?: number): number {
  const value = body[name] ?? fallback
  if (typeof value !== 'number' || !Number.isInteger(value) || value < from || value > to) {
    throw invalid(`${name} must be an integer from ${from} to ${to}`, `${name} 须为 ${from} 至 ${to} 的整数`)
  }
  return value
}

export function text(body: Body, name: string, limits: { from: number; to: number }): string {
  const value = body[name]
  if (typeof value !== 'string' || value.length < limits.from || value.length > limits.to) {
    throw invalid(
      `${name} must be a text of ${limits.from} to ${limits.to} characters`,
      `${name} 长度须为 ${limits.from} 至 ${limits.to} 个字符`,
    )
  }
  return value
}

export function optionalText(body: Body, name: string, to: number): string | undefined {
  return body[name] === undefined ? undefined : text(body, name, { from: 0, to })
}

export function optionalBoolean(body: Body, name: string): boolean | undefined {
  const value = body[name]
  if (value !== undefined && typeof value !== 'boolean') {
    throw invalid(`${name} must be true or false`, `${name} 须为布尔值`)
  }
  return value
}

function objectIdOf(value: unknown, name: string): string {
  if (typeof value !== 'string' || !/^[0-9a-f]{24}$/.test(value)) {
    throw invalid(`${name}: ${JSON.stringify(value) ?? 'nothing'} is not an id`, `${name} 格式错误`)
  }
  return value
}
