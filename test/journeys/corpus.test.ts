import { afterAll, beforeAll, expect, test } from 'vitest'

import type { PostAnswer } from '../support/bridge.ts'
import { differencesOf, incidentIdOf, readCorpus, type Sample } from '../support/corpus.ts'
import { eventually } from '../support/eventually.ts'
import {
  answerOf,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  listRecords,
  press,
  recordsOf,
  settledRecords,
  theCardOf,
  useScene,
} from '../support/journey.ts'
import { leftOutOf, usePosts } from '../support/odd-bodies.ts'

/** Every body of the corpus, posted to one daemon: each that can be read is told, and the daemon goes on. */

/** Of the bodies that name no group. */
const CHANNEL = '1001'

const scene = useScene()
const send = usePosts(scene)
const answers = new Map<Sample, PostAnswer>()

beforeAll(async () => {
  const { world } = scene
  const { openConversationId: id } = world.groups.oncall
  expect(await world.cli('routes', 'add', '--channel', CHANNEL, '--group', id)).toMatchObject({ code: 0 })
  for (const sample of readCorpus()) {
    // As letters: the sample may be text that is no JSON.
    answers.set(
      sample,
      await send(sample.text.replaceAll('cid-oncall', id).replaceAll('"cid-nobody"', '"cidNobody=="')),
    )
  }
})

const samples = readCorpus()
const answerTo = (what: string): [Sample, PostAnswer] => {
  const found = [...answers].find(([sample]) => sample.what === what)
  if (!found) throw new Error(`${what} was not posted`)
  return found
}

type Readable = Sample & { expect: 'told' | { leftOut: string[] } }
const isReadable = (sample: Sample): sample is Readable =>
  sample.expect === 'told' || (typeof sample.expect === 'object' && 'leftOut' in sample.expect)

test.each(samples.filter(isReadable))('$what: told', async ({ what, text, expect: outcome }) => {
  const { world } = scene
  const [, answer] = answerTo(what)
  expect(answer).toMatchObject({ status: 200, body: { accepted: true, duplicate: false } })
  const said = leftOutOf(answer).map(({ path }) => path)
  const leftOut = outcome === 'told' ? [] : outcome.leftOut
  expect(differencesOf(said, leftOut)).toEqual({ missing: [], beyond: [] })

  const { openConversationId: id } = world.groups.oncall
  const record = await eventually('the group has it', async () => {
    const rows = await recordsOf(world, { incident_id: incidentIdOf(text) })
    const row = rows.find(({ target_id: target }) => target === id)
    if (!row) throw new Error(JSON.stringify(rows))
    return row.status !== 'pending' && row.status !== 'retrying' && row
  })
  expect(record).toMatchObject({ status: 'success', reason_code: null })
  expect(world.dingtalk.control.placementsOf(record.out_track_id ?? '')[id]).toBe(1)
})

/** A number that JSON cannot write again. */
const UNWRITABLE = 'hostile: numbers beyond all numbers'
const incomplete = samples.filter(({ expect: outcome }) => typeof outcome === 'object' && 'leftOut' in outcome)

async function expectOnRecord({ text, expect: outcome }: Sample): Promise<void> {
  const { leftOut } = outcome as { leftOut: string[] }
  const record = await eventually('it is on record', async () =>
    (await recordsOf(scene.world, { incident_id: incidentIdOf(text) })).find(({ kind }) => kind === 'group'),
  )
  for (const path of leftOut) expect(record.detail ?? '').toContain(path)
}

test.each(incomplete.filter(({ what }) => what !== UNWRITABLE))('$what: what was left out is on record', expectOnRecord)

test('what was left out of a number that cannot be written again is on record', async () => {
  const sample = samples.find(({ what }) => what === UNWRITABLE)
  if (!sample) throw new Error('there is no such sample')
  await expectOnRecord(sample)
})

test.each(samples.filter(({ expect: outcome }) => outcome === 'skipped'))('$what: skipped', async ({ what, text }) => {
  expect(answerTo(what)[1]).toMatchObject({ status: 200 })
  const { event_id: id } = JSON.parse(text) as { event_id: string }
  await eventually('it is on record', async () =>
    (await listRecords(scene.world, '--status', 'skipped')).some(
      (row) => row.event_id === id && row.reason_code === 'UNSUPPORTED_EVENT',
    ),
  )
})

test.each(samples.filter((sample) => !isReadable(sample) && sample.expect !== 'skipped'))(
  '$what: refused',
  ({ what }) => {
    const [sample, answer] = answerTo(what)
    expect(answer).toMatchObject({
      status: 400,
      body: { error: 'INVALID_PAYLOAD', path: (sample.expect as { refused: string }).refused },
    })
    expect(answer.body['problem']).toMatch(/^(is|has) \w/)
  },
)

test('after all of them the daemon is alive, and the next alert is told and answered', async () => {
  const { world, app } = scene
  for (const path of ['/healthz', '/readyz']) expect((await fetch(`${app.url}${path}`)).status).toBe(200)
  const incident = await fire(world, { title: '照常', chats: [inGroup(world.groups.oncall)] })
  const card = await theCardOf(world, incident)
  expect(answerOf(await press(world, card, world.people.li, '认领')).title).toContain('处理中')
  await everybodySees(world, card, '处理中')
  await settledRecords(world, incident)
})

afterAll(() => {
  expectSilence(scene.world, scene.app.lines)
})
