import type { Selectable } from 'kysely'

import type { Integration } from '../domain/integration.ts'
import type { IntegrationsTable } from './schema.ts'
import type { SecretBox } from './secret-box.ts'

/** What is written down of an integration when it is made or changed; the rest is given to it once. */
export type IntegrationFields = Omit<Integration, 'id' | 'callbackKey' | 'revision'>

/** Secrets are sealed. */
export function columnsOf(
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

/** Secrets are opened. */
export function integrationOf(row: Selectable<IntegrationsTable>, box: SecretBox): Integration {
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
