/** A browser without a window: keeps cookies by their path, follows no redirect by itself. */
export class VisitorBrowser {
  readonly #origin: string
  readonly #headers: Record<string, string>
  #cookies: { name: string; value: string; path: string }[] = []

  constructor(origin: string, headers: Record<string, string> = {}) {
    this.#origin = origin
    this.#headers = headers
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Seen> {
    return this.#ask(path, { headers })
  }

  post(path: string, body: string, headers: Record<string, string> = {}): Promise<Seen> {
    return this.#ask(path, { method: 'POST', body, headers })
  }

  submit(path: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Seen> {
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    return this.post(path, new URLSearchParams(fields).toString(), { ...type, ...headers })
  }

  /** What the script of the login page sends. */
  logIn(pages: string, code: string, returnTo?: string): Promise<Seen> {
    const body = JSON.stringify({ code, ...(returnTo === undefined ? {} : { return: returnTo }) })
    return this.post(`${pages}/login`, body, { 'content-type': 'application/json' })
  }

  cookie(name: string): string | undefined {
    return this.#cookies.find((cookie) => cookie.name === name)?.value
  }

  setCookie(name: string, value: string, path: string): void {
    this.#cookies = this.#cookies.filter((cookie) => cookie.name !== name || cookie.path !== path)
    if (value !== '') this.#cookies.push({ name, value, path })
  }

  async #ask(path: string, options: RequestInit): Promise<Seen> {
    const [pathname = ''] = path.split('?')
    const sent = this.#cookies
      .filter(({ path }) => pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`))
      .map(({ name, value }) => `${name}=${value}`)
    const headers = {
      ...this.#headers,
      ...(options.headers as Record<string, string>),
      ...(sent.length > 0 ? { cookie: sent.join('; ') } : {}),
    }
    const answer = await fetch(this.#origin + path, { ...options, headers, redirect: 'manual' })
    const cookies = answer.headers.getSetCookie()
    for (const cookie of cookies) this.#keep(cookie)
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, text, cookies, location: answer.headers.get('location') }
  }

  #keep(cookie: string): void {
    const [pair = '', ...attributes] = cookie.split(';').map((part) => part.trim())
    const [name = '', value = ''] = pair.split(/=(.*)/s)
    const path = attributes.find((one) => /^path=/i.test(one))?.slice('path='.length) ?? '/'
    const isGone = attributes.some((one) => /^max-age=0$/i.test(one))
    this.setCookie(name, isGone ? '' : value, path)
  }
}

export type Seen = { status: number; headers: Headers; text: string; cookies: string[]; location: string | null }

/** The visitor's token, out of any form of the page. */
export function csrfOf(page: Seen): string {
  const found = /name="csrf" value="([^"]+)"/.exec(page.text)?.[1]
  if (found === undefined) throw new Error(`no form on the page: ${page.status} ${page.text}`)
  return found
}
