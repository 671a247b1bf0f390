import { parseArgs } from 'node:util'

import { ensureRedisServer } from '../support/redis.ts'
import { playStory } from './script.ts'
import { setStage, type Stage } from './stage.ts'

const { values } = parseArgs({ options: { script: { type: 'boolean', default: false }, port: { type: 'string' } } })

try {
  await ensureRedisServer()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}

let steps = 0
const say = (line: string): void => {
  steps += 1
  console.log(`${String(steps).padStart(2)}. ${line}`)
}

let stage: Stage | undefined
try {
  stage = await setStage(say, Number(values.port ?? 0))
  if (values.script) {
    await playStory(stage, say)
    console.log('Every step came true.')
  } else {
    await stage.fire()
    console.log(`\nOpen ${stage.url} in a browser. Ctrl-C ends the demo.`)
    await new Promise((resolve) => {
      process.once('SIGINT', resolve)
      process.once('SIGTERM', resolve)
    })
  }
} catch (error) {
  process.exitCode = 1
  console.error(`Step ${steps + 1} failed: ${error instanceof Error ? error.message : String(error)}`)
  for (const line of stage?.daemon.lines.slice(-20) ?? []) console.error(JSON.stringify(line))
} finally {
  await stage?.close()
}
