import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { PROCESS_MS } from '../../support/patience.ts'
import { bigId } from './ids.ts'
import type { IncidentEvent, WebhookPost, WebhookRow } from './types.ts'

const QUEUE = 'flashduty-dingtalk-deliver'
const WEBHOOK_MS = 2_000

/** The producer's half of contract A. */
export class QueueSink {
  readonly #redis: Redis
  readonly #queue: Queue

  constructor(url: string, prefix: string | undefined) {
    this.#redis = new Redis(url, { maxRetriesPerRequest: 1, retryStrategy: (times) => Math.min(times * 100, 1000) })
    this.#redis.on('error', () => {})
    // Who waits for a job is told by the job; an outage between jobs is nobody's business.
    this.#redis.on('error', () => {})
    this.#queue = new Queue(QUEUE, { connection: this.#redis, ...(prefix === undefined ? {} : { prefix }) })
    this.#queue.on('error', () => {})
  }

  /** Rejects when Redis does not take the job at once; a producer does not wait for better times. */
  async enqueue(body: unknown, options: { jobId?: string; attempts?: number } = {}): Promise<string> {
    const { event_id: eventId, event_type: type } = (body ?? {}) as { event_id?: unknown; event_type?: unknown }
    const jobId = options.jobId ?? (typeof eventId === 'string' ? `ev-${eventId}` : undefined)
    const job = await within(
      PROCESS_MS,
      `Redis did not take the job in ${PROCESS_MS} ms`,
      this.#queue.add(typeof type === 'string' && type !== '' ? type : 'unknown', body, {
        attempts: options.attempts ?? 5,
        backoff: { type: 'exponential', delay: 2000 },
        removeOnComplete: { age: 86_400 },
        removeOnFail: { age: 604_800 },
        ...(jobId === undefined ? {} : { jobId }),
      }),
    )
    return job.id ?? ''
  }

  async close(): Promise<void> {
    await within(1000, 'slow', this.#queue.close()).catch(() => {})
    this.#redis.disconnect()
  }
}

/** The incident webhook of F 2.1. A lost one is lost: nothing rejects, `posts` and the history tell what came of each. */
export class WebhookSink {
  readonly #to: { url: string; headers: Record<string, string> }
  readonly #posts: WebhookPost[]
  readonly #note: (row: WebhookRow) => void
  /** Of the webhook itself, as an integration of Flashduty. */
  readonly #id = bigId()

  constructor(
    to: { url: string; headers: Record<string, string> },
    posts: WebhookPost[],
    note: (row: WebhookRow) => void,
  ) {
    this.#to = to
    this.#posts = posts
    this.#note = note
  }

  /** @returns whether it was answered 200 */
  post(event: IncidentEvent): Promise<boolean> {
    const { channel_id: channelId, incident_id: refId } = event.incident
    return this.push(JSON.stringify(event), { ...pick(event), channel_id: Number(channelId), ref_id: refId })
  }

  async push(
    text: string,
    event: ReturnType<typeof pick> & Pick<WebhookRow, 'channel_id' | 'ref_id'>,
  ): Promise<boolean> {
    for (const attempt of [1, 2] as const) {
      const at = Date.now()
      const { status, error, retry } = await this.#try(text)
      this.#posts.push({ at: Date.now(), event_id: event.event_id, attempt, status, error })
      this.#note({
        integration_id: this.#id,
        ...event,
        webhook_type: 'incident',
        request_body: text,
        endpoint: this.#to.url,
        attempt,
        duration: Date.now() - at,
        status: status === 200 ? 'success' : 'failed',
        status_code: status,
        ...(error === undefined ? {} : { error_message: error }),
      })
      if (!retry) return status === 200
    }
    return false
  }

  /**
   * One try. Worth a second one: a time-out while connecting or while the body comes in, and an end of the connection
   * without an answer. Not so: a time-out waiting for the headers, a refused or reset connection, any HTTP status.
   */
  #try(text: string): Promise<{ status: number; error: string | undefined; retry: boolean }> {
    const url = new URL(this.#to.url)
    const request = url.protocol === 'https:' ? requestHttps : requestHttp
    return new Promise((resolve) => {
      let phase: 'connecting' | 'awaiting headers' | 'reading body' = 'connecting'
      const outgoing = request(url, {
        method: 'POST',
        agent: false,
        headers: { 'Content-Type': 'application/json', 'User-Agent': 'FlashDuty', ...this.#to.headers },
      })
      const lose = (error: string, retry: boolean) => {
        clearTimeout(timer)
        outgoing.destroy()
        resolve({ status: 0, error, retry })
      }
      const timer = setTimeout(() => lose(`deadline exceeded while ${phase}`, phase !== 'awaiting headers'), WEBHOOK_MS)
      outgoing.on('socket', (socket) => {
        socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => (phase = 'awaiting headers'))
      })
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        const ended = error.code === 'ECONNRESET' && error.syscall === undefined
        lose(ended ? 'EOF' : error.message, ended)
      })
      outgoing.on('response', (response) => {
        phase = 'reading body'
        response.resume()
        response.on('error', () => lose('EOF', true))
        response.on('end', () => {
          clearTimeout(timer)
          const status = response.statusCode ?? 0
          resolve({ status, error: status === 200 ? undefined : `Status Code ${status}`, retry: false })
        })
      })
      outgoing.end(text)
    })
  }
}

function pick({ event_id, event_type, event_time }: Pick<IncidentEvent, 'event_id' | 'event_type' | 'event_time'>) {
  return { event_id, event_type, event_time }
}

async function within<T>(ms: number, message: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(message)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
