/**
 * The script of the pages behind the login. They work without it; it keeps a form from being sent twice, keeps what is
 * shown fresh, and closes menus.
 */

export const FOLLOW_MS = 3_000
const MOST_FOLLOWS = 20
const FOLLOWS_KEY = 'fd-follows'

for (const form of document.forms) {
  form.addEventListener('submit', (event) => {
    if (form.dataset['sent'] === 'yes') return event.preventDefault()
    form.dataset['sent'] = 'yes'
    const button = event.submitter
    // Disabling it at once would leave its value out of what is sent.
    button?.setAttribute('aria-disabled', 'true')
    button?.setAttribute('aria-busy', 'true')
  })
}

// A page from the browser's memory shows what was true when it was left.
window.addEventListener('pageshow', (event) => {
  if (event.persisted) window.location.reload()
})

const note = document.querySelector<HTMLElement>('[data-note]')
if (note) {
  note.focus({ preventScroll: true })
  if (note.dataset['note'] === 'working') follow()
  else forget()
}

/** What is under way is looked at again, for a while. */
function follow(): void {
  const count = Number(sessionStorage.getItem(FOLLOWS_KEY) ?? 0)
  if (count >= MOST_FOLLOWS) return
  sessionStorage.setItem(FOLLOWS_KEY, String(count + 1))
  setTimeout(() => window.location.reload(), FOLLOW_MS)
}

/** Reloading, or coming back to it later, is not to say once more what was said. */
function forget(): void {
  sessionStorage.removeItem(FOLLOWS_KEY)
  const address = new URL(window.location.href)
  for (const key of ['did', 'of', 'was', 'said', 'sig', 'linked']) address.searchParams.delete(key)
  window.history.replaceState(undefined, '', address)
}

const menu = document.querySelector<HTMLDetailsElement>('details.menu')
if (menu) {
  document.addEventListener('click', (event) => {
    if (event.target instanceof Node && !menu.contains(event.target)) menu.open = false
  })
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !menu.open) return
    menu.open = false
    menu.querySelector('summary')?.focus()
  })
}
