import type { Child } from 'hono/jsx'

/** The frame of every page: Chinese, readable on a phone, nothing loaded from elsewhere. */
export function Page({ title, children }: { title: string; children: Child }) {
  return (
    <html lang="zh-CN">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>{title}</title>
        <style>{STYLE}</style>
      </head>
      <body>
        <main>{children}</main>
      </body>
    </html>
  )
}

// Without quotes: they would be escaped, which a style does not undo.
const STYLE = `
body{margin:0;background:#f4f5f7;color:#1f2329;font:16px/1.6 system-ui,-apple-system,PingFang SC,Microsoft YaHei,sans-serif}
main{max-width:32rem;margin:3rem auto;padding:1.5rem;background:#fff;border-radius:12px}
h1{font-size:1.25rem;margin:0 0 1rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:0}
dt{color:#646a73}dd{margin:0}
p{color:#646a73}
`
