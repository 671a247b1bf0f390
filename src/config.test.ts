import { describe, expect, test } from 'vitest'

import { ConfigError, Env, loadConfig } from './config.ts'

function faultsOf(environment: Record<string, string | undefined>): ConfigError['faults'] {
  try {
    loadConfig(environment)
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
  return []
}

const DEFAULTS = {
  redis: { url: 'redis://127.0.0.1:6379', prefix: 'bull' },
  databasePath: 'data/flashduty-dingtalk.db',
  http: { host: '0.0.0.0', port: 8080, publicUrl: undefined, trustedProxies: [], metricsToken: undefined },
  egressIp: undefined,
  dingtalk: {
    apiUrl: 'https://api.dingtalk.com',
    oapiUrl: 'https://oapi.dingtalk.com',
    loginUrl: 'https://login.dingtalk.com',
  },
  flashduty: {
    apiUrl: 'https://api.flashcat.cloud',
    readsHistory: true,
    webhookUrl: undefined,
    compareEveryMs: 24 * 3_600_000,
  },
  proxy: { url: undefined, except: undefined },
  secret: { key: undefined, file: 'data/secret.key' },
  journal: { keptDays: 7, maxBytes: 64 * 1024 * 1024 },
  logLevel: 'info',
}

const GOOD: Record<string, string> = {
  REDIS_URL: 'rediss://user:pass@redis.example:6380/2',
  REDIS_PREFIX: 'fd',
  DATABASE_URL: 'sqlite:/var/lib/fd/store.db',
  HTTP_HOST: '127.0.0.1',
  HTTP_PORT: '0',
  PUBLIC_URL: 'https://oncall.example/flashduty/',
  TRUSTED_PROXIES: '10.0.0.5,10.1.0.0/16 , ::1, fd00::/8,::ffff:10.2.0.1,',
  METRICS_TOKEN: 'scrape-0123456789',
  EGRESS_IP: '203.0.113.7',
  DINGTALK_API_URL: 'https://ding.example/base//',
  DINGTALK_OAPI_URL: 'https://oapi.ding.example/',
  DINGTALK_LOGIN_URL: 'https://login.ding.example',
  FLASHDUTY_API_URL: 'http://flashduty.intra:8567/api',
  WEBHOOK_HISTORY: 'off',
  WEBHOOK_URL: 'http://10.0.0.5:8080/api/v1/deliver?token=abc',
  COMPARE_HOURS: '6',
  HTTPS_PROXY: 'http://user:pass@proxy.example:3128',
  NO_PROXY: '.intra,10.0.0.0/8',
  SECRET_KEY: 'x'.repeat(32),
  JOURNAL_DAYS: '0',
  JOURNAL_MAX_MB: '1',
  LOG_LEVEL: 'debug',
}

test('without any setting there are the defaults', () => {
  expect(loadConfig({})).toEqual(DEFAULTS)
})

test('blank means unset, for every setting', () => {
  const blank = (text: string) => Object.fromEntries(Object.keys(Env.shape).map((name) => [name, text]))
  expect(loadConfig(blank(''))).toEqual(DEFAULTS)
  expect(loadConfig(blank('  \t'))).toEqual(DEFAULTS)
})

test('each setting arrives where it is used', () => {
  expect(Object.keys(GOOD).sort()).toEqual(Object.keys(Env.shape).sort())
  expect(loadConfig(GOOD)).toEqual({
    redis: { url: GOOD['REDIS_URL'], prefix: 'fd' },
    databasePath: '/var/lib/fd/store.db',
    http: {
      host: '127.0.0.1',
      port: 0,
      publicUrl: 'https://oncall.example/flashduty',
      trustedProxies: ['10.0.0.5', '10.1.0.0/16', '::1', 'fd00::/8', '::ffff:10.2.0.1'],
      metricsToken: GOOD['METRICS_TOKEN'],
    },
    egressIp: '203.0.113.7',
    dingtalk: {
      apiUrl: 'https://ding.example/base',
      oapiUrl: 'https://oapi.ding.example',
      loginUrl: 'https://login.ding.example',
    },
    flashduty: {
      apiUrl: 'http://flashduty.intra:8567/api',
      readsHistory: false,
      webhookUrl: 'http://10.0.0.5:8080/api/v1/deliver?token=abc',
      compareEveryMs: 6 * 3_600_000,
    },
    proxy: { url: GOOD['HTTPS_PROXY'], except: '.intra,10.0.0.0/8' },
    secret: { key: GOOD['SECRET_KEY'], file: '/var/lib/fd/secret.key' },
    journal: { keptDays: 0, maxBytes: 1024 * 1024 },
    logLevel: 'debug',
  })
})

test('what else is in the environment does not matter, and the result cannot be changed', () => {
  const config = loadConfig({ PATH: '/bin', HOME: '/root' })
  expect(config).toEqual(DEFAULTS)
  expect(Object.isFrozen(config)).toBe(true)
})

test('the proxy may be set in lower case, as most programs take it; the other spelling is the stronger', () => {
  const lower = { https_proxy: 'http://lower.example:1', no_proxy: 'a' }
  expect(loadConfig(lower).proxy).toEqual({ url: 'http://lower.example:1', except: 'a' })
  expect(loadConfig({ ...lower, HTTPS_PROXY: '', NO_PROXY: 'b' }).proxy).toEqual({ url: undefined, except: 'b' })
})

describe('wrong settings', () => {
  test.each([
    ['REDIS_URL', 'http://redis.example'],
    ['REDIS_URL', 'redis.example:6379'],
    ['REDIS_PREFIX', 'a:b'],
    ['DATABASE_URL', 'postgres://db.example/fd'],
    ['DATABASE_URL', 'sqlite:'],
    ['DATABASE_URL', '/var/lib/fd.db'],
    ['HTTP_PORT', 'http'],
    ['HTTP_PORT', '-1'],
    ['HTTP_PORT', '65536'],
    ['HTTP_PORT', '80.5'],
    ['PUBLIC_URL', 'oncall.example'],
    ['PUBLIC_URL', 'https://oncall.example/?from=guide'],
    ['PUBLIC_URL', 'https://oncall.example/#top'],
    ['PUBLIC_URL', 'ftp://oncall.example'],
    ['TRUSTED_PROXIES', 'nginx.intra'],
    ['TRUSTED_PROXIES', '*'],
    ['TRUSTED_PROXIES', '10.0.0.1 10.0.0.2'],
    ['TRUSTED_PROXIES', '10.0.0.1, 10.0.0.300'],
    ['TRUSTED_PROXIES', '10.0.0.0/33'],
    ['TRUSTED_PROXIES', 'fd00::/129'],
    ['TRUSTED_PROXIES', '10.0.0.1:80'],
    ['TRUSTED_PROXIES', '10.0.0.1,0.0.0.0/0'],
    ['TRUSTED_PROXIES', '::/0'],
    ['METRICS_TOKEN', 'too short'],
    ['METRICS_TOKEN', 'long enough, but blank'],
    ['EGRESS_IP', 'oncall.example'],
    ['EGRESS_IP', '203.0.113.300'],
    ['DINGTALK_API_URL', 'api.dingtalk.com'],
    ['DINGTALK_OAPI_URL', 'oapi.dingtalk.com'],
    ['DINGTALK_LOGIN_URL', 'login.dingtalk.com'],
    ['FLASHDUTY_API_URL', 'javascript:alert(1)'],
    ['WEBHOOK_HISTORY', 'sometimes'],
    ['WEBHOOK_URL', 'oncall.intra'],
    ['COMPARE_HOURS', '-1'],
    ['HTTPS_PROXY', 'proxy.example:3128'],
    ['HTTPS_PROXY', 'socks5://proxy.example:1080'],
    ['SECRET_KEY', 'too short'],
    ['JOURNAL_DAYS', '-1'],
    ['JOURNAL_MAX_MB', 'much'],
    ['LOG_LEVEL', 'verbose'],
  ])('%s=%s', (variable, value) => {
    const faults = faultsOf({ [variable]: value })
    expect(faults.map((fault) => fault.variable)).toEqual([variable])
    expect(faults[0]?.problem).toMatch(/^must /)
  })

  test.each(['203.0.113.7', '2001:db8::1'])('%s is an address', (ip) => {
    expect(faultsOf({ EGRESS_IP: ip })).toEqual([])
  })

  test('of several proxies the wrong one is said', () => {
    expect(faultsOf({ TRUSTED_PROXIES: '10.0.0.1,,10.0.0.0/8,nginx' })[0]?.problem).toContain('entry 3')
  })

  const WRONG = Object.fromEntries(
    Object.keys(Env.shape)
      .filter((name) => name !== 'HTTP_HOST' && name !== 'NO_PROXY')
      .map((name) => [name, /^(SECRET_KEY|METRICS_TOKEN)$/.test(name) ? 's3cret:' : `s3cret:${name}`]),
  )

  test('are all named at once', () => {
    expect(
      faultsOf(WRONG)
        .map((fault) => fault.variable)
        .sort(),
    ).toEqual(Object.keys(WRONG).sort())
  })

  test('are never told by value, since values may be secrets', () => {
    expect.assertions(2)
    try {
      loadConfig(WRONG)
    } catch (error) {
      expect(`${String(error)} ${(error as Error).stack} ${JSON.stringify(error)}`).not.toContain('s3cret')
      expect((error as Error).cause).toBeUndefined()
    }
  })

  test('each has a line of its own', () => {
    expect(() => loadConfig({ HTTP_PORT: 'x', LOG_LEVEL: 'y' })).toThrow(/^HTTP_PORT: must .*\nLOG_LEVEL: must /)
  })
})
