import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { FlashdutyError } from './errors.ts'
import type { ActionConsumer, ActionJob, ActionResult } from './types.ts'

const ACTION_QUEUE = 'flashduty-dingtalk-action'
const RESULT_QUEUE = 'flashduty-dingtalk-action-result'

/**
 * Flashduty's side of the acting way without keys: fetches what was pressed, does it as that member, and writes what
 * came of it.
 * @param perform does it and returns `message` and `incident`, or throws the refusal
 */
export async function startActionConsumer(
  redisUrl: string,
  prefix: string,
  perform: (job: ActionJob) => Partial<ActionResult>,
): Promise<ActionConsumer> {
  const connection = new Redis(redisUrl, { maxRetriesPerRequest: null })
  connection.on('error', () => {})
  const results = new Queue(RESULT_QUEUE, { connection, prefix })
  results.on('error', () => {})
  const taken: ActionJob[] = []
  let answer: Parameters<ActionConsumer['answerWith']>[0] = (result) => [result]
  const tell = async (result: unknown): Promise<void> => {
    await results.add('result', result, { removeOnComplete: true, removeOnFail: true })
  }
  const worker = new Worker(
    ACTION_QUEUE,
    async (job) => {
      const action = job.data as ActionJob
      taken.push(action)
      const result: ActionResult = { action_id: action.action_id, ok: true }
      try {
        Object.assign(result, perform(action))
        if (result.message) result.ok = false
      } catch (error) {
        const code = error instanceof FlashdutyError ? error.code : 'InternalError'
        const message = error instanceof FlashdutyError ? error.zh : String(error)
        Object.assign(result, { ok: false, error: { code, message } })
      }
      for (const one of answer(result)) await tell(one)
    },
    { connection, prefix },
  )
  worker.on('error', () => {})
  await worker.waitUntilReady()
  return {
    taken,
    answerWith: (next) => (answer = next),
    tell,
    async close() {
      await worker.close()
      await results.close()
      connection.disconnect()
    },
  }
}
