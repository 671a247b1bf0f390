import fc from 'fast-check'

import { settle, steps } from './commands.ts'
import { Reference } from './reference.ts'
import { GROUPS, PEOPLE, run, Stage } from './stage.ts'

export type ModelRun = {
  steps: number
  seed: number
  /** The path of a counterexample, to be run again instead of looking for one. */
  path?: string
  replayPath?: string
  /** How long a counterexample may be shrunk. */
  shrinkMs: number
  /** Most steps of one story. */
  length?: number
  onProgress?: (steps: number) => void
}

export type ModelResult =
  | { outcome: 'held'; steps: number }
  | { outcome: 'broken'; steps: number; seed: number; report: string; path: string | null; error: unknown }

const LENGTH = 150
/** A stage is used again while nothing went wrong on it; its journals grow, so not for good. */
const RUNS_A_STAGE = 8

/** Runs random stories until so many steps were taken, or one of them breaks a law. */
export async function runModel(settings: ModelRun): Promise<ModelResult> {
  const counted = { steps: 0 }
  let stage: Stage | undefined
  let runs = 0
  let shrinkUntil = Infinity
  const leave = async (): Promise<void> => {
    const left = stage
    stage = undefined
    runs = 0
    await left?.close()
  }
  const property = fc.asyncProperty(
    fc.commands(steps, {
      maxCommands: settings.length ?? LENGTH,
      size: 'max',
      ...(settings.replayPath === undefined ? {} : { replayPath: settings.replayPath }),
    }),
    async (commands) => {
      if (performance.now() > shrinkUntil) return
      if (runs >= RUNS_A_STAGE) await leave()
      stage ??= await Stage.open()
      runs += 1
      const here = stage
      try {
        const model = await prepare(here)
        await fc.asyncModelRun(() => ({ model, real: { stage: here, counted } }), commands)
        await settle(model, here, 1)
      } catch (error) {
        shrinkUntil = Math.min(shrinkUntil, performance.now() + settings.shrinkMs)
        await leave().catch(() => {})
        throw error
      }
    },
  )
  try {
    for (let round = 0; counted.steps < settings.steps; round++) {
      const seed = settings.seed + round
      const replay = settings.path === undefined ? {} : { path: settings.path }
      const found = await fc.check(property, { seed, numRuns: 1, unbiased: true, ...replay })
      if (found.failed) {
        const { counterexamplePath: path, errorInstance: error } = found
        const report = fc.defaultReportMessage(found) ?? ''
        return { outcome: 'broken', steps: counted.steps, seed, report, path, error }
      }
      settings.onProgress?.(counted.steps)
      if (settings.path !== undefined) break
    }
    return { outcome: 'held', steps: counted.steps }
  } finally {
    await leave()
  }
}

/** Everything as every story begins: 张三 and 李四 are linked, two of the three groups have the cool app. */
async function prepare(stage: Stage): Promise<Reference> {
  const { control } = stage.world.dingtalk
  stage.views = []
  stage.requests = []
  stage.pocket = []
  const model = new Reference((target) => stage.nameOf(target))
  for (const name of PEOPLE) {
    const { user, member } = stage.person(name)
    const account = ['--dingtalk-user', user.userId]
    const key = ['--member', String(member.member_id), '--member-key', member.app_key]
    if (name === 'wang') await stage.world.cli('links', 'remove', ...account)
    else await run(stage.world, 'links', 'add', ...account, ...key)
    if (name !== 'wang') model.linked.add(name)
  }
  const { clientId } = stage.world.dingtalkApp
  for (const name of GROUPS) {
    const { openConversationId } = stage.groups[name]
    const installed = control.group(openConversationId).coolApps.length > 0
    if (name === 'late' && installed) await control.eventSettled(control.uninstallCoolApp(openConversationId, clientId))
    if (name === 'late') continue
    if (!installed) await control.eventSettled(control.installCoolApp(openConversationId, clientId))
    model.installed.add(name)
  }
  await stage.quiet()
  return model
}
