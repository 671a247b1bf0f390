import { phrase } from '../../domain/screen-messages.ts'
import type { Offer } from '../../storage/audiences.ts'
import type { StoredIncident } from '../../storage/incidents.ts'
import { type ActButton, actsOn, spellAct } from './acts.ts'
import { shortName } from './incident-words.ts'
import { incidentAddress, type View } from './view.ts'
import { CSRF_FIELD } from './visitor.ts'

const FORM = 'act'

/** Where an act was asked for, and so where its result is told. */
export type Origin = 'home' | 'pc' | 'incident' | 'group'

/** The one form that all buttons of a page send: what differs stands on the buttons. */
export function ActForm({ view, origin, cid }: { view: View; origin: Origin; cid?: string | undefined }) {
  return (
    <form id={FORM} hidden method="post" action={`${view.pages}/act`}>
      <input type="hidden" name={CSRF_FIELD} value={view.visitor.csrf} />
      <input type="hidden" name="token" value={view.token} />
      <input type="hidden" name="origin" value={origin} />
      {cid === undefined ? undefined : <input type="hidden" name="cid" value={cid} />}
    </form>
  )
}

/** Nothing for whoever cannot act. */
export function ActButtons(props: {
  view: View
  stored: StoredIncident
  offer: Offer | undefined
  /** All at once instead of the rarer ones behind 更多操作. */
  all?: boolean
}) {
  const { view, stored, all = false } = props
  if (!view.visitor.link || !view.enabled) return <></>
  const { first, more } = actsOn(stored, props.offer, view.locale)
  if (first.length + more.length === 0) return <></>
  const button = (act: ActButton, index: number) => (
    <button
      class={index === 0 ? 'button first' : 'button'}
      type="submit"
      form={FORM}
      name="act"
      value={spellAct(act)}
      formaction={`${incidentAddress(view, stored.incidentId)}/act`}
    >
      {act.label}
    </button>
  )
  return (
    <div
      class="buttons"
      role="group"
      aria-label={phrase(view.locale, 'incident.acts', { incident: shortName(stored.incident, view.locale) })}
    >
      {first.map(button)}
      {all ? more.map((act) => button(act, 1)) : <More view={view}>{more.map((act) => button(act, 1))}</More>}
    </div>
  )
}

function More({ view, children }: { view: View; children: unknown[] }) {
  if (children.length === 0) return <></>
  return (
    <details class="more">
      <summary class="button">{phrase(view.locale, 'incident.more')}</summary>
      <div class="buttons">{children}</div>
    </details>
  )
}
