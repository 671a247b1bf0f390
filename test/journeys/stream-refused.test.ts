import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

import type { Fault } from '../sandbox/dingtalk/types.ts'
import { eventually } from '../support/eventually.ts'
import {
  actsOn,
  answerOf,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  openScene,
  press,
  type Scene,
  theCardOf,
} from '../support/journey.ts'
import { readyz } from '../support/readyz.ts'
import type { LogLine } from '../support/world.ts'

let scene: Scene
/** What a test changes there. */
let rightInTheConsole: { clientSecret: string; published: boolean }
beforeAll(async () => {
  // An upgrade that is never answered is given up sooner.
  scene = await openScene({ overrides: { connection: { handshakeTimeoutMs: 500 } } })
  rightInTheConsole = { clientSecret: scene.world.dingtalkApp.clientSecret, published: true }
})
afterEach(() => {
  const { dingtalk, dingtalkApp } = scene.world
  dingtalk.control.clearFaults()
  dingtalk.control.updateApp(dingtalkApp.clientId, rightInTheConsole)
})
afterAll(async () => {
  await scene.close()
})

const clientId = (): string => scene.world.dingtalkApp.clientId
const connections = (): string[] => scene.world.dingtalk.control.connections(clientId())

/** The `stream-state` lines since a line of the log. */
function statesSince(line: number): LogLine[] {
  return scene.app.lines.slice(line).filter(({ msg }) => msg === 'stream-state')
}

/** Resolves when two connections are open that were not there before, and the daemon says it is ready. */
async function reconnected(before: string[]): Promise<void> {
  const areNew = () => connections().filter((id) => !before.includes(id)).length === 2
  await eventually('new connections', areNew)
  await eventually('ready', async () => (await readyz(scene.app.url)).status === 200)
}

type Case = { name: string; fault: Fault['effect']; reason: string; says: string[] }
const answer = (status: number, body: unknown, contentType?: string): Fault['effect'] => ({
  kind: 'answer',
  status,
  body,
  ...(contentType === undefined ? {} : { contentType }),
})
const cases: Case[] = [
  {
    name: '401',
    fault: answer(401, { code: 'authFailed', message: '鉴权失败' }),
    reason: 'APP_CREDENTIAL_INVALID',
    says: ['authFailed', '鉴权失败'],
  },
  {
    name: '400',
    fault: answer(400, { code: 'systemError', message: '系统错误' }),
    reason: 'STREAM_REFUSED',
    says: ['systemError', '系统错误'],
  },
  {
    name: '400 of a proxy',
    fault: answer(400, '<html>The plain HTTP request was sent to HTTPS port</html>', 'text/html'),
    reason: 'STREAM_REFUSED',
    says: ['400', 'text/html'],
  },
  {
    name: '401 of a proxy, which is none of the credentials',
    fault: answer(401, '<html>Authentication required</html>', 'text/html'),
    reason: 'STREAM_REFUSED',
    says: ['401', 'text/html'],
  },
  {
    name: '403 for too many calls',
    fault: answer(403, { code: 'Forbidden.AccessDenied.QpsLimitForAppkeyAndApi', message: '触发限流' }),
    reason: 'STREAM_REFUSED',
    says: ['QpsLimit', '触发限流'],
  },
  { name: '429', fault: answer(429, ''), reason: 'STREAM_REFUSED', says: ['429'] },
  { name: '500', fault: answer(500, { message: 'no code' }), reason: 'STREAM_REFUSED', says: ['500'] },
  { name: '503', fault: answer(503, '<html>busy</html>', 'text/html'), reason: 'STREAM_REFUSED', says: ['503'] },
  {
    name: '200 that is not JSON',
    fault: answer(200, '<html>please log in</html>', 'text/html'),
    reason: 'STREAM_REFUSED',
    says: ['200', 'text/html'],
  },
  {
    name: '200 without a ticket',
    fault: answer(200, { endpoint: 'wss://nowhere' }),
    reason: 'STREAM_REFUSED',
    says: ['200', 'ticket'],
  },
  { name: 'nothing: the line is cut', fault: { kind: 'reset' }, reason: 'NETWORK', says: ['connections/open'] },
]

test.each(cases)('refused with $name: says so, and is asked again until it agrees', async ({ fault, reason, says }) => {
  const { control } = scene.world.dingtalk
  const before = connections()
  const line = scene.app.lines.length
  control.addFault({ api: 'connections/open', times: 1_000, effect: fault })
  control.dropConnections(clientId())
  const waiting = await eventually('the refusal is told', () =>
    statesSince(line).find(({ state }) => state === 'waiting'),
  )
  expect(waiting).toMatchObject({ level: 'warn', component: 'stream', reason })
  expect(waiting['retryInMs']).toBeGreaterThan(0)
  const { status, missing } = await readyz(scene.app.url)
  expect(status).toBe(503)
  expect(Object.keys(missing)).toEqual(['stream of 钉钉值班'])
  for (const word of says) {
    expect(waiting['detail']).toContain(word)
    await eventually('/readyz says it too', async () => {
      expect((await readyz(scene.app.url)).missing['stream of 钉钉值班']).toContain(word)
      return true
    })
  }
  control.clearFaults()
  await reconnected(before)
  expect(statesSince(line).at(-1)).toMatchObject({ level: 'info', state: 'open' })
})

test.for([
  [{ kind: 'refuse', status: 401 }, '401'],
  [{ kind: 'hang' }, 'timed out'],
  [{ kind: 'reset' }, 'ECONNRESET'],
] as const)('refused the promised socket by %o: says so, and a new one is asked for', async ([effect, says]) => {
  const { control } = scene.world.dingtalk
  const before = connections()
  const line = scene.app.lines.length
  control.addHandshakeFault({ effect, times: 4 })
  control.dropConnections(clientId())
  await reconnected(before)
  expect(statesSince(line)).toMatchObject([
    { state: 'connecting' },
    { state: 'waiting', reason: 'STREAM_REFUSED', detail: expect.stringContaining(says) as string },
    { state: 'open' },
  ])
})

test('refused because of what stands in the console: works when that is put right there', async () => {
  const { world } = scene
  const { control } = world.dingtalk
  const { clientSecret } = world.dingtalkApp
  const mistakes = [
    [{ clientSecret: 'reset-in-the-console' }, { clientSecret }, 'APP_CREDENTIAL_INVALID'],
    [{ published: false }, { published: true }, 'STREAM_REFUSED'],
  ] as const
  for (const [wrong, right, reason] of mistakes) {
    const before = connections()
    control.updateApp(clientId(), wrong)
    control.dropConnections(clientId())
    await eventually('the reason is told', async () => {
      expect((await readyz(scene.app.url)).missing['stream of 钉钉值班']).toContain(reason)
      return true
    })
    control.updateApp(clientId(), right)
    await reconnected(before)
  }
  const incident = await fire(world, { title: '控制台改好之后', chats: [inGroup(world.groups.oncall)] })
  const card = await theCardOf(world, incident)
  expect(answerOf(await press(world, card, world.people.li, '认领')).title).toContain('处理中')
  await everybodySees(world, card, '处理中')
  expect(actsOn(world, incident)).toHaveLength(1)
})

afterAll(() => {
  expectSilence(scene.world, scene.app.lines)
})
