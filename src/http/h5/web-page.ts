import { MAX_ADDRESS } from '../../domain/limits.ts'
import { webAddress } from '../../domain/web-address.ts'

/** The address of a web page, as a link may lead to it; undefined for anything else. */
export function webPage(text: string | undefined): string | undefined {
  return webAddress(text, MAX_ADDRESS)
}
