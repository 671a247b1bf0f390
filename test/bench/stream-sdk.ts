import axios from 'axios'
import { DWClient, EventAck } from 'dingtalk-stream'

/** The vendor's client as a program of its own: `stream-sdk.ts API_URL CLIENT_ID CLIENT_SECRET`. */

const [apiUrl = '', clientId = '', clientSecret = ''] = process.argv.slice(2)
// Its gateway's address is a constant.
axios.interceptors.request.use((request) => ({
  ...request,
  proxy: false as const,
  url: (request.url ?? '').replace('https://api.dingtalk.com', apiUrl),
}))
const client = new DWClient({ clientId, clientSecret, keepAlive: true })
client.registerAllEventListener(() => ({ status: EventAck.SUCCESS, message: 'ok' }))
await client.connect()
