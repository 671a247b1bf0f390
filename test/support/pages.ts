import { eventually } from './eventually.ts'
import type { SharedScene } from './journey.ts'
import { csrfOf, type Seen, VisitorBrowser } from './visitor.ts'
import type { Person } from './world.ts'

/** Path of the integration's pages, with the prefix of PUBLIC_URL. */
export function pathOfPages({ world }: SharedScene): string {
  return `/fd/h5/${world.integrationId}`
}

/** Over https. */
export function sessionCookieOf({ world }: SharedScene): string {
  return `__Host-fd_session_${world.integrationId}`
}

const browsers = new WeakMap<SharedScene, Map<string, Promise<VisitorBrowser>>>()

/** A browser in which this person is logged in: the same one again, since DingTalk takes few logins a second. */
export function logIn(
  scene: SharedScene,
  person: Pick<Person, 'user'>,
  headers: Record<string, string> = {},
): Promise<VisitorBrowser> {
  const known = browsers.get(scene) ?? new Map<string, Promise<VisitorBrowser>>()
  browsers.set(scene, known)
  const name = JSON.stringify([person.user.userId, headers])
  const browser = known.get(name) ?? logInAnew(scene, person, headers)
  known.set(name, browser)
  return browser
}

async function logInAnew(
  scene: SharedScene,
  person: Pick<Person, 'user'>,
  headers: Record<string, string>,
): Promise<VisitorBrowser> {
  const { world, app } = scene
  const visitor = new VisitorBrowser(app.url, headers)
  const code = world.dingtalk.control.clientCode(world.dingtalkApp.clientId, person.user.userId)
  const { status } = await visitor.logIn(pathOfPages(scene), code)
  if (status !== 200) throw new Error(`the login was answered ${status}`)
  return visitor
}

/** Sends the button of that value, as the page has it. @returns the page that is shown after it */
export async function pressOn(
  visitor: VisitorBrowser,
  page: Seen,
  incidentId: string,
  act: string,
  fields: Record<string, string> = {},
): Promise<Seen> {
  const address = new RegExp(`(?:form)?action="([^"]*/incident/${incidentId}/act)"`).exec(page.text)?.[1]
  const token = /name="token" value="([^"]+)"/.exec(page.text)?.[1]
  const origin = /name="origin" value="([^"]+)"/.exec(page.text)?.[1]
  const cid = /name="cid" value="([^"]+)"/.exec(page.text)?.[1]
  if (!address || !token || !origin) throw new Error(`no button for ${incidentId}: ${page.text}`)
  const form = { csrf: csrfOf(page), token, origin, ...(cid === undefined ? {} : { cid: textOf(cid) }), act, ...fields }
  return follow(visitor, await visitor.submit(address, form))
}

export async function follow(visitor: VisitorBrowser, seen: Seen): Promise<Seen> {
  if (seen.status !== 303 || seen.location === null) throw new Error(`no redirect: ${seen.status} ${seen.text}`)
  return visitor.get(seen.location)
}

/** What a reader sees of a page: its text, without tags. */
export function textOf(html: string): string {
  return html
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
    .replaceAll(/\s+/g, ' ')
}

/** Resolves with the page once its text holds the word. */
export function pageWith(visitor: VisitorBrowser, path: string, word: string): Promise<Seen> {
  return eventually(`${path} shows ${word}`, async () => {
    const page = await visitor.get(path)
    if (!textOf(page.text).includes(word)) throw new Error(`${page.status} ${textOf(page.text)}`)
    return page
  })
}

const TAGS = new Set(
  `html head meta title link body a header span main details summary nav p ul ol li strong div h1 h2 h3 h4 h5 h6 section article
  form input button time bdi dl dt dd textarea label script em s code pre blockquote table thead tbody tr th td hr br`.split(
    /\s+/,
  ),
)

/** What a page must not hold, whatever it was given: tags and attributes that are not ours, links to anything but pages. */
export function foreignParts(html: string): string[] {
  const found: string[] = []
  for (const [tag, name = '', attributes = ''] of html.matchAll(/<([a-z][a-z0-9]*)((?:\s[^>]*)?)>/gi)) {
    if (!TAGS.has(name.toLowerCase())) found.push(tag)
    for (const [, attribute = '', value = ''] of attributes.matchAll(/([^\s=]+)="([^"]*)"/g)) {
      if (/^on|^style$|^srcdoc$/i.test(attribute)) found.push(tag)
      if (/^(href|src|action|formaction)$/i.test(attribute) && !isAddress(name, attribute, value)) found.push(tag)
      if (attribute === 'href' && /^https?:/.test(value) && !attributes.includes('rel="noopener noreferrer')) {
        found.push(tag)
      }
    }
  }
  if (/<script(?! src="\/fd\/assets\/[\w-]+\.js" defer="">)/.test(html)) found.push('a script of its own')
  return found
}

function isAddress(tag: string, attribute: string, value: string): boolean {
  if (/^(\/fd\/(h5|assets)\/|#content$)/.test(value)) return true
  if (tag === 'link') return value === 'data:,'
  return tag === 'a' && attribute === 'href' && (value === '' || /^https?:\/\/[^/]/.test(value))
}
