import type { RunningApp, World } from './world.ts'

/** What `--aes-key` and `--token` of every integration of the tests say. */
export const EVENT_KEYS = { token: 'demoToken01', aesKey: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG' }

const PUBLIC_URL = 'https://oncall.example.com/fd'

/** DingTalk reaches the daemon under its public name. */
export function lead(world: World, app: RunningApp): void {
  world.dingtalk.control.setProxy(PUBLIC_URL, app.url)
}

/** The integration's secret address for events, as `integration show` prints it. */
export async function eventUrlOf(world: World, integrationId = world.integrationId): Promise<string> {
  const shown = await world.cli('integration', 'show', integrationId, '--json')
  return (JSON.parse(shown.out) as { eventSubscription: string }).eventSubscription
}

/** The same address on this machine. */
export async function localEventUrl(world: World, app: RunningApp, integrationId?: string): Promise<string> {
  return (await eventUrlOf(world, integrationId)).replace(PUBLIC_URL, app.url)
}

/** Saves the address in the console, which checks it first and goes to HTTP mode. */
export async function chooseHttpMode(
  world: World,
  clientId = world.dingtalkApp.clientId,
  integrationId = world.integrationId,
): Promise<void> {
  const url = await eventUrlOf(world, integrationId)
  const saved = await world.dingtalk.control.setEventUrl(clientId, { url, ...EVENT_KEYS })
  if (!saved.saved) throw new Error(`the console refused the address: ${saved.reason}`)
}
