import { createServer } from 'node:net'

/** Below what systems give to whoever asks for any port, so that nobody is given it before it is used. */
const FROM = 20_000
const TO = 32_000

/** A port of this host to listen on later, when the address has to be known before. */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = FROM + Math.floor(Math.random() * (TO - FROM))
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
