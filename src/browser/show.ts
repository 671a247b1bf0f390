/** How soon it is looked again what became of something, how that slows down, and where it ends. */
const FOLLOW_MS = 3_000
const SLOWER = 1.25
const SLOWEST_MS = 30_000

/** What a note's address carries. */
const NOTE_KEYS = ['did', 'of', 'was', 'said', 'click', 'sig', 'linked']

const own = document.currentScript instanceof HTMLScriptElement ? document.currentScript.src : ''
let timer: ReturnType<typeof setTimeout> | undefined

/** undefined for what is no page of ours, such as a proxy's. */
export function readPage(text: string): Document | undefined {
  const page = new DOMParser().parseFromString(text, 'text/html')
  return page.querySelector('main#content') ? page : undefined
}

/** Puts the page into the place of the one that is shown. @param address of the page, if it is another one */
export function show(page: Document, address: string | undefined): void {
  clearTimeout(timer)
  document.title = page.title
  document.documentElement.lang = page.documentElement.lang
  document.body.replaceWith(document.adoptNode(page.body))
  // Scripts that come in this way do not run by themselves. This one does already.
  for (const script of document.querySelectorAll<HTMLScriptElement>('body script[src]')) {
    if (script.src === own) continue
    const copy = document.createElement('script')
    copy.src = script.src
    script.replaceWith(copy)
  }
  if (address !== undefined) {
    const isHere = withoutNote(address) === withoutNote(window.location.href)
    window.history[isHere ? 'replaceState' : 'pushState'](undefined, '', address)
  }
  window.scrollTo(0, 0)
  greet()
}

/** Has the note heard and forgotten, or followed while it is not the last word. */
export function greet(): void {
  const note = document.querySelector<HTMLElement>('[data-note]')
  if (!note) return
  note.focus({ preventScroll: true })
  if (note.dataset['note'] === 'working') follow(FOLLOW_MS)
  // Reloading, or coming back to it later, is not to say once more what was said.
  else window.history.replaceState(undefined, '', withoutNote(window.location.href))
}

/** In the background: a reload that nobody answers would leave the browser's own error page. */
function follow(pauseMs: number): void {
  timer = setTimeout(() => {
    void look().then((page) => {
      if (page) settle(page)
      else follow(Math.min(pauseMs * SLOWER, SLOWEST_MS))
    })
  }, pauseMs)
}

/** @returns undefined while there is nothing new, or nobody says so */
async function look(): Promise<Document | undefined> {
  try {
    const answer = await fetch(window.location.href, { credentials: 'same-origin', cache: 'no-store' })
    const page = answer.ok ? readPage(await answer.text()) : undefined
    return page?.querySelector('[data-note=working]') ? undefined : page
  } catch {
    return undefined
  }
}

function settle(page: Document): void {
  const note = page.querySelector('[data-note]')
  // Nobody loses what they are writing, or what they have just sent.
  if (isBusy() && note) {
    document.querySelector('[data-note]')?.replaceWith(document.adoptNode(note))
    return greet()
  }
  show(page, undefined)
}

function isBusy(): boolean {
  const fields = [...document.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>('input.field, textarea')]
  return document.querySelector('form[data-sent]') !== null || fields.some((field) => field.value !== '')
}

function withoutNote(href: string): string {
  const address = new URL(href)
  for (const key of NOTE_KEYS) address.searchParams.delete(key)
  return address.href
}
