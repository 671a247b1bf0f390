import { z } from 'zod'

import type { Action } from '../domain/button.ts'
import { type Incident, IncidentSchema } from '../domain/incident.ts'
import { AppError } from '../errors.ts'
import { type SendHttp, withoutSecrets } from '../outbound.ts'
import { classify } from './error-codes.ts'

const CALL_TIMEOUT_MS = 5_000

/** Flashduty's Open API. An APP Key is one member: every call is made as that member. */
export type FlashdutyClient = {
  /** @throws AppError by `error-codes.ts`; `unknown-outcome` when it may have been carried out */
  act(appKey: string, incidentId: string, act: { action: Action; minutes: number | undefined }): Promise<void>
  /** @throws AppError; never `unknown-outcome`, since reading changes nothing */
  readIncident(appKey: string, incidentId: string): Promise<Incident>
  /** Whose key it is. @throws AppError as above */
  readMember(appKey: string): Promise<{ memberId: number; memberName: string; status: string }>
}

const Envelope = z.looseObject({
  data: z.unknown().optional(),
  error: z.looseObject({ code: z.string(), message: z.string().default('') }).nullish(),
})

const Member = z.looseObject({
  member_id: z.number().int(),
  member_name: z.string().default(''),
  status: z.string().default('enabled'),
})

export function createFlashdutyClient(deps: { apiUrl: string; send: SendHttp }): FlashdutyClient {
  const call = async (appKey: string, path: string, body: unknown): Promise<unknown> => {
    // The key belongs into the query by Flashduty's rules, so the URL must not reach any message.
    const url = `${deps.apiUrl}${path}?app_key=${encodeURIComponent(appKey)}`
    const answer = await deps
      .send({ method: 'POST', url, body, timeoutMs: CALL_TIMEOUT_MS })
      .catch((error: unknown) => {
        if (!(error instanceof AppError)) throw error
        throw new AppError({ ...error.failure, code: 'FLASHDUTY_UNAVAILABLE' }, error.message, {
          cause: error,
          ...(error.detail === undefined ? {} : { detail: error.detail }),
        })
      })
    let parsed: z.infer<typeof Envelope> | undefined
    try {
      parsed = Envelope.parse(JSON.parse(answer.text))
    } catch {
      parsed = undefined
    }
    const code = parsed?.error?.code ?? ''
    const ok = answer.status >= 200 && answer.status < 300 && parsed && ['', '0', 'OK'].includes(code)
    if (ok) return parsed?.data
    const said = withoutSecrets(code || `HTTP ${answer.status}`, [appKey])
    throw new AppError(classify(answer.status, code), `POST ${path}: ${said}`, {
      detail: withoutSecrets(`${said}: ${parsed?.error?.message ?? ''}`, [appKey]).slice(0, 500),
    })
  }

  const read = async (appKey: string, path: string, body: unknown): Promise<unknown> => {
    try {
      return await call(appKey, path, body)
    } catch (error) {
      if (!(error instanceof AppError) || error.failure.kind !== 'unknown-outcome') throw error
      throw new AppError({ kind: 'retryable', code: error.failure.code }, error.message, { cause: error })
    }
  }

  return {
    async act(appKey, incidentId, { action, minutes }) {
      await call(appKey, `/incident/${action}`, {
        incident_ids: [incidentId],
        ...(minutes === undefined ? {} : { minutes }),
      })
    },
    async readIncident(appKey, incidentId) {
      const parsed = IncidentSchema.safeParse(await read(appKey, '/incident/info', { incident_id: incidentId }))
      if (parsed.success) return parsed.data
      throw new AppError(
        { kind: 'retryable', code: 'FLASHDUTY_UNAVAILABLE' },
        `POST /incident/info: unreadable at ${parsed.error.issues[0]?.path.join('.') ?? '(body)'}`,
      )
    },
    async readMember(appKey) {
      const parsed = Member.safeParse(await read(appKey, '/member/info', {}))
      if (parsed.success) {
        const { member_id: memberId, member_name: memberName, status } = parsed.data
        return { memberId, memberName, status }
      }
      throw new AppError({ kind: 'retryable', code: 'FLASHDUTY_UNAVAILABLE' }, 'POST /member/info: unreadable answer')
    },
  }
}
