import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'

/** What it does with the next CONNECT: carry it, refuse it, cut the line, or say nothing. */
export type ProxyMood = 'carry' | 'hang' | 'reset' | { refuse: number }

/** An HTTP proxy that carries tunnels and nothing else. */
export type ConnectProxy = {
  /** With credentials, which it insists on. */
  url: string
  name: string
  password: string
  /** Of the next ones, in turn; then `mood`. */
  moods: ProxyMood[]
  mood: ProxyMood
  /** Host and port of every CONNECT that was asked for. */
  asked: string[]
  /** Sockets that are open to it now. */
  open(): number
  close(): Promise<void>
}

export async function startConnectProxy(): Promise<ConnectProxy> {
  const password = 'proxy-pass-never-told'
  const wanted = `Basic ${Buffer.from(`daemon:${password}`).toString('base64')}`
  const sockets = new Set<Socket>()
  const server = createServer((_request, response) => response.writeHead(405).end('CONNECT only'))
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    proxy.asked.push(request.url ?? '')
    const mood = proxy.moods.shift() ?? proxy.mood
    // An HTTP server leaves its half of a socket open.
    socket.on('end', () => socket.end())
    if (mood === 'hang') return void socket.resume()
    if (mood === 'reset') return void socket.resetAndDestroy()
    const refuse = (status: number) =>
      socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
    if (mood !== 'carry') return refuse(mood.refuse)
    if (request.headers['proxy-authorization'] !== wanted) return refuse(407)
    const [host = '', port = ''] = (request.url ?? '').split(':')
    const target = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      if (head.length > 0) target.write(head)
      target.pipe(socket).pipe(target)
    })
    target.on('error', () => socket.destroy())
    target.on('close', () => socket.destroy())
    socket.on('close', () => target.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const proxy: ConnectProxy = {
    url: `http://daemon:${password}@127.0.0.1:${port}`,
    name: `127.0.0.1:${port}`,
    password,
    moods: [],
    mood: 'carry',
    asked: [],
    open: () => sockets.size,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return proxy
}
