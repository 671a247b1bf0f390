import { type Browser, chromium } from 'playwright-core'

import { PROCESS_MS } from './patience.ts'
import { canInstall, findOnPath, installWithApt, isExecutable } from './redis.ts'

const ON_PATH = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const ON_MACOS = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
]

/** @param program what `findChromium` found */
export function launchChromium(program: string | undefined): Promise<Browser> {
  return chromium.launch({ executablePath: program ?? '', args: FLAGS, timeout: PROCESS_MS })
}

/**
 * A Chromium to drive: `$CHROMIUM_PATH`, then PATH, then the usual places of macOS; installed where that can be done
 * without asking (root, apt-get). Undefined when there is none, and it is the caller's to say what is left out then.
 */
export async function findChromium(): Promise<string | undefined> {
  const chosen = process.env['CHROMIUM_PATH']
  if (chosen !== undefined && chosen !== '') {
    if (await isExecutable(chosen)) return chosen
    throw new Error(`CHROMIUM_PATH names ${chosen}, which cannot be executed`)
  }
  const found = await findInstalled()
  if (found !== undefined || !(await canInstall())) return found
  try {
    await installWithApt('chromium', 'The page tests drive a Chromium')
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  }
  return findInstalled()
}

async function findInstalled(): Promise<string | undefined> {
  const found = await findOnPath(ON_PATH)
  if (found !== undefined) return found
  for (const path of ON_MACOS) if (await isExecutable(path)) return path
  return undefined
}
