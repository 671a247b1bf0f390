import type { Child } from 'hono/jsx'

import type { Locale } from '../../domain/messages.ts'

/**
 * The frame of the pages behind the login: readable on a phone, nothing loaded from elsewhere.
 * @param nonce lets the style through the page's own policy
 */
export function H5Page(props: { title: string; locale: Locale; nonce: string | undefined; children: Child }) {
  return (
    <html lang={props.locale}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>{props.title}</title>
        <link rel="icon" href="data:," />
        <style nonce={props.nonce}>{STYLE}</style>
      </head>
      <body>
        <main>{props.children}</main>
      </body>
    </html>
  )
}

// Without quotes: they would be escaped, which a style does not undo.
const STYLE = `
body{margin:0;background:#f4f5f7;color:#1f2329;font:16px/1.6 system-ui,-apple-system,PingFang SC,Microsoft YaHei,sans-serif}
main{max-width:32rem;margin:0 auto;padding:1.5rem;background:#fff;min-height:calc(100vh - 3rem)}
@media(min-width:40rem){main{margin:3rem auto;border-radius:12px;min-height:0}}
h1{font-size:1.25rem;margin:0 0 1rem}h2{font-size:1rem;margin:1.5rem 0 .5rem}
p{margin:.5rem 0}.hint{color:#646a73;font-size:.875rem}.trouble{color:#b42318}
form{margin:.75rem 0}label{display:block;margin:.5rem 0 .25rem}
input{box-sizing:border-box;width:100%;padding:.6rem .75rem;border:1px solid #8f959e;border-radius:8px;font:inherit}
button,.button{display:inline-block;box-sizing:border-box;min-height:2.75rem;padding:.55rem 1.25rem;border:1px solid #2e5bff;
border-radius:8px;background:#2e5bff;color:#fff;font:inherit;text-decoration:none;cursor:pointer}
button.quiet,.button.quiet{background:#fff;color:#2447c8}
[hidden]{display:none}
:focus-visible{outline:3px solid #1f2329;outline-offset:2px}
`
