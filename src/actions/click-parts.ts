import { type Act, type Action, ACTIONS } from '../domain/button.ts'
import { asReason } from '../domain/reasons.ts'
import { AppError } from '../errors.ts'
import type { Click } from '../storage/clicks.ts'
import type { ClickOutcome } from './deps.ts'

export function recordKeyOf(click: Pick<Click, 'id'>): string {
  return `click:${click.id}`
}

export function actionOf(click: Click): Action {
  const action = ACTIONS.find((known) => known === click.action)
  if (!action) throw new AppError({ kind: 'permanent', code: 'BUTTON_UNKNOWN' }, 'a stored click of an unknown action')
  return action
}

export function actOf(click: Click): Act & { comment?: string } {
  return {
    action: actionOf(click),
    ...(click.minutes === null ? {} : { minutes: click.minutes }),
    ...(click.custom_id === null ? {} : { customId: click.custom_id }),
    ...(click.comment === null ? {} : { comment: click.comment }),
  }
}

/** What is known of a click that somebody else is at, or that has come to its end. */
export function outcomeOf(click: Click): ClickOutcome {
  if (click.status === 'done') return { status: 'done' }
  if (click.status === 'pending') return { status: 'retrying' }
  return { status: 'failed', reason: asReason(click.reason ?? ''), detail: click.detail ?? undefined }
}
