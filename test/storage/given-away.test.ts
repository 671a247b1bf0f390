import { expect, test } from 'vitest'

import { sendNotice } from '../../src/delivery/send-notice.ts'
import { lookForLeavers } from '../../src/delivery/truth/look-for-leavers.ts'
import { AppError } from '../../src/errors.ts'
import { takeEvent } from '../../src/events/take-event.ts'
import { takeMessage } from '../../src/events/take-message.ts'
import { createLog } from '../../src/log.ts'
import type { Db } from '../../src/storage/db.ts'
import { listLinks, putLink } from '../../src/storage/links.ts'
import { addNotice } from '../../src/storage/notices.ts'
import { doubtLink } from '../../src/storage/suspended-links.ts'
import { useDatabase } from '../support/use-database.ts'

/** What still runs for the former corporation, in the second or two before it is stopped. */

const clock = { nowMs: () => 1_000 }
const log = createLog('silent')
const former = { integrationId: 'one', corpId: 'former' }

let db: Db
useDatabase(async (opened) => {
  db = opened
  const row = {
    ...{ id: 'one', name: '值班', corp_id: 'present', agent_id: '1', client_id: 'client', client_secret_enc: 's' },
    ...{ aes_key_enc: 'a', token_enc: 't', callback_key_enc: 'c', callback_key_hash: 'h', qps: 20, connections: 2 },
    ...{ monthly_calls: 0, monthly_pushes: 0, group_per_minute: 0, acting: 'member-key' as const, dm_from_webhook: 1 },
    ...{ event_mode: 'stream' as const, stream_on: 1, cards_mode: 'STREAM' as const, is_default: 1, enabled: 1 },
    ...{ revision: 2, created_at: 1, updated_at: 1 },
  }
  await db.write((trx) => trx.insertInto('integrations').values(row).execute())
})

test('what comes from its groups is taken in by nobody: it is to be pushed again', async () => {
  const deps = {
    ...{ db, clock, log, producer: { tick: async () => {} }, countPush: async () => {}, keep: async () => {} },
    watch: { noteEvent: () => {} },
    integration: { id: 'one', name: '值班', corpId: 'former', clientId: 'client', coolAppCode: undefined },
  }
  const fields = { openconversationid: 'cid1', title: '前任的群', chatid: 'c' }
  const raw = { body: {} }
  const event = { eventId: 'e1', eventType: 'chat_update_title', corpId: 'former', bornAt: 1, fields, raw }
  expect(await takeEvent(deps, event)).toMatchObject({ status: 'LATER' })
  const group = { openConversationId: 'cid1', title: '前任的群' }
  const message = { msgId: 'm1', corpId: 'former', group, userId: 'u', robotCode: 'r', text: '', sentAt: 1, raw }
  expect(await takeMessage(deps, message)).toMatchObject({ status: 'LATER' })
  expect(await db.read.selectFrom('groups').selectAll().execute()).toEqual([])
  expect(await takeEvent({ ...deps, integration: { ...deps.integration, corpId: 'present' } }, event)).toMatchObject({
    status: 'SUCCESS',
  })
})

test('its directory says nothing of who is linked now, and its robot says nothing to them', async () => {
  await db.write(async (trx) => {
    const who = { integration_id: 'one', dingtalk_user_id: 'li', member_id: 7, member_name: '李四' }
    await putLink(trx, { ...who, linked_by: 'admin', linked_at: 1 })
    await doubtLink(trx, 'one', 'li', 1)
    const to = { id: 'n', integration_id: 'one', incident_id: '', open_conversation_id: '', dingtalk_user_id: 'li' }
    await addNotice(trx, { ...to, text: '…', due_at: 1, expires_at: 9_000 })
  })
  const readContact = () => Promise.reject(new AppError({ kind: 'permanent', code: 'IM_USER_NOT_FOUND' }, 'gone'))
  await lookForLeavers({ db, clock, log, people: { readContact }, ...former, signal: new AbortController().signal })
  expect(await listLinks(db.read, 'one')).toMatchObject([{ suspended_at: null }])

  const quota = { countCall: async () => {}, isScarce: async () => false } as never
  const client = { clientId: 'client', call: () => Promise.reject(new Error('nothing may be sent')) }
  await sendNotice({ db, clock, log, client, ...former, quota, wake: async () => {} }, async () => {})
  expect(await db.read.selectFrom('notices').select('due_at').executeTakeFirst()).toEqual({ due_at: 1 })
})
