import type { InboundPress } from '../domain/inbound.ts'

/** Pushes of the last hour are looked at, and no more of them than these. */
const HOUR_MS = 3_600_000
const MAX_KEPT = 1_000
/** So many presses on cards of another make are no card that somebody left behind. */
const STRANGE_CARDS = 3

export type PressWatch = {
  notePress(
    press: InboundPress,
    found: { foreign: boolean; nameless: boolean; cardKnown: boolean },
    nowMs: number,
  ): void
  noteEvent(event: { corpId: string | undefined }, foreign: boolean, nowMs: number): void
  /** For the operator: what they say about how the integration is set up. */
  notes(nowMs: number): string[]
}

type Seen = { at: number; what: 'press' | 'event'; corpId: string | undefined; foreign: boolean; strange: boolean }

/**
 * What the presses and events that came to this process have in common.
 * @param isOurName whether this daemon gives such names to cards
 */
export function watchPresses(
  integration: { name: string; corpId: string },
  isOurName: (outTrackId: string) => boolean,
): PressWatch {
  const { name, corpId: own } = integration
  let seen: Seen[] = []
  let nameless = 0
  let lastNameless = 0
  const keep = (push: Seen): void => {
    seen.push(push)
    if (seen.length > 2 * MAX_KEPT) seen = seen.slice(-MAX_KEPT)
  }
  /** A single one may be a card that was forwarded; that there was no other is what counts. */
  const foreignNotes = (recent: Seen[], what: Seen['what']): string[] => {
    const these = recent.filter((push) => push.what === what)
    if (these.length === 0 || !these.every(({ foreign }) => foreign)) return []
    const others = [...new Set(these.map(({ corpId }) => corpId ?? ''))].slice(0, 3).join(', ')
    return [
      `${name}: every ${what} of the last hour (${these.length}) was of corporation ${others} and none of ${own}, so ` +
        'nothing was done about them: --corp-id is wrong',
    ]
  }
  return {
    notePress({ corpId, outTrackId }, { foreign, nameless: isNameless, cardKnown }, nowMs) {
      if (isNameless) {
        nameless += 1
        lastNameless = nowMs
      }
      keep({ at: nowMs, what: 'press', corpId, foreign, strange: !cardKnown && !isOurName(outTrackId) })
    },
    noteEvent({ corpId }, foreign, nowMs) {
      keep({ at: nowMs, what: 'event', corpId, foreign, strange: false })
    },
    notes(nowMs) {
      const recent = seen.filter(({ at }) => at > nowMs - HOUR_MS)
      const strange = recent.filter((push) => push.strange).length
      return [
        ...(nameless === 0
          ? []
          : [
              `${name}: ${nameless} presses named no button that is known, the last at ${new Date(lastNameless).toISOString()}: ` +
                'see press-nameless in the log, and docs/card-template.md for how buttons are bound',
            ]),
        ...foreignNotes(recent, 'press'),
        ...foreignNotes(recent, 'event'),
        ...(strange < STRANGE_CARDS
          ? []
          : [
              `${name}: ${strange} presses of the last hour were on cards that this daemon did not make: another program uses ` +
                'the same client id and takes a share of the pushes at random; give each an app of its own',
            ]),
      ]
    },
  }
}
