import type { Child } from 'hono/jsx'

import { asReason, type Reason, reasonWords } from '../../domain/reasons.ts'
import { phrase, type ScreenKey } from '../../domain/screen-messages.ts'
import { shortLine } from '../../domain/text.ts'
import type { Offer } from '../../storage/audiences.ts'
import type { StoredIncident } from '../../storage/incidents.ts'
import { ActForm } from './act-buttons.tsx'
import { IncidentItem } from './incident-item.tsx'
import { MAX_CHANNEL, MAX_NAME } from './incident-words.ts'
import { Retry, Say } from './say.tsx'
import { Moment } from './times.tsx'
import { incidentAddress, type View } from './view.ts'

/** Why a group is not shown. */
export type GroupRefusal = 'outside' | 'corp' | 'stranger' | 'missing' | { unsure: string }

export type GroupView = {
  cid: string
  /** Since when DingTalk does not say who is in the group, and why. */
  stale: { atMs: number; reason: Reason } | undefined
  title: string | undefined
  state: 'ok' | 'robot' | 'disbanded'
  lastDeliveredAt: number | undefined
  lastFailure: { at: number; reason: string } | undefined
  incidents: StoredIncident[]
  /** How many there are, those not shown included. */
  total: number
  offers: Map<string, Offer>
  members: { total: number; unlinked: number; names: string[] }
}

/** What a member of a group sees of it. */
export function GroupContent({ view, group, notes }: { view: View; group: GroupView; notes: Child }) {
  const { locale } = view
  return (
    <>
      <ActForm view={view} origin="group" cid={group.cid} />
      {notes}
      {group.stale === undefined ? undefined : <Stale view={view} stale={group.stale} />}
      <div class="head">
        <h1 class="text">{shortLine(group.title ?? '', MAX_CHANNEL) || phrase(locale, 'group.title')}</h1>
        {group.incidents.length === 0 ? undefined : (
          <span class="count">{phrase(locale, 'home.count', { count: group.total })}</span>
        )}
      </div>
      {group.incidents.length === 0 ? (
        <section class="panel empty">
          <span class="sign" aria-hidden="true"></span>
          <h2>{phrase(locale, 'group.incidents.none')}</h2>
        </section>
      ) : (
        <section aria-label={phrase(locale, 'list.label')}>
          <h2 class="unseen">{phrase(locale, 'list.label')}</h2>
          <ul class="incidents">
            {group.incidents.map((stored) => (
              <IncidentItem
                view={view}
                stored={stored}
                offer={group.offers.get(stored.incidentId)}
                href={incidentAddress(view, stored.incidentId)}
              />
            ))}
          </ul>
          {group.total > group.incidents.length ? (
            <p class="soft rest">{phrase(locale, 'home.more', { count: group.total - group.incidents.length })}</p>
          ) : undefined}
        </section>
      )}
      <Reach view={view} group={group} />
      <Members view={view} members={group.members} />
    </>
  )
}

function Stale({ view, stale }: { view: View; stale: NonNullable<GroupView['stale']> }) {
  const why = reasonWords(stale.reason, view.locale)
  const [before = '', after = ''] = phrase(view.locale, 'group.stale', { why }).split('{time}')
  return (
    <section class="note ask">
      <div>
        <p>
          {before}
          <Moment atMs={stale.atMs} />
          {after}
        </p>
        <p class="buttons">
          <Retry locale={view.locale} />
        </p>
      </div>
    </section>
  )
}

function Reach({ view, group }: { view: View; group: GroupView }) {
  const { locale } = view
  const { lastFailure } = group
  const [before = '', after = ''] = phrase(locale, 'group.last').split('{time}')
  const [failedBefore = '', failedAfter = ''] = phrase(locale, 'group.failing', {
    why: reasonWords(asReason(lastFailure?.reason ?? ''), locale),
  }).split('{time}')
  return (
    <section class="panel">
      <h2>{phrase(locale, 'group.state')}</h2>
      <p>
        <strong class={group.state === 'ok' ? 'good' : 'bad'}>{phrase(locale, `group.${group.state}`)}</strong>
      </p>
      {group.state === 'robot' ? <p class="soft">{phrase(locale, 'group.robot.hint')}</p> : undefined}
      <p class="soft">
        {group.lastDeliveredAt === undefined ? (
          phrase(locale, 'group.never')
        ) : (
          <>
            {before}
            <Moment atMs={group.lastDeliveredAt} />
            {after}
          </>
        )}
      </p>
      {lastFailure === undefined ? undefined : (
        <p class="soft">
          {failedBefore}
          <Moment atMs={lastFailure.at} />
          {failedAfter}
        </p>
      )}
    </section>
  )
}

function Members({ view, members }: { view: View; members: GroupView['members'] }) {
  const { locale } = view
  const { total, unlinked, names } = members
  const rest = unlinked - names.length
  return (
    <section class="panel">
      <h2>{phrase(locale, 'group.members')}</h2>
      {unlinked === 0 ? (
        <p class="soft">{phrase(locale, 'group.members.all', { count: total })}</p>
      ) : (
        <>
          <p class="soft">{phrase(locale, 'group.members.some', { total, count: unlinked })}</p>
          {names.length === 0 ? undefined : (
            <ul class="names">
              {names.map((name) => (
                <li>
                  <bdi>{shortLine(name, MAX_NAME)}</bdi>
                </li>
              ))}
              {rest > 0 ? <li>{phrase(locale, 'group.members.rest', { count: rest })}</li> : undefined}
            </ul>
          )}
        </>
      )}
    </section>
  )
}

/** Of the group nothing is told, since the address proves nothing. */
export function GroupRefused({ view, refusal }: { view: View; refusal: GroupRefusal }) {
  const { locale } = view
  const name = typeof refusal === 'object' ? 'unsure' : refusal
  const why = typeof refusal === 'object' ? reasonWords(asReason(refusal.unsure), locale) : ''
  return (
    <Say title={phrase(locale, TITLES[name])} hint={phrase(locale, HINTS[name], { why })}>
      {name === 'unsure' ? <Retry locale={locale} first /> : undefined}
      <a class={name === 'unsure' ? 'button' : 'button first'} href={`${view.pages}/`}>
        {phrase(locale, 'menu.home')}
      </a>
    </Say>
  )
}

type Name = Exclude<GroupRefusal, object> | 'unsure'
const TITLES: Record<Name, ScreenKey> = {
  outside: 'group.outside',
  corp: 'group.corp',
  stranger: 'group.stranger',
  missing: 'group.missing',
  unsure: 'group.unsure',
}
const HINTS: Record<Name, ScreenKey> = {
  outside: 'group.outside.hint',
  corp: 'group.corp.hint',
  stranger: 'group.stranger.hint',
  missing: 'group.missing.hint',
  unsure: 'group.unsure.hint',
}
