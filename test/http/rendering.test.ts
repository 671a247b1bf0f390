import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Draws a page as the daemon does, in a process of its own: the one that runs tests follows promises anyway. */
const DRAW = `
  import { executionAsyncId } from 'node:async_hooks'
  import { Hono } from 'hono'
  import { jsx } from 'hono/jsx'
  import { answerHtml } from './src/http/h5/answer-html.ts'
  import { Frame } from './src/http/h5/frame.tsx'

  const app = new Hono()
  const look = { title: 'a <b>', name: 'n', locale: 'zh-CN', assets: { style: '/s.css', script: undefined } }
  app.get('/', (c) => answerHtml(c, jsx(Frame, look, 'what it is about'), 200))
  const html = await (await app.request('/')).text()
  await undefined
  // Of a continuation that nobody follows there is no id.
  console.log(JSON.stringify({ html, followed: executionAsyncId() !== 0, builtin: typeof process.getBuiltinModule }))
`

test('drawing a page leaves promises unfollowed, which would make everything else dearer', async () => {
  const options = ['--import', 'tsx', '--input-type=module', '--eval', DRAW]
  const { stdout } = await promisify(execFile)(process.execPath, options, { cwd: ROOT })
  const { html, ...rest } = JSON.parse(stdout) as { html: string; followed: boolean; builtin: string }
  expect(html).toMatch(/^<!DOCTYPE html><html lang="zh-CN"><head>.*<title>a &lt;b&gt; · n<\/title>.*what it is about/)
  expect(rest).toEqual({ followed: false, builtin: 'function' })
})
