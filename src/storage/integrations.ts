import { randomBytes } from 'node:crypto'

import { newId } from '../domain/ids.ts'
import { cardCallbackOf, type Integration } from '../domain/integration.ts'
import { AppError } from '../errors.ts'
import { columnsOf, integrationOf, type IntegrationFields } from './integration-row.ts'
import type { Handle } from './schema.ts'
import { hashSecret, type SecretBox } from './secret-box.ts'
import { statement } from './statement.ts'

/** @throws AppError `permanent INTEGRATION_EXISTS` when the Client ID or the data source id is taken */
export async function addIntegration(
  trx: Handle,
  box: SecretBox,
  fields: IntegrationFields,
  nowMs: number,
): Promise<Integration> {
  const integration: Integration = {
    ...fields,
    id: newId(),
    callbackKey: randomBytes(16).toString('hex'),
    revision: 1,
  }
  await refuseTaken(trx, integration)
  if (integration.isDefault) await trx.updateTable('integrations').set({ is_default: 0 }).execute()
  await trx
    .insertInto('integrations')
    .values({
      ...columnsOf(integration, box),
      id: integration.id,
      cards_mode: cardCallbackOf(integration),
      callback_key_enc: box.seal(integration.callbackKey),
      callback_key_hash: hashSecret(integration.callbackKey),
      revision: 1,
      created_at: nowMs,
      updated_at: nowMs,
    })
    .execute()
  return integration
}

/** @throws AppError `permanent INTEGRATION_EXISTS` when the Client ID or the data source id is taken */
export async function saveIntegration(
  trx: Handle,
  box: SecretBox,
  integration: Integration,
  nowMs: number,
): Promise<void> {
  await refuseTaken(trx, integration)
  if (integration.isDefault) await trx.updateTable('integrations').set({ is_default: 0 }).execute()
  await trx
    .updateTable('integrations')
    .set((eb) => ({ ...columnsOf(integration, box), revision: eb('revision', '+', 1), updated_at: nowMs }))
    .where('id', '=', integration.id)
    .execute()
}

/** Whether the integration is (still) that corporation's. */
export async function isOfCorporation(trx: Handle, id: string, corpId: string): Promise<boolean> {
  return (await selectOfCorporation(trx, { id, corpId })).rows.length > 0
}

const selectOfCorporation = statement((db, { id, corpId }: { id: string; corpId: string }) =>
  db.selectFrom('integrations').select('id').where('id', '=', id).where('corp_id', '=', corpId),
)

/** Whether it has been given to another corporation. One that was removed has not. */
export async function isOfAnother(trx: Handle, id: string, corpId: string | null): Promise<boolean> {
  return corpId !== null && (await selectOfAnother(trx, { id, corpId })).rows.length > 0
}

const selectOfAnother = statement((db, { id, corpId }: { id: string; corpId: string }) =>
  db.selectFrom('integrations').select('id').where('id', '=', id).where('corp_id', '!=', corpId),
)

/** What goes with an integration; what tells of the past stays. */
const OWNED_TABLES = [
  'groups',
  'account_links',
  'member_keys',
  'routes',
  'turns',
  'missed',
  'notices',
  'doors',
  'card_routes',
  'card_callbacks',
  'sessions',
  'dingtalk_users',
  'journal',
  'app_notes',
  'last_heard',
  'webhook_watch',
  'responders',
  'key_makings',
  'wanted_acts',
  'card_tests',
] as const

export async function removeIntegration(trx: Handle, id: string): Promise<void> {
  for (const table of OWNED_TABLES) {
    await trx.deleteFrom(table).where('integration_id', '=', id).execute()
  }
  await trx.deleteFrom('integrations').where('id', '=', id).execute()
}

export async function listIntegrations(db: Handle, box: SecretBox): Promise<Integration[]> {
  const rows = await db.selectFrom('integrations').selectAll().orderBy('created_at').orderBy('id').execute()
  return rows.map((row) => integrationOf(row, box))
}

/** Id and revision of each enabled one: cheap enough to ask every second. */
export async function listRevisions(db: Handle): Promise<Map<string, number>> {
  const rows = await db.selectFrom('integrations').select(['id', 'revision']).where('enabled', '=', 1).execute()
  return new Map(rows.map((row) => [row.id, row.revision]))
}

/** The enabled ones, as the directory for Flashduty names them. */
export async function listDirectoryIntegrations(db: Handle): Promise<{ id: string; dataSourceId: number | null }[]> {
  const rows = await db.selectFrom('integrations').select(['id', 'data_source_id']).where('enabled', '=', 1).execute()
  return rows.map((row) => ({ id: row.id, dataSourceId: row.data_source_id }))
}

export async function findIntegration(db: Handle, box: SecretBox, id: string): Promise<Integration | undefined> {
  const row = await db.selectFrom('integrations').selectAll().where('id', '=', id).executeTakeFirst()
  return row && integrationOf(row, box)
}

export async function findIntegrationByCallbackKey(
  db: Handle,
  box: SecretBox,
  callbackKey: string,
): Promise<Integration | undefined> {
  const row = await db
    .selectFrom('integrations')
    .selectAll()
    .where('callback_key_hash', '=', hashSecret(callbackKey))
    .executeTakeFirst()
  return row && integrationOf(row, box)
}

/** How presses are carried out for it; undefined when it is switched off or there is none. */
export async function findActing(
  db: Handle,
  box: SecretBox,
  id: string,
): Promise<Pick<Integration, 'acting' | 'ownerKey'> | undefined> {
  const row = await db
    .selectFrom('integrations')
    .select(['acting', 'owner_key_enc'])
    .where('id', '=', id)
    .where('enabled', '=', 1)
    .executeTakeFirst()
  return row && { acting: row.acting, ownerKey: row.owner_key_enc === null ? undefined : box.open(row.owner_key_enc) }
}

/** DingTalk no longer takes the integration's own template: new cards use the public one until it is set anew. */
export async function refuseTemplate(trx: Handle, id: string, templateId: string, nowMs: number): Promise<void> {
  await trx
    .updateTable('integrations')
    .set({ template_refused_at: nowMs, updated_at: nowMs })
    .where('id', '=', id)
    .where('template_id', '=', templateId)
    .where('template_refused_at', 'is', null)
    .execute()
}

async function refuseTaken(trx: Handle, integration: Integration): Promise<void> {
  const taken = await trx
    .selectFrom('integrations')
    .select(['name', 'client_id'])
    .where('id', '!=', integration.id)
    .where((eb) =>
      eb.or([
        eb('client_id', '=', integration.clientId),
        ...(integration.dataSourceId === undefined ? [] : [eb('data_source_id', '=', integration.dataSourceId)]),
      ]),
    )
    .executeTakeFirst()
  if (!taken) return
  const field = taken.client_id === integration.clientId ? 'client-id' : 'data-source-id'
  throw new AppError(
    { kind: 'permanent', code: 'INTEGRATION_EXISTS' },
    `--${field} is already used by the integration "${taken.name}"`,
  )
}
