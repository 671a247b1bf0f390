const MAX_LENGTH = 2_000

/** The address of a web page, as a link may lead to it; undefined for anything else. */
export function webPage(text: string | undefined): string | undefined {
  if (!text || text.length > MAX_LENGTH || !/^https?:\/\//i.test(text) || !URL.canParse(text)) return undefined
  const { protocol, href, username, password } = new URL(text)
  if (username !== '' || password !== '') return undefined
  return protocol === 'http:' || protocol === 'https:' ? href : undefined
}
