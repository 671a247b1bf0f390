import { SocketModeClient } from '@slack/socket-mode'

/** Slack's socket client as a program of its own: `stream-slack.ts API_URL`. */

const [slackApiUrl = ''] = process.argv.slice(2)
const client = new SocketModeClient({ appToken: 'xapp-not-real', clientOptions: { slackApiUrl } })
await client.start()
