import { randomBytes } from 'node:crypto'

import type { Selectable } from 'kysely'

import { newId } from '../domain/ids.ts'
import { cardCallbackOf, type Integration } from '../domain/integration.ts'
import { AppError } from '../errors.ts'
import type { Handle, IntegrationsTable } from './schema.ts'
import { hashSecret, type SecretBox } from './secret-box.ts'
import { statement } from './statement.ts'

export type IntegrationFields = Pick<
  Integration,
  | 'name'
  | 'corpId'
  | 'agentId'
  | 'clientId'
  | 'clientSecret'
  | 'aesKey'
  | 'token'
  | 'dataSourceId'
  | 'coolAppCode'
  | 'qps'
  | 'connections'
  | 'monthlyCalls'
  | 'monthlyPushes'
  | 'groupPerMinute'
  | 'flashdutyKey'
  | 'acting'
  | 'ownerKey'
  | 'templateId'
  | 'templateRefusedAt'
  | 'dmFromWebhook'
  | 'eventMode'
  | 'streamOn'
  | 'isDefault'
  | 'enabled'
>

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
      ...columns(integration, box),
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
    .set((eb) => ({ ...columns(integration, box), revision: eb('revision', '+', 1), updated_at: nowMs }))
    .where('id', '=', integration.id)
    .execute()
}

/** Whether the integration is (still) that corporation's. */
export async function isOfCorporation(trx: Handle, id: string, corpId: string): Promise<boolean> {
  const row = await trx
    .selectFrom('integrations')
    .select('id')
    .where('id', '=', id)
    .where('corp_id', '=', corpId)
    .executeTakeFirst()
  return row !== undefined
}

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
  'responders',
  'key_makings',
  'wanted_acts',
] as const

export async function removeIntegration(trx: Handle, id: string): Promise<void> {
  for (const table of OWNED_TABLES) {
    await trx.deleteFrom(table).where('integration_id', '=', id).execute()
  }
  await trx.deleteFrom('integrations').where('id', '=', id).execute()
}

export async function listIntegrations(db: Handle, box: SecretBox): Promise<Integration[]> {
  const rows = await db.selectFrom('integrations').selectAll().orderBy('created_at').orderBy('id').execute()
  return rows.map((row) => fromRow(row, box))
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
  return row && fromRow(row, box)
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
  return row && fromRow(row, box)
}

export type IntegrationForDelivery = {
  id: string
  clientId: string
  enabled: boolean
  dataSourceId: number | undefined
  /** The administrator's own, as long as DingTalk takes it. */
  templateId: string | undefined
  dmFromWebhook: boolean
  cardCallback: 'STREAM' | 'HTTP'
  hasFlashdutyKey: boolean
}

/** The one a delivery names, else the default one, else the only one. */
export async function pickIntegration(
  db: Handle,
  dataSourceId: number | undefined,
): Promise<IntegrationForDelivery | undefined> {
  const { rows } = await selectForDelivery(db, {})
  const found =
    (dataSourceId === undefined ? undefined : rows.find((row) => row.data_source_id === dataSourceId)) ??
    (dataSourceId === undefined || rows.every((row) => row.data_source_id === null)
      ? (rows.find((row) => row.is_default === 1) ?? (rows.length === 1 ? rows[0] : undefined))
      : undefined)
  return (
    found && {
      id: found.id,
      clientId: found.client_id,
      enabled: found.enabled === 1,
      dataSourceId: found.data_source_id ?? undefined,
      templateId: found.template_refused_at === null ? (found.template_id ?? undefined) : undefined,
      dmFromWebhook: found.dm_from_webhook === 1,
      cardCallback: cardCallbackOf({ streamOn: found.stream_on === 1 }),
      hasFlashdutyKey: found.flashduty_key_enc !== null,
    }
  )
}

/** How presses of an integration's new cards return. */
export async function findCardCallback(db: Handle, id: string): Promise<'STREAM' | 'HTTP' | undefined> {
  const row = await db.selectFrom('integrations').select('stream_on').where('id', '=', id).executeTakeFirst()
  return row && cardCallbackOf({ streamOn: row.stream_on === 1 })
}

/** Which kind of card the open incidents of an integration were last brought to. */
export async function findCardsMode(trx: Handle, id: string): Promise<'STREAM' | 'HTTP' | undefined> {
  const row = await trx.selectFrom('integrations').select('cards_mode').where('id', '=', id).executeTakeFirst()
  return row?.cards_mode
}

export async function noteCardsMode(trx: Handle, id: string, mode: 'STREAM' | 'HTTP'): Promise<void> {
  await trx.updateTable('integrations').set({ cards_mode: mode }).where('id', '=', id).execute()
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

const selectForDelivery = statement((db, _nothing: object) =>
  db
    .selectFrom('integrations')
    .select([
      'id',
      'client_id',
      'enabled',
      'data_source_id',
      'is_default',
      'template_id',
      'template_refused_at',
      'dm_from_webhook',
      'stream_on',
      'flashduty_key_enc',
    ]),
)

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

function columns(
  integration: IntegrationFields,
  box: SecretBox,
): Omit<
  Selectable<IntegrationsTable>,
  'id' | 'cards_mode' | 'callback_key_enc' | 'callback_key_hash' | 'revision' | 'created_at' | 'updated_at'
> {
  return {
    name: integration.name,
    corp_id: integration.corpId,
    agent_id: integration.agentId,
    client_id: integration.clientId,
    client_secret_enc: box.seal(integration.clientSecret),
    aes_key_enc: box.seal(integration.aesKey),
    token_enc: box.seal(integration.token),
    data_source_id: integration.dataSourceId ?? null,
    cool_app_code: integration.coolAppCode ?? null,
    qps: integration.qps,
    connections: integration.connections,
    monthly_calls: integration.monthlyCalls,
    monthly_pushes: integration.monthlyPushes,
    group_per_minute: integration.groupPerMinute,
    flashduty_key_enc: integration.flashdutyKey === undefined ? null : box.seal(integration.flashdutyKey),
    acting: integration.acting,
    owner_key_enc: integration.ownerKey === undefined ? null : box.seal(integration.ownerKey),
    template_id: integration.templateId ?? null,
    template_refused_at: integration.templateRefusedAt ?? null,
    dm_from_webhook: integration.dmFromWebhook ? 1 : 0,
    event_mode: integration.eventMode,
    stream_on: integration.streamOn ? 1 : 0,
    is_default: integration.isDefault ? 1 : 0,
    enabled: integration.enabled ? 1 : 0,
  }
}

function fromRow(row: Selectable<IntegrationsTable>, box: SecretBox): Integration {
  return {
    id: row.id,
    name: row.name,
    corpId: row.corp_id,
    agentId: row.agent_id,
    clientId: row.client_id,
    clientSecret: box.open(row.client_secret_enc),
    aesKey: box.open(row.aes_key_enc),
    token: box.open(row.token_enc),
    callbackKey: box.open(row.callback_key_enc),
    dataSourceId: row.data_source_id ?? undefined,
    coolAppCode: row.cool_app_code ?? undefined,
    qps: row.qps,
    connections: row.connections,
    monthlyCalls: row.monthly_calls,
    monthlyPushes: row.monthly_pushes,
    groupPerMinute: row.group_per_minute,
    flashdutyKey: row.flashduty_key_enc === null ? undefined : box.open(row.flashduty_key_enc),
    acting: row.acting,
    ownerKey: row.owner_key_enc === null ? undefined : box.open(row.owner_key_enc),
    templateId: row.template_id ?? undefined,
    templateRefusedAt: row.template_refused_at ?? undefined,
    dmFromWebhook: row.dm_from_webhook === 1,
    eventMode: row.event_mode,
    streamOn: row.stream_on === 1,
    isDefault: row.is_default === 1,
    enabled: row.enabled === 1,
    revision: row.revision,
  }
}
