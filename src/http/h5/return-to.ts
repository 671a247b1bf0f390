/** What the pages read of an address; the rest is not ours and stays behind. */
const KEPT = new Set(['act', 'cid', 'corpId', 'incident', 'linked', 'return'])

/**
 * Where to go after logging in: only to a page of the same integration. Whatever else was asked for leads to its home.
 * @param pages path of the integration's pages, without a slash at its end
 */
export function returnTo(wanted: string | undefined, pages: string): string {
  const home = `${pages}/`
  if (wanted === undefined || wanted.length > 2_000) return home
  let target: URL
  try {
    target = new URL(wanted, 'http://here')
  } catch {
    return home
  }
  // Looked at as a browser would read it, and passed on in that form, so that both mean the same.
  if (target.origin !== 'http://here' || !target.pathname.startsWith(home)) return home
  const page = target.pathname.slice(home.length)
  // Encoded slashes and dots may be decoded by a proxy on the way.
  if (/^log(in|out)(\/|$)|\/\/|%2f|%5c|%2e/i.test(page)) return home
  const kept = target.search
    .slice(1)
    .split('&')
    .filter((pair) => KEPT.has(pair.split('=', 1)[0] ?? ''))
  return target.pathname + (kept.length > 0 ? `?${kept.join('&')}` : '')
}
