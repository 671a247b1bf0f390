import { raw } from 'hono/html'
import type { Child } from 'hono/jsx'

import type { Locale } from '../../domain/messages.ts'
import { STYLESHEET } from './stylesheet.ts'

/**
 * The frame of the pages around logging in and linking, in the look of the others; nothing loaded from elsewhere.
 * @param nonce lets the style through the page's own policy
 */
export function H5Page(props: { title: string; locale: Locale; nonce: string | undefined; children: Child }) {
  return (
    <>
      {raw('<!DOCTYPE html>')}
      <html lang={props.locale}>
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover" />
          <meta name="robots" content="noindex" />
          <title>{props.title}</title>
          <link rel="icon" href="data:," />
          <style nonce={props.nonce}>{raw(STYLESHEET)}</style>
        </head>
        <body class="letter">
          <main>{props.children}</main>
        </body>
      </html>
    </>
  )
}
