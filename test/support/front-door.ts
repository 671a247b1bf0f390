import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/**
 * A port of 127.0.0.1 that is ours from the start, so that addresses can name it before what is behind it has a port; as a
 * reverse proxy has. Connections before `lead` are cut.
 */
export type FrontDoor = {
  port: number
  /** Whoever connects from now on gets to that port of 127.0.0.1. */
  lead(toPort: number): void
  close(): Promise<void>
}

export async function openFrontDoor(): Promise<FrontDoor> {
  const open = new Set<Socket>()
  let behind: number | undefined
  const server = createServer((visitor) => {
    if (behind === undefined) return void visitor.destroy()
    const inside = connect({ port: behind, host: '127.0.0.1' })
    for (const [one, other] of [
      [visitor, inside],
      [inside, visitor],
    ] as const) {
      open.add(one)
      one.on('error', () => {})
      one.once('close', () => {
        open.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    lead: (toPort) => void (behind = toPort),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of open) socket.destroy()
      }),
  }
}
