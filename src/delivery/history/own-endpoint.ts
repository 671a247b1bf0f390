/** Where Flashduty's webhook leads when it is set up by the book. */
const DELIVER_PATH = '/api/v1/deliver'

/**
 * Tells addresses of this daemon's webhook from others by host and path. Those set in Flashduty may carry a token in their
 * query or at the end of their path, and be written with or without a port or a last slash.
 * @param known `webhookUrl` as it is set in Flashduty; else it is taken to be under `publicUrl`
 */
export function ownEndpoint(known: {
  publicUrl: string | undefined
  webhookUrl: string | undefined
}): ((endpoint: string) => boolean) | undefined {
  const address = known.webhookUrl ?? (known.publicUrl && `${known.publicUrl}${DELIVER_PATH}`)
  const own = address === undefined ? undefined : placeOf(address)
  if (!own) return undefined
  return (endpoint) => {
    const place = placeOf(endpoint)
    return place?.host === own.host && (place.path === own.path || place.path.startsWith(`${own.path}/`))
  }
}

function placeOf(address: string): { host: string; path: string } | undefined {
  if (address.length > MAX_ADDRESS || !URL.canParse(address)) return undefined
  const { host, pathname } = new URL(address)
  return { host: host.toLowerCase(), path: pathname.replaceAll(/\/{2,}/g, '/').replace(/\/$/, '') }
}

const MAX_ADDRESS = 10_000
