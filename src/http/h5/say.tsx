import type { Child } from 'hono/jsx'

import type { Locale } from '../../domain/messages.ts'
import { phrase } from '../../domain/screen-messages.ts'

/** A whole page that says one thing, why, and what to do next. */
export function Say(props: { title: string; hint: string; ask?: boolean; children?: Child }) {
  return (
    <section class="panel empty">
      <span class={props.ask === false ? 'sign' : 'sign ask'} aria-hidden="true"></span>
      <h1>{props.title}</h1>
      <p>{props.hint}</p>
      {props.children === undefined ? undefined : <p class="buttons">{props.children}</p>}
    </section>
  )
}

/** The same address again. */
export function Retry({ locale, first }: { locale: Locale; first?: boolean }) {
  return (
    <a class={first ? 'button first' : 'button'} href="">
      {phrase(locale, 'error.retry')}
    </a>
  )
}
