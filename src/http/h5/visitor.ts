import type { Integration } from '../../domain/integration.ts'
import type { Locale } from '../../domain/messages.ts'

/** Who is looking at a page: known from DingTalk's own answer, never from anything the browser says. */
export type Visitor = {
  integrationId: string
  userId: string
  unionId: string | undefined
  name: string
  locale: Locale
  /** Goes into every form as the hidden field `csrf`. */
  csrf: string
  /** undefined = not linked */
  link: { memberId: number; memberName: string } | undefined
}

export type H5Variables = {
  Variables: {
    visitor: Visitor
    integration: Integration
    locale: Locale
    /** Path of PUBLIC_URL. */
    prefix: string
    /** Whether that is the visitor's `csrf`; in constant time. */
    isOwnForm: (csrf: string) => boolean
    /** What a form of our own pages holds. Behind `checkCsrf`. */
    form: Form
  }
}

/** Its fields; of several of one name the last. */
export type Form = Record<string, string>

/** The name of the hidden field. */
export const CSRF_FIELD = 'csrf'
