import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'

/** Vouches for texts that go out to browsers and come back. */
export type Signer = {
  /** Secret for signing cookies. */
  readonly cookieSecret: string
  /** 256 bits over the purpose and the text; one purpose's signature is worth nothing for another. */
  sign(purpose: string, text: string): string
  /** In constant time. */
  isSigned(purpose: string, text: string, signature: string): boolean
}

export function createSigner(secretKey: string): Signer {
  const derive = (info: string): Buffer => Buffer.from(hkdfSync('sha256', secretKey, '', info, 32))
  const key = derive('flashduty-dingtalk signatures')
  const mac = (purpose: string, text: string): Buffer =>
    createHmac('sha256', key)
      .update(JSON.stringify([purpose, text]))
      .digest()
  return {
    cookieSecret: derive('flashduty-dingtalk cookies').toString('base64url'),
    sign: (purpose, text) => mac(purpose, text).toString('base64url'),
    isSigned(purpose, text, signature) {
      const given = Buffer.from(signature, 'base64url')
      const wanted = mac(purpose, text)
      return given.length === wanted.length && timingSafeEqual(given, wanted)
    },
  }
}
