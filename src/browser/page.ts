/**
 * The script of the pages behind the login. They work without it; it sends forms without losing the page when nothing
 * answers, keeps a form from being sent twice, keeps what is shown fresh, and closes menus.
 */

import { sendForm } from './send.ts'
import { greet } from './show.ts'

document.addEventListener('submit', sendForm)

// A page from the browser's memory shows what was true when it was left.
window.addEventListener('pageshow', (event) => {
  if (event.persisted) window.location.reload()
})
// What was put into the place of a page is not what its address was before.
window.addEventListener('popstate', () => window.location.reload())

greet()

const openMenu = (): HTMLDetailsElement | null => document.querySelector('details.menu[open]')

document.addEventListener('click', (event) => {
  const menu = openMenu()
  if (menu && event.target instanceof Node && !menu.contains(event.target)) menu.open = false
})
document.addEventListener('keydown', (event) => {
  const menu = openMenu()
  if (event.key !== 'Escape' || !menu) return
  menu.open = false
  menu.querySelector('summary')?.focus()
})
