import type { World } from '../support/world.ts'

/** What the daemon is told: to be killed at the nth time of this step, counted from then on. */
export type Arm = { step: string; nth: number }

/**
 * Where the daemon is killed. `step` is what hooks.mjs calls that moment; `faults` are what the platforms do to the call
 * it dies in.
 */
export type Point = {
  name: string
  step: string
  most: number
  faults?: (world: World) => void
  /** The call it dies in is carried out this much later, while its leases last. */
  lateMs?: number
}

/** Commits by what they are about; `before`: it never happens, `after`: it happened and nothing came of it yet. */
const COMMITS = {
  plan: 3,
  post: 1,
  claim: 3,
  'claim-update': 2,
  delivered: 3,
  shown: 2,
  click: 2,
  'click-claim': 1,
  'click-outcome': 2,
  'reply-stored': 1,
  event: 1,
  'group-title': 1,
  'result-due': 2,
  'result-told': 2,
}

/** Jobs added to Redis. */
const ADDS = { tick: 4, 'click-tick': 1, result: 2, 'posted-job': 1 }

/** Frames answered. */
const REPLIES = { ack: 1, 'press-reply': 2 }

const CALLS = ['create', 'deliver', 'update', 'act'] as const
const APIS = { create: 'createAndDeliver', deliver: 'deliver', update: 'updateCard' } as const

type Effect = { kind: 'hang' } | { kind: 'delay'; ms: number }

const LATE_MS = 1_500

export const POINTS: Point[] = [
  ...Object.entries({ ...COMMITS, ...ADDS, ...REPLIES }).flatMap(([what, most]) =>
    ['before', 'after'].map((when) => ({ name: `${what}, ${when}`, step: `${what}:${when}`, most })),
  ),
  { name: 'job-end, before', step: 'job-end:before', most: 3 },
  ...CALLS.flatMap((call): Point[] => [
    { name: `${call}, before it is sent`, step: `${call}:before`, most: 2 },
    { name: `${call}, sent and never applied`, step: `${call}:sent`, most: 1, faults: meet(call, { kind: 'hang' }) },
    { name: `${call}, sent and applied`, step: `${call}:sent`, most: 2 },
    {
      name: `${call}, sent and applied late`,
      step: `${call}:sent`,
      most: 1,
      faults: meet(call, { kind: 'delay', ms: LATE_MS }),
      lateMs: LATE_MS,
    },
    { name: `${call}, answered`, step: `${call}:answered`, most: 2 },
  ]),
  { name: 'read, answered', step: 'read:answered', most: 1 },
]

function meet(call: (typeof CALLS)[number], effect: Effect): (world: World) => void {
  return ({ dingtalk, flashduty }) => {
    if (call !== 'act') return dingtalk.control.addFault({ api: APIS[call], effect })
    for (const action of ['ack', 'snooze', 'resolve']) {
      flashduty.control.addFault({ path: `/incident/${action}`, effect })
    }
  }
}
