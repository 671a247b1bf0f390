import { raw } from 'hono/html'
import type { Child } from 'hono/jsx'

import type { Locale } from '../../domain/messages.ts'
import { phrase } from '../../domain/screen-messages.ts'

export type FrameProps = {
  title: string
  /** Of the integration. */
  name: string
  locale: Locale
  assets: { style: string; script: string | undefined }
  /** Where the arrow in the bar leads. */
  back?: string | undefined
  menu?: Child
  /** Two columns where there is room. */
  wide?: boolean
  /** Something is under way: without scripts the page is loaded anew until it has come to its end. */
  following?: boolean
  children: Child
}

/** The frame of every page: readable from 320 px on, nothing loaded from elsewhere, works without scripts. */
export function Frame(props: FrameProps) {
  const { locale, assets, back } = props
  const page = (
    <html lang={locale}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover" />
        <meta name="robots" content="noindex" />
        <meta name="format-detection" content="telephone=no" />
        <title>{props.title === props.name ? props.name : `${props.title} · ${props.name}`}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href={assets.style} />
        {props.following ? (
          <noscript>
            <meta http-equiv="refresh" content="5" />
          </noscript>
        ) : undefined}
      </head>
      <body class={props.wide ? 'wide' : undefined}>
        <a class="skip" href="#content">
          {phrase(locale, 'skip.content')}
        </a>
        <header class="bar">
          {back === undefined ? (
            <span class="mark" aria-hidden="true"></span>
          ) : (
            <a class="back" href={back}>
              ‹ {phrase(locale, 'incident.back')}
            </a>
          )}
          <span class="name text">{props.name}</span>
          {props.menu}
        </header>
        <main
          id="content"
          tabindex={-1}
          data-slow={phrase(locale, 'send.slow')}
          data-unanswered={phrase(locale, 'send.unanswered')}
        >
          {props.children}
        </main>
        {assets.script === undefined ? undefined : <script src={assets.script} defer></script>}
      </body>
    </html>
  )
  return (
    <>
      {raw('<!DOCTYPE html>')}
      {page}
    </>
  )
}
