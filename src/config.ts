import { dirname, join } from 'node:path'

import { z } from 'zod'

import type { ProxySettings } from './proxy.ts'

/** Blank means unset: zod would coerce `''` to 0 and the like. */
const env = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (typeof value === 'string' && value.trim() === '' ? undefined : value), schema)

const httpUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http:// or https:// address' })
  .refine((url) => !/[?#]/.test(url), 'must have no query and no fragment')
  .transform((url) => url.replace(/\/+$/, ''))

const wholeNumber = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`
  return z.coerce.number({ error }).int(error).min(min, error).max(max, error)
}

const Address = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()])

const addresses = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== ''),
  )
  .superRefine((entries, context) => {
    const wrong = entries.findIndex((entry) => !Address.safeParse(entry).success)
    const all = entries.findIndex((entry) => /\/0+$/.test(entry))
    const words = 'must be IP addresses and blocks of them, by commas, such as 10.0.0.5, 10.1.0.0/16'
    if (wrong >= 0) context.addIssue({ code: 'custom', message: `${words}: entry ${wrong + 1} is none` })
    else if (all >= 0) context.addIssue({ code: 'custom', message: `must not name everybody: entry ${all + 1} does` })
  })

/** Every setting the daemon reads; the README's table is checked against this by a test. */
export const Env = z.object({
  REDIS_URL: env(
    z
      .url({ protocol: /^rediss?$/, error: 'must be a redis:// or rediss:// address' })
      .default('redis://127.0.0.1:6379'),
  ),
  REDIS_PREFIX: env(
    z
      .string()
      .regex(/^[^:]+$/, 'must not contain a colon')
      .default('bull'),
  ),
  DATABASE_URL: env(
    z
      .string()
      .regex(/^sqlite:.+/, 'must be sqlite:PATH (PostgreSQL is not there yet)')
      .default('sqlite:data/flashduty-dingtalk.db'),
  ),
  HTTP_HOST: env(z.string().default('0.0.0.0')),
  HTTP_PORT: env(
    z.coerce
      .number({ error: 'must be a port number, 0 to 65535' })
      .int('must be a port number, 0 to 65535')
      .min(0, 'must be a port number, 0 to 65535')
      .max(65535, 'must be a port number, 0 to 65535')
      .default(8080),
  ),
  PUBLIC_URL: env(httpUrl.optional()),
  TRUSTED_PROXIES: env(addresses.optional()),
  METRICS_TOKEN: env(
    z
      .string()
      .regex(/^[\x21-\x7e]{16,500}$/, 'must have at least 16 characters, and only letters, digits and signs')
      .optional(),
  ),
  EGRESS_IP: env(z.union([z.ipv4(), z.ipv6()], { error: 'must be an IP address' }).optional()),
  DINGTALK_API_URL: env(httpUrl.default('https://api.dingtalk.com')),
  DINGTALK_OAPI_URL: env(httpUrl.default('https://oapi.dingtalk.com')),
  DINGTALK_LOGIN_URL: env(httpUrl.default('https://login.dingtalk.com')),
  FLASHDUTY_API_URL: env(httpUrl.default('https://api.flashcat.cloud')),
  WEBHOOK_HISTORY: env(z.enum(['on', 'off'], { error: 'must be on or off' }).default('on')),
  WEBHOOK_URL: env(z.url({ protocol: /^https?$/, error: 'must be an http:// or https:// address' }).optional()),
  COMPARE_HOURS: env(wholeNumber(0, 720).default(24)),
  HTTPS_PROXY: env(
    z.url({ protocol: /^https?$/, error: 'must be the http:// or https:// address of a proxy' }).optional(),
  ),
  NO_PROXY: env(z.string().optional()),
  SECRET_KEY: env(z.string().min(32, 'must have at least 32 characters').optional()),
  JOURNAL_DAYS: env(wholeNumber(0, 365).default(7)),
  JOURNAL_MAX_MB: env(wholeNumber(1, 10_000).default(64)),
  LOG_LEVEL: env(
    z
      .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace'], {
        error: 'must be fatal, error, warn, info, debug or trace',
      })
      .default('info'),
  ),
})

export type Config = Readonly<{
  redis: { url: string; prefix: string }
  /** Path of the SQLite file. */
  databasePath: string
  http: {
    host: string
    port: number
    publicUrl: string | undefined
    /** Addresses and CIDR blocks, besides this host itself. */
    trustedProxies: string[]
    metricsToken: string | undefined
  }
  egressIp: string | undefined
  dingtalk: { apiUrl: string; oapiUrl: string; loginUrl: string }
  flashduty: {
    apiUrl: string
    /** Whether webhooks that were missed are looked for in Flashduty's history. */
    readsHistory: boolean
    /** As it is set in Flashduty; undefined = under the public address. */
    webhookUrl: string | undefined
    /** Between two comparisons of open cards; 0 = never. */
    compareEveryMs: number
  }
  /** For everything that is called, over REST and WebSocket alike. */
  proxy: ProxySettings
  secret: { key: string | undefined; file: string }
  journal: { keptDays: number; maxBytes: number }
  logLevel: string
}>

/** All faults at once, by variable name and never by value: values may be secrets. */
export class ConfigError extends Error {
  override name = 'ConfigError'
  readonly faults: { variable: string; problem: string }[]

  constructor(faults: { variable: string; problem: string }[]) {
    super(faults.map(({ variable, problem }) => `${variable}: ${problem}`).join('\n'))
    this.faults = faults
  }
}

const LOWER_CASE = ['HTTPS_PROXY', 'NO_PROXY']

/** @throws ConfigError naming every wrong variable */
export function loadConfig(environment: Record<string, string | undefined>): Config {
  // Proxies are the one thing that most programs also read in lower case.
  const spelt = Object.fromEntries(LOWER_CASE.map((name) => [name, environment[name.toLowerCase()]]))
  const parsed = Env.safeParse({ ...spelt, ...environment })
  if (!parsed.success) {
    throw new ConfigError(
      parsed.error.issues.map((issue) => ({ variable: issue.path.join('.'), problem: issue.message })),
    )
  }
  const values = parsed.data
  const databasePath = values.DATABASE_URL.slice('sqlite:'.length)
  return Object.freeze({
    redis: { url: values.REDIS_URL, prefix: values.REDIS_PREFIX },
    databasePath,
    http: {
      host: values.HTTP_HOST,
      port: values.HTTP_PORT,
      publicUrl: values.PUBLIC_URL,
      trustedProxies: values.TRUSTED_PROXIES ?? [],
      metricsToken: values.METRICS_TOKEN,
    },
    egressIp: values.EGRESS_IP,
    dingtalk: {
      apiUrl: values.DINGTALK_API_URL,
      oapiUrl: values.DINGTALK_OAPI_URL,
      loginUrl: values.DINGTALK_LOGIN_URL,
    },
    flashduty: {
      apiUrl: values.FLASHDUTY_API_URL,
      readsHistory: values.WEBHOOK_HISTORY === 'on',
      webhookUrl: values.WEBHOOK_URL,
      compareEveryMs: values.COMPARE_HOURS * 3_600_000,
    },
    proxy: { url: values.HTTPS_PROXY, except: values.NO_PROXY },
    secret: { key: values.SECRET_KEY, file: join(dirname(databasePath), 'secret.key') },
    journal: { keptDays: values.JOURNAL_DAYS, maxBytes: values.JOURNAL_MAX_MB * 1024 * 1024 },
    logLevel: values.LOG_LEVEL,
  })
}
