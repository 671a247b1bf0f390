import { textOf } from '../support/pages.ts'
import { csrfOf, type Seen, VisitorBrowser } from '../support/visitor.ts'
import type { Person, World } from '../support/world.ts'

/**
 * What somebody does in a browser whom a press has told to link: they log in through DingTalk's page, say that they are
 * the member they are taken for, and have done what they pressed.
 * @param address where the button 去关联 leads
 * @returns what the page says at its end
 * @throws Error when a page has not the part that is used next
 */
export async function linkInBrowser(world: World, { user }: Person, address: string): Promise<string> {
  const { origin, pathname, search } = new URL(address)
  const visitor = new VisitorBrowser(origin)
  const go = async (answer: Promise<Seen>): Promise<Seen> => {
    const seen = await answer
    return seen.location === null ? seen : go(visitor.get(pathOf(new URL(seen.location, origin))))
  }

  const asked = await visitor.get(pathname + search)
  const away = await visitor.get(find(asked, 'the way to DingTalk', /href="([^"]*\/login\/browser[^"]*)"/))
  const { loginUrl } = world.dingtalk
  const people = await (await fetch(away.location ?? '')).text()
  const self = find({ text: people }, user.name, new RegExp(`href="([^"]+)">以 ${user.name} 登录`))
  const back = await fetch(loginUrl + self, { redirect: 'manual' })
  const home = await go(visitor.get(pathOf(new URL(back.headers.get('location') ?? ''))))

  const linking = await visitor.get(find(home, 'the way to linking', /href="([^"]*\/link[^"]*)"/))
  const confirm = find(linking, 'a guess', /action="([^"]*\/link\/confirm)"/)
  const member = find(linking, 'the member', /name="member" value="([^"]+)"/)
  const linked = await go(visitor.submit(confirm, { csrf: csrfOf(linking), member, return: pathname }))

  const wanted = find(linked, 'what was pressed', /name="wanted" value="([^"]+)"/)
  const does = find(linked, 'the offer', /action="([^"]*\/wanted)"/)
  const done = await go(visitor.submit(does, { csrf: csrfOf(linked), wanted, answer: 'do' }))
  return textOf(done.text)
}

function pathOf({ pathname, search }: URL): string {
  return pathname + search
}

function find({ text }: Pick<Seen, 'text'>, what: string, pattern: RegExp): string {
  const found = pattern.exec(text)?.[1]
  if (found === undefined) throw new Error(`the page does not show ${what}: ${textOf(text)}`)
  return found.replaceAll('&amp;', '&')
}
