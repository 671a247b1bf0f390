import 'dingtalk-jsapi/platform'

import { requestAuthCode$ as requestByClient } from 'dingtalk-jsapi/api/union/requestAuthCode'
import { requestAuthCode$ as requestByCorp } from 'dingtalk-jsapi/api/runtime/permission/requestAuthCode'
import { ENV_ENUM, getENV } from 'dingtalk-jsapi/lib/env'
import { compareVersion } from 'dingtalk-jsapi/lib/sdk'

/**
 * The script of the login page: asks DingTalk's client for a code and hands it to our server, which asks DingTalk whose
 * it is. Everything it shows was written by the server, in the reader's language.
 */

/** A client that does not answer is given up after this, for each of the two ways to ask. */
const BRIDGE_MS = 4_000
const SLOW_MS = 3_000
const SERVER_MS = 25_000
/** The first client that knows the newer way (D: phones 7.0.45, PCs 7.0.50). */
const NEWER_SINCE = '7.0.45'
/** A page that comes back this soon after a login was not let in by it: the browser keeps no cookies. */
const LOOP_MS = 20_000
const LOOP_KEY = 'fd-logged-in-at'

type Answer = { next?: string; text?: string; again?: boolean }

const place = document.getElementById('login')
const line = document.getElementById('say')
const button = document.getElementById('again')
if (place && line && button) start(place.dataset, line, button)

function start(data: DOMStringMap, line: HTMLElement, button: HTMLElement): void {
  const say = (text: string | undefined): void => {
    line.textContent = text ?? ''
  }
  const stop = (text: string | undefined): void => {
    say(text)
    button.hidden = false
  }
  const run = (): void => {
    button.hidden = true
    say(data['working'])
    void attempt()
  }
  const attempt = async (): Promise<void> => {
    try {
      const answer = await logIn(data, say)
      if (answer.next === undefined) return stop(answer.text)
      remember()
      window.location.replace(answer.next)
    } catch (error) {
      stop(error instanceof BridgeError ? data['bridge'] : data['offline'])
    }
  }
  button.addEventListener('click', run)
  if (data['auto'] === 'no') {
    button.hidden = !isInDingTalk()
    return
  }
  if (!isInDingTalk()) return say(data['outside'])
  if (cameBackAtOnce()) return stop(data['cookies'])
  run()
}

function isInDingTalk(): boolean {
  return getENV().platform !== ENV_ENUM.notInDingTalk
}

/** One code; and one more, fresh, when the server says that the first one was no good. */
async function logIn(data: DOMStringMap, say: (text: string | undefined) => void): Promise<Answer> {
  const slow = setTimeout(() => say(data['slow']), SLOW_MS)
  try {
    const answer = await hand(data, await askForCode(data))
    return answer.again ? await hand(data, await askForCode(data)) : answer
  } finally {
    clearTimeout(slow)
  }
}

class BridgeError extends Error {}

/** Both ways, the likelier one first: which of them works is the client's business. */
async function askForCode(data: DOMStringMap): Promise<string> {
  const corpId = data['corpId'] ?? ''
  const byClient = () => requestByClient({ corpId, clientId: data['clientId'] ?? '' })
  const byCorp = () => requestByCorp({ corpId })
  const { version } = getENV()
  const isOld = version !== undefined && !compareVersion(version, NEWER_SINCE)
  for (const ask of isOld ? [byCorp, byClient] : [byClient, byCorp]) {
    try {
      const { code } = await within(BRIDGE_MS, ask())
      if (code) return code
    } catch {
      // The other way is left, and words after that.
    }
  }
  throw new BridgeError('no code')
}

async function hand(data: DOMStringMap, code: string): Promise<Answer> {
  const giveUp = new AbortController()
  const timer = setTimeout(() => giveUp.abort(), SERVER_MS)
  try {
    const answer = await fetch(data['action'] ?? '', {
      method: 'POST',
      credentials: 'same-origin',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ code, return: data['return'] }),
      signal: giveUp.signal,
    })
    return (await answer.json()) as Answer
  } finally {
    clearTimeout(timer)
  }
}

function within<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('timeout')), ms)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

function remember(): void {
  try {
    sessionStorage.setItem(LOOP_KEY, String(Date.now()))
  } catch {
    // Then a loop is not noticed, which the server's limit ends.
  }
}

function cameBackAtOnce(): boolean {
  try {
    const at = Number(sessionStorage.getItem(LOOP_KEY) ?? 0)
    sessionStorage.removeItem(LOOP_KEY)
    return Date.now() - at < LOOP_MS
  } catch {
    return false
  }
}
