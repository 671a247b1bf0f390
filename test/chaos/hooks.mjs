import { subscribe } from 'node:diagnostics_channel'

import Database from 'better-sqlite3'
import { Job, Queue, Worker } from 'bullmq'
import { WebSocket } from 'ws'

/**
 * Watches from outside what the daemon in this process does, step by step, and kills the process at the step it was told.
 * Nothing of `src` knows of it: it stands between the daemon and its packages.
 */

/** @type {{ step: string, nth: number } | undefined} */
let armed

/** @param {{ step: string, nth: number }} next kills at the nth time from now on */
export function arm(next) {
  armed = { ...next }
}

/** @param {string} step */
function reach(step) {
  if (armed?.step !== step) return
  armed.nth -= 1
  // Nothing runs in this process after that, no handler either.
  if (armed.nth === 0) process.kill(process.pid, 'SIGKILL')
}

/** Locks and stalled checks of jobs, in milliseconds: as long as the daemon's own would make every run wait for them. */
const LOCK_MS = 2_500
const STALLED_MS = 500

export function installHooks() {
  watchCommits()
  watchJobs()
  watchCalls()
  watchReplies()
}

/**
 * What a transaction is about, from one statement in it.
 * @param {string} text
 * @param {unknown[]} values
 * @param {number} rows
 * @returns {string | undefined}
 */
function subjectOf(text, values, rows) {
  if (text.startsWith('insert into "inbox"')) {
    // That of a posted one asks for `deliver` too.
    const subjects = { posted: 'post', deliver: 'plan', event: 'event' }
    return Object.entries(subjects).find(([source]) => values.includes(source))?.[1]
  }
  if (text.startsWith('insert into "clicks"')) return 'click'
  if (text.startsWith('update "clicks"')) return text.includes('"attempts"') ? 'click-outcome' : 'click-claim'
  if (text.startsWith('update "groups"') && text.includes('"refresh_failures"')) {
    return values.includes(null) ? 'group-title' : 'group-claim'
  }
  if (text.startsWith('update "results"')) {
    if (text.includes('case when')) return 'result-told'
    return values.some((value) => typeof value === 'number' && value > Date.now() + 1_000) ? 'result-due' : undefined
  }
  if (text.startsWith('update "placements"') && values.includes('delivered')) return 'delivered'
  if (!text.startsWith('update "cards"')) return undefined
  if (text.includes('= (select') && rows > 0) return text.includes('"deliver_turn"') ? 'claim' : 'claim-update'
  if (text.includes('"held_until" = ?')) return 'reply-stored'
  return text.includes('"stage" = ?') && text.includes('"update_lane" = ?') ? 'shown' : undefined
}

/**
 * Puts `step` in the place of the method.
 * @param {object} target
 * @param {string} method
 * @param {(self: any, proceed: () => any, args: any[]) => unknown} step
 */
function around(target, method, step) {
  const original = target[method]
  target[method] = function (...args) {
    return step(this, () => original.apply(this, args), args)
  }
}

function watchCommits() {
  /** @type {WeakMap<object, Set<string>>} by connection */
  const subjects = new WeakMap()
  const run = (connection, text, proceed, args) => {
    if (text === 'begin immediate') subjects.set(connection, new Set())
    const about = text === 'commit' ? [...(subjects.get(connection) ?? [])] : []
    for (const subject of about) reach(`${subject}:before`)
    const result = proceed()
    for (const subject of about) reach(`${subject}:after`)
    const subject = subjectOf(text, args.flat(), Array.isArray(result) ? result.length : 1)
    if (subject) subjects.get(connection)?.add(subject)
    return result
  }
  around(Database.prototype, 'prepare', (connection, prepare, [text]) => {
    const statement = prepare()
    for (const method of ['run', 'all']) {
      around(statement, method, (_statement, proceed, args) => run(connection, text, proceed, args))
    }
    return statement
  })
}

function watchJobs() {
  const names = { pace: 'tick', click: 'click-tick', result: 'result', deliver: 'posted-job' }
  around(Queue.prototype, 'add', async (queue, add) => {
    const what = Object.entries(names).find(([name]) => queue.name.startsWith(`flashduty-dingtalk-${name}`))?.[1]
    if (what) reach(`${what}:before`)
    const job = await add()
    if (what) reach(`${what}:after`)
    return job
  })
  around(Job.prototype, 'moveToCompleted', (job, move) => {
    if (job.queueName === 'flashduty-dingtalk-deliver') reach('job-end:before')
    return move()
  })
  around(Worker.prototype, 'run', (worker, run) => {
    Object.assign(worker.opts, { stalledInterval: STALLED_MS, lockDuration: LOCK_MS })
    return run()
  })
}

const CALLS = {
  'POST /v1.0/card/instances/createAndDeliver': 'create',
  'POST /v1.0/card/instances/deliver': 'deliver',
  'PUT /v1.0/card/instances': 'update',
  'POST /incident/info': 'read',
}

/** @returns {string | undefined} */
function callOf({ request: { method, path: address } }) {
  const [path] = address.split('?')
  if (/^\/incident\/(ack|unack|snooze|wake|resolve)$/.test(path)) return 'act'
  return CALLS[`${method} ${path}`]
}

function watchCalls() {
  const moments = { create: 'before', bodySent: 'sent', headers: 'answered' }
  for (const [event, moment] of Object.entries(moments)) {
    subscribe(`undici:request:${event}`, (message) => {
      const call = callOf(message)
      if (call) reach(`${call}:${moment}`)
    })
  }
}

function watchReplies() {
  around(WebSocket.prototype, 'send', (_socket, send, [raw]) => {
    const what = replyOf(raw)
    if (what) reach(`${what}:before`)
    send()
    if (what) reach(`${what}:after`)
  })
}

/**
 * @param {unknown} raw
 * @returns {string | undefined}
 */
function replyOf(raw) {
  if (typeof raw !== 'string') return undefined
  const { data } = JSON.parse(raw)
  if (data?.startsWith('{"response"')) return 'press-reply'
  return data?.includes('"status":"SUCCESS"') ? 'ack' : undefined
}
