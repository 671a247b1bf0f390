import type { Child } from 'hono/jsx'

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

/** What became of a form. Told again to whoever does not see the page. */
export function NoteLine({ kind, children }: { kind: 'done' | 'failed' | 'working' | 'ask'; children: Child }) {
  return (
    <div class={`note ${kind}`} role={kind === 'failed' ? 'alert' : 'status'} data-note={kind}>
      <div>{children}</div>
    </div>
  )
}
