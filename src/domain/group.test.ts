import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { type GroupFacts, isReachable, standingOf } from './group.ts'
import { useProperties } from '../../test/support/properties.ts'

useProperties()

const NOTHING: GroupFacts = {
  app_status: null,
  operated_at: 0,
  app_robot_code: null,
  app_cool_app_code: null,
  robot_status: null,
  robot_at: 0,
  plain_robot_code: null,
  plain_cool_app_code: null,
  disbanded_at: null,
}

describe('the standing of a group', () => {
  test.each<[string, Partial<GroupFacts>, string]>([
    ['nothing but its name', {}, 'unknown'],
    ['our cool app', { app_status: 'installed', operated_at: 5 }, 'installed'],
    ['our cool app gone', { app_status: 'uninstalled', operated_at: 5 }, 'uninstalled'],
    ['a robot alone', { robot_status: 'present', robot_at: 5 }, 'robot'],
    ['a robot gone', { robot_status: 'absent', robot_at: 5 }, 'uninstalled'],
    [
      'a robot that went with the cool app',
      { app_status: 'uninstalled', operated_at: 6, robot_status: 'present', robot_at: 5 },
      'uninstalled',
    ],
    [
      'a robot that came after the cool app went',
      { app_status: 'uninstalled', operated_at: 5, robot_status: 'present', robot_at: 6 },
      'robot',
    ],
    [
      'our cool app and a robot gone',
      { app_status: 'installed', operated_at: 5, robot_status: 'absent', robot_at: 6 },
      'installed',
    ],
    ['disbanded', { app_status: 'installed', operated_at: 5, disbanded_at: 6 }, 'disbanded'],
    ['a robot gone with the group', { robot_status: 'present', robot_at: 5, disbanded_at: 6 }, 'disbanded'],
    [
      'disbanding that is older than an install',
      { app_status: 'installed', operated_at: 6, disbanded_at: 5 },
      'installed',
    ],
  ])('%s', (_what, facts, status) => {
    expect(standingOf({ ...NOTHING, ...facts }).status).toBe(status)
  })

  test('the cool app’s robot is the one to send with as long as it is there', () => {
    const both = {
      app_robot_code: 'ours',
      plain_robot_code: 'plain',
      app_cool_app_code: 'C1',
      plain_cool_app_code: 'C2',
    }
    const robot = { ...NOTHING, ...both, robot_status: 'present' as const, robot_at: 5 }
    expect(standingOf(robot)).toEqual({ status: 'robot', robot_code: 'plain', cool_app_code: 'C2' })
    const installed = { ...robot, app_status: 'installed' as const, operated_at: 1 }
    expect(standingOf(installed)).toEqual({ status: 'installed', robot_code: 'ours', cool_app_code: 'C1' })
  })

  test('a group is reachable exactly when a robot of ours is in it', () => {
    const facts = fc.record({
      app_status: fc.constantFrom('installed' as const, 'uninstalled' as const, null),
      operated_at: fc.nat(9),
      robot_status: fc.constantFrom('present' as const, 'absent' as const, null),
      robot_at: fc.nat(9),
      disbanded_at: fc.option(fc.nat(9)),
    })
    fc.assert(
      fc.property(facts, (some) => {
        const { status } = standingOf({ ...NOTHING, ...some })
        if (isReachable(status)) {
          expect(some.disbanded_at ?? -1).toBeLessThan(Math.max(some.operated_at, some.robot_at))
          expect(some.app_status === 'installed' || some.robot_status === 'present').toBe(true)
        }
      }),
    )
  })
})
