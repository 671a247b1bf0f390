import type { Context } from 'hono'

import type { Locale } from '../../domain/messages.ts'
import { phrase } from '../../domain/screen-messages.ts'
import { AppError } from '../../errors.ts'
import type { H5Deps } from './deps.ts'
import { Say } from './say.tsx'
import { answerTrouble } from './shell.tsx'
import type { View } from './view.ts'
import type { H5Variables } from './visitor.ts'

export function NoSuchIntegration({ locale }: { locale: Locale }) {
  return <Say title={phrase(locale, 'error.integration')} hint={phrase(locale, 'error.integration.hint')} />
}

export function NoSuchPage({ view }: { view: View }) {
  const { locale } = view
  return (
    <Say title={phrase(locale, 'error.404')} hint={phrase(locale, 'error.404.hint')}>
      <a class="button first" href={`${view.pages}/`}>
        {phrase(locale, 'error.home')}
      </a>
    </Say>
  )
}

export function DisabledIntegration({ locale }: { locale: Locale }) {
  return <Say title={phrase(locale, 'disabled.title')} hint={phrase(locale, 'disabled.hint')} />
}

/** Never a blank page, nor one with what only a developer reads. */
export function answerFailure(deps: H5Deps, error: Error, c: Context<H5Variables>): Response {
  // The first word on the reader's language may not have been reached.
  const locale = c.get('locale') ?? 'zh-CN'
  c.set('locale', locale)
  const unavailable = isUnavailable(error)
  // Who asked may have gone amid their own request; nobody has to act on that.
  const gone = 'code' in error && error.code === 'ECONNRESET'
  deps.log[gone ? 'debug' : 'error']({ path: c.req.path, err: error }, unavailable ? 'http-unavailable' : 'http-failed')
  const code = unavailable ? 503 : 500
  return answerTrouble(
    deps,
    c,
    code,
    <Say title={phrase(locale, `error.${code}`)} hint={phrase(locale, `error.${code}.hint`)}>
      {c.req.method === 'GET' ? (
        <a class="button first" href="">
          {phrase(locale, 'error.retry')}
        </a>
      ) : undefined}
    </Say>,
  )
}

/** The database cannot be written, or not even read. */
function isUnavailable(error: Error): boolean {
  if (error instanceof AppError) return error.failure.kind === 'retryable'
  return error.name === 'SqliteError' && 'code' in error && error.code !== 'SQLITE_ERROR'
}
