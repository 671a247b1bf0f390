import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Office } from './rig.ts'
import { openOffice } from './rig.ts'

let office: Office

beforeEach(async () => {
  office = await openOffice()
})

afterEach(() => office.sandbox.close())

async function control({ sandbox }: Office, path: string, args?: unknown): Promise<{ status: number; body: unknown }> {
  const init = args === undefined ? {} : { method: 'POST', body: JSON.stringify(args) }
  const response = await fetch(`${sandbox.apiUrl}/_control/${path}`, init)
  return { status: response.status, body: await response.json() }
}

test('verbs take an array of arguments', async () => {
  const created = await control(office, 'createUser', [{ name: 'Zhao' }])
  expect(created).toMatchObject({ status: 200, body: { result: { name: 'Zhao' } } })
  const { openConversationId } = office.group
  const renamed = await control(office, 'renameGroup', [openConversationId, 'On-call B'])
  expect(renamed.body).toEqual({ result: expect.stringMatching(/^[0-9a-f]{32}$/) })
  expect(office.sandbox.control.group(openConversationId).title).toBe('On-call B')
  expect(await control(office, 'advance', [1])).toEqual({ status: 200, body: { result: null } })
})

test('what fails is told', async () => {
  expect(await control(office, 'user', ['nobody'])).toEqual({
    status: 400,
    body: { error: 'no user nobody in the sandbox' },
  })
  expect(await control(office, 'toString', [])).toMatchObject({ status: 400 })
  expect(await control(office, 'groups', {})).toMatchObject({ status: 400 })
})

test('the journal is read from where one left off, and control calls are not in it', async () => {
  const all = (await control(office, 'journal')).body as { result: { seq: number }[] }
  expect(all.result).toEqual(JSON.parse(JSON.stringify(office.sandbox.journal.all())))
  const since = all.result.at(-1)?.seq ?? 0
  expect((await control(office, `journal?since=${since}`)).body).toEqual({ result: [] })
  expect((await control(office, `journal?since=${since - 1}`)).body).toEqual({ result: all.result.slice(-1) })
  expect((await control(office, 'settings')).body).toEqual({ result: office.sandbox.control.settings })
})
