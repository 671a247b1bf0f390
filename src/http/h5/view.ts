import type { Locale } from '../../domain/messages.ts'
import type { Visitor } from './visitor.ts'

/** What every part of a page needs to know about where and for whom it is drawn. */
export type View = {
  locale: Locale
  /** Path of the integration's pages as browsers know it, no slash at its end. */
  pages: string
  visitor: Visitor
  /** Of this rendering; a form sent twice is one act. */
  token: string
  nowMs: number
}

export function incidentAddress(view: Pick<View, 'pages'>, incidentId: string): string {
  return `${view.pages}/incident/${encodeURIComponent(incidentId)}`
}
