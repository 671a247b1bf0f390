import type { Locale } from '../../domain/messages.ts'
import type { Visitor } from './visitor.ts'

/** What every part of a page needs to know about where and for whom it is drawn. */
export type View = {
  locale: Locale
  /** Path of the integration's pages as browsers know it, no slash at its end. */
  pages: string
  visitor: Visitor
  /** Whether the integration is switched on: what is stored is shown all the same, but nothing can be done. */
  enabled: boolean
  /** Of this rendering; a form sent twice is one act. */
  token: string
  nowMs: number
}

/** The page for linking. @param back where to go after it, instead of the start page */
export function linkAddress(view: Pick<View, 'pages'>, back?: string): string {
  return `${view.pages}/link${back === undefined ? '' : `?return=${encodeURIComponent(back)}`}`
}

export function incidentAddress(view: Pick<View, 'pages'>, incidentId: string): string {
  return `${view.pages}/incident/${encodeURIComponent(incidentId)}`
}
