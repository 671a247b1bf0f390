import { readPage, show } from './show.ts'

const SLOW_MS = 4_000
/** Longer than the server takes for anything. */
const GIVE_UP_MS = 30_000

/**
 * Sends the form in the background: were nobody to answer, the browser would put its own error page into the place of
 * ours. The form carries its token with it, so what was sent may be sent again and is done once.
 */
export function sendForm(event: SubmitEvent): void {
  const { target: form, submitter: button } = event
  if (!(form instanceof HTMLFormElement) || form.method !== 'post') return
  if (form.dataset['sent'] === 'yes') return event.preventDefault()
  form.dataset['sent'] = 'yes'
  // An old client does not say which button it was; it sends the form itself.
  if (!(button instanceof HTMLButtonElement)) return
  event.preventDefault()
  void send(form, button)
}

async function send(form: HTMLFormElement, button: HTMLButtonElement): Promise<void> {
  const rest = disable(form, button)
  const giveUp = new AbortController()
  const timers = [
    setTimeout(() => say(button, 'working', 'slow'), SLOW_MS),
    setTimeout(() => giveUp.abort(), GIVE_UP_MS),
  ]
  try {
    const action = button.getAttribute('formaction') ?? form.getAttribute('action') ?? ''
    const body = bodyOf(form, button)
    const answer = await fetch(action, { method: 'POST', credentials: 'same-origin', body, signal: giveUp.signal })
    const page = readPage(await answer.text())
    if (!page) throw new Error('no page of ours')
    show(page, answer.redirected ? answer.url : undefined)
  } catch {
    rest()
    delete form.dataset['sent']
    say(button, 'failed', 'unanswered')
  } finally {
    for (const timer of timers) clearTimeout(timer)
  }
}

function bodyOf(form: HTMLFormElement, button: HTMLButtonElement): URLSearchParams {
  const body = new URLSearchParams()
  for (const [name, value] of new FormData(form)) if (typeof value === 'string') body.append(name, value)
  if (button.name !== '') body.append(button.name, button.value)
  return body
}

/** @returns what undoes it */
function disable(form: HTMLFormElement, button: HTMLButtonElement): () => void {
  const buttons = [...form.elements].filter((one) => one instanceof HTMLButtonElement)
  for (const one of buttons) one.setAttribute('aria-disabled', 'true')
  button.setAttribute('aria-busy', 'true')
  return () => {
    for (const one of buttons) one.removeAttribute('aria-disabled')
    button.removeAttribute('aria-busy')
  }
}

/** Beside the button, since whoever pressed it may be far down the page. The words came with the page. */
function say(button: HTMLButtonElement, kind: 'working' | 'failed', words: 'slow' | 'unanswered'): void {
  document.querySelector('[data-beside]')?.remove()
  const line = document.createElement('div')
  line.className = `note ${kind}`
  line.dataset['beside'] = ''
  line.tabIndex = -1
  line.setAttribute('role', kind === 'failed' ? 'alert' : 'status')
  const text = document.createElement('div')
  text.textContent = document.querySelector('main')?.dataset[words] ?? ''
  line.append(text)
  const place = button.closest('.buttons') ?? button
  place.after(line)
  line.scrollIntoView({ block: 'nearest' })
}
