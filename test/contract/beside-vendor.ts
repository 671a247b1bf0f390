import type OpenApi from '@alicloud/openapi-client'
import type TeaUtil from '@alicloud/tea-util'
import { createRequire } from 'node:module'
import { expect } from 'vitest'

import { type RecordedRequest, type Recorder } from './recorder.ts'

/**
 * What this daemon sends beside what the vendor's own clients send for the same thing, word for word on the wire. A
 * body of ours is put through the vendor's request model, which keeps the keys it knows and drops all others, so a
 * misspelled key of ours is missing from the vendor's body and the two differ.
 */

const require = createRequire(import.meta.url)
const { Config } = require('@alicloud/openapi-client') as typeof OpenApi
const { RuntimeOptions } = require('@alicloud/tea-util') as typeof TeaUtil

export const app = { clientId: 'dingdemoapp0001', clientSecret: 'demo-secret-not-real' }
export const TOKEN = 'a1b2c3d4e5f6a7b8c9d0'
export const GROUP = 'cidDemo+Group/0001=='
export const runtime = new RuntimeOptions({})

export type VendorConfig = InstanceType<typeof Config>

/** For a client of the vendor's that talks to the recorder. */
export function vendorConfig(recorder: Recorder): VendorConfig {
  return new Config({ protocol: 'HTTP', endpoint: new URL(recorder.url).host })
}

/** Our call, then the vendor's with our body: both as they arrived. */
export async function sentByBoth(
  recorder: Recorder,
  ours: () => Promise<unknown>,
  vendors: (body: Record<string, unknown>) => Promise<unknown>,
): Promise<{ our: RecordedRequest; vendor: RecordedRequest }> {
  await ours()
  const our = recorder.requests.at(-1)
  if (!our) throw new Error('we sent nothing')
  const before = recorder.requests.length
  await vendors(our.body as Record<string, unknown>)
  const vendor = recorder.requests[before]
  if (!vendor) throw new Error('the vendor sent nothing')
  return { our, vendor }
}

/** Charset apart: ours is JSON, which is UTF-8 by definition; the vendor's says so once more. */
export const essence = ({ method, path, headers, body }: RecordedRequest) => ({
  method,
  path,
  contentType: headers['content-type']?.split(';')[0],
  accept: headers['accept'],
  token: headers['x-acs-dingtalk-access-token'],
  body,
})

/** Same on the wire, and every value of the type that the vendor's model declares. */
export function expectSame(sent: { our: RecordedRequest; vendor: RecordedRequest }, model: VendorType): void {
  expect(essence(sent.our)).toEqual(essence(sent.vendor))
  expect(mistyped(model, sent.our.body, '')).toEqual([])
}

type VendorType = string | { type: 'array'; itemType: VendorType } | { type: 'map'; valueType: VendorType } | ModelClass
type ModelClass = { types(): Record<string, VendorType> }

/** Paths of values that are not what the model says. */
export function mistyped(type: VendorType, value: unknown, path: string): string[] {
  if (type === 'any') return []
  if (typeof type === 'string') return typeof value === type ? [] : [`${path} is a ${typeof value}, not a ${type}`]
  if (typeof value !== 'object' || value === null) return [`${path} is a ${typeof value}`]
  if ('itemType' in type) {
    if (!Array.isArray(value)) return [`${path} is no array`]
    return value.flatMap((item: unknown, index) => mistyped(type.itemType, item, `${path}[${index}]`))
  }
  const entries: [string, unknown][] = Object.entries(value)
  if ('valueType' in type) return entries.flatMap(([key, inner]) => mistyped(type.valueType, inner, `${path}.${key}`))
  const types = type.types()
  return entries.flatMap(([key, inner]) => mistyped(types[key] ?? 'unknown key', inner, `${path}.${key}`))
}
