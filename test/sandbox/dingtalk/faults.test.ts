import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Office } from './rig.ts'
import { createAndDeliver, groupCard, openOffice, putCard } from './rig.ts'

let office: Office

beforeEach(async () => {
  office = await openOffice()
})

afterEach(() => office.sandbox.close())

describe('faults', () => {
  test('an answer instead of the call, as often as asked, then no more', async () => {
    const { sandbox } = office
    const body = { code: 'system.busy', requestid: 'r', message: 'system.busy' }
    sandbox.control.addFault({ api: 'createAndDeliver', times: 2, effect: { kind: 'answer', status: 500, body } })
    expect(await createAndDeliver(office, groupCard(office))).toEqual({ status: 500, body })
    expect(await createAndDeliver(office, groupCard(office))).toEqual({ status: 500, body })
    expect(sandbox.control.cards()).toEqual([])
    expect((await createAndDeliver(office, groupCard(office))).status).toBe(200)
  })

  test('an answer may be HTML', async () => {
    const effect = { kind: 'answer', status: 503, body: '<html>busy</html>', contentType: 'text/html' } as const
    office.sandbox.control.addFault({ api: 'gettoken', effect })
    const response = await fetch(`${office.sandbox.oapiUrl}/gettoken`)
    expect([response.status, response.headers.get('content-type')]).toEqual([503, 'text/html'])
    expect(await response.text()).toBe('<html>busy</html>')
  })

  test('only calls with the text are hit', async () => {
    const { sandbox } = office
    sandbox.control.addFault({ api: 'createAndDeliver', bodyContains: 'card-2', effect: { kind: 'reset' } })
    expect((await createAndDeliver(office, groupCard(office))).status).toBe(200)
    const second = groupCard(office, { outTrackId: 'card-2' })
    await expect(createAndDeliver(office, second)).rejects.toThrow('fetch failed')
    expect(sandbox.control.cards()).toEqual(['card-1'])
    expect(sandbox.journal.requests('createAndDeliver').at(-1)).toMatchObject({ status: 0, answer: null })
  })

  test('faults can be taken back', async () => {
    office.sandbox.control.addFault({ api: 'createAndDeliver', effect: { kind: 'reset' } })
    office.sandbox.control.clearFaults()
    expect((await createAndDeliver(office, groupCard(office))).status).toBe(200)
  })

  test('a delayed call is done and answered', async () => {
    office.sandbox.control.addFault({ api: 'createAndDeliver', effect: { kind: 'delay', ms: 50 } })
    expect((await createAndDeliver(office, groupCard(office))).status).toBe(200)
    expect(office.sandbox.journal.requests('createAndDeliver')[0]?.tookMs).toBeGreaterThan(45)
  })

  test('a held call is done once it is let go', async () => {
    const { sandbox } = office
    let letGo = (): void => {}
    const arrived = new Promise<void>((resolve) => {
      const until = () => {
        resolve()
        return new Promise<void>((go) => (letGo = go))
      }
      sandbox.control.addFault({ api: 'createAndDeliver', effect: { kind: 'hold', until } })
    })
    const call = createAndDeliver(office, groupCard(office))
    await arrived
    expect(sandbox.control.cards()).toEqual([])
    letGo()
    expect((await call).status).toBe(200)
    expect(sandbox.control.cards()).toEqual(['card-1'])
  })

  test('apply-then-reset does the call and cuts the answer', async () => {
    const { sandbox, li } = office
    await createAndDeliver(office, groupCard(office))
    sandbox.control.addFault({ api: 'updateCard', effect: { kind: 'apply-then-reset' } })
    const put = putCard(office, { outTrackId: 'card-1', cardData: { cardParamMap: { tips: 'done' } } })
    await expect(put).rejects.toThrow('fetch failed')
    expect(sandbox.control.view('card-1', li.userId)).toMatchObject({ tips: 'done' })
    expect(sandbox.journal.requests('updateCard')).toMatchObject([{ status: 0, answer: { success: true } }])
  })

  test.for([
    ['hang', []],
    ['apply-then-hang', ['card-1']],
  ] as const)('%s never answers', async ([kind, cards]) => {
    const office = await openOffice()
    office.sandbox.control.addFault({ api: 'createAndDeliver', effect: { kind } })
    const call = createAndDeliver(office, groupCard(office))
    const failure = call.catch((error: unknown) => error)
    await office.sandbox.journal.waitFor('the call', (e) => e.type === 'request' && e.api === 'createAndDeliver')
    expect(office.sandbox.control.cards()).toEqual(cards)
    await office.sandbox.close()
    expect(await failure).toMatchObject({ message: 'fetch failed' })
  })
})
