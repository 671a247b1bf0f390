import { expect } from 'vitest'

import { composeActs, composeIncident, endedJob, enqueue } from './jobs.ts'
import { callsFor, everybodySees, inGroup, settledRecords, theCardOf } from './journey.ts'
import { titlesShown } from './story.ts'
import type { World } from './world.ts'

/** Four incidents change nine times each; of the events some are lost, some come twice, and all in any order. */
export async function expectNewestShown(world: World, seed: number): Promise<void> {
  const random = seeded(seed)
  const stories = []
  for (let n = 0; n < 4; n++) {
    const chats = [inGroup(world.groups.oncall)]
    const { incident, assigned } = await composeIncident(world, { title: '第0版', chats })
    const titles = Array.from({ length: 9 }, (_, index) => ({ title: `第${index + 1}版` }))
    const acts = await composeActs(world, incident, titles)
    const lost = acts.filter((_, index) => index === acts.length - 1 || random() > 0.2)
    const repeated = [assigned, ...lost].filter(() => random() < 0.3)
    stories.push({ incident, sent: shuffle([assigned, ...lost, ...repeated], random) })
  }
  const jobs = stories.flatMap(({ sent }) => sent).map((body) => enqueue(world, body))
  for (const job of await Promise.all(jobs)) await endedJob(world, job)

  for (const { incident, sent } of stories) {
    const card = await theCardOf(world, incident)
    await everybodySees(world, card, '第9版')
    const records = await settledRecords(world, incident)
    const shown = titlesShown(world, card).map((title) => Number(/第(\d)版/.exec(title)?.[1]))
    expect(shown).toEqual([...shown].sort((a, b) => a - b))
    const distinct = new Set(sent.map((body) => body.event_id))
    expect(records.map(({ event_id: id }) => id).sort()).toEqual([...distinct].sort())
    const repeats = records.reduce((sum, record) => sum + record.duplicates, 0)
    expect(repeats).toBe(sent.length - distinct.size)
    expect(callsFor(world, 'createAndDeliver', card)).toHaveLength(1)
  }
}

/** The same numbers in [0, 1) for the same seed. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

function shuffle<T>(items: T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
