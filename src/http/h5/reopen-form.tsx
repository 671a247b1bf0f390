import { phrase } from '../../domain/screen-messages.ts'
import type { StoredIncident } from '../../storage/incidents.ts'
import { incidentAddress, type View } from './view.ts'
import { CSRF_FIELD } from './visitor.ts'

export const MAX_REASON = 1_024

/** Flashduty's console demands a reason for reopening, and so do we. */
export function ReopenForm({ view, stored }: { view: View; stored: StoredIncident }) {
  return (
    <details class="more reopen">
      <summary class="button">{phrase(view.locale, 'reopen.now')}</summary>
      <form method="post" action={`${incidentAddress(view, stored.incidentId)}/act`}>
        <input type="hidden" name={CSRF_FIELD} value={view.visitor.csrf} />
        <input type="hidden" name="token" value={view.token} />
        <input type="hidden" name="origin" value="incident" />
        <label for="reason">{phrase(view.locale, 'reopen.reason')}</label>
        <textarea class="field" id="reason" name="reason" required maxlength={MAX_REASON}></textarea>
        <button class="button first" type="submit" name="act" value="reopen">
          {phrase(view.locale, 'reopen.now')}
        </button>
      </form>
    </details>
  )
}
