/** Keys whose values never reach a log line or the journal. */
export const SECRET_KEYS = [
  'clientSecret',
  'appSecret',
  'accessToken',
  'access_token',
  'aesKey',
  'token',
  'secret',
  'ticket',
  'app_key',
  'appKey',
  'authorization',
  'sessionWebhook',
]

/** As above and whatever else is called like one of them, in any spelling. */
const SECRET_KEY = new RegExp(
  `^(${SECRET_KEYS.join('|')}|.*(secret|token|ticket|password|passwd|webhook|aes_?key|app_?key|signature)|sign|encrypt)$`,
  'i',
)
/** Credentials in the query of an address. */
const SECRET_QUERY = /([?&][\w-]*(?:token|secret|ticket|session|sign|signature|key|code)=)[^&#\s"']+/gi

const REPLACED = '[secret]'

/** What comes in has few keys, again and again; looking each up is many times faster than matching it. */
const known = new Map<string, boolean>()
const MAX_KNOWN = 2_000
const MAX_KEY = 200

function isSecretKey(whole: string): boolean {
  // What a key is about stands at its end; one without end must not be kept.
  const key = whole.slice(-MAX_KEY)
  const before = known.get(key)
  if (before !== undefined) return before
  const secret = SECRET_KEY.test(key)
  if (known.size < MAX_KNOWN) known.set(key, secret)
  return secret
}
const MAX_DEPTH = 12

/** The value without its secrets: by what they are called, also inside JSON that is kept as text, and inside addresses. */
export function withoutSecretValues(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return withoutSecretText(value, depth)
  if (typeof value !== 'object' || value === null) return value
  if (depth >= MAX_DEPTH) return '[too deep]'
  if (Array.isArray(value)) return value.map((one) => withoutSecretValues(one, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      isSecretKey(key) && inner !== null && inner !== '' ? REPLACED : withoutSecretValues(inner, depth + 1),
    ]),
  )
}

function withoutSecretText(text: string, depth: number): string {
  if (/^\s*[{[]/.test(text) && depth < MAX_DEPTH) {
    try {
      const inner: unknown = JSON.parse(text)
      const cleaned = JSON.stringify(withoutSecretValues(inner, depth + 1))
      return cleaned === JSON.stringify(inner) ? text : cleaned
    } catch {
      // It only looks like JSON.
    }
  }
  return text.includes('=') ? text.replaceAll(SECRET_QUERY, `$1${REPLACED}`) : text
}
