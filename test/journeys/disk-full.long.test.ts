import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { makeToken } from '../support/bridge.ts'
import { startDaemon } from '../support/daemon.ts'
import { expectRefusalAndRecovery, FULL_DISK_ERRORS } from '../support/full-disk.ts'
import { expectSilence, install } from '../support/journey.ts'
import { createWorld, type World } from '../support/world.ts'

let world: World
let token: Record<string, string>
beforeAll(async () => {
  world = await createWorld({
    dingtalk: { redeliveryDelaysMs: [300, ...Array.from({ length: 200 }, () => 1_000)], systemPingMs: 0 },
  })
  token = { 'x-flashduty-token': (await makeToken(world)).token }
})
afterAll(() => world.close())

/** The system itself refuses every write to a file: `prlimit` of util-linux takes the right away and gives it back. */
const canLimit = await promisify(execFile)('prlimit', ['--version']).then(
  () => true,
  () => false,
)

test.skipIf(!canLimit)(
  'a process whose writes the system refuses takes nothing in, says so, and recovers by itself, also a second time',
  async () => {
    const daemon = await startDaemon(world.env)
    const limit = async (bytes: number | 'unlimited'): Promise<void> => {
      await promisify(execFile)('prlimit', ['--pid', String(daemon.pid), `--fsize=${bytes}:`])
    }
    try {
      const running = { url: String(daemon.lines.find(({ msg }) => msg === 'ready')?.['url']), lines: daemon.lines }
      await install(world, Object.values(world.groups))
      for (const time of [1, 2]) {
        const told = () => daemon.lines.filter(({ msg }) => msg === 'store-refuses').length
        expect(told()).toBe(time - 1)
        await expectRefusalAndRecovery(
          world,
          token,
          running,
          () => limit(1),
          () => limit('unlimited'),
        )
        expect(told()).toBe(time)
      }
    } finally {
      await daemon.end('SIGTERM')
    }
    expectSilence(world, daemon.lines, { errors: FULL_DISK_ERRORS })
  },
)
