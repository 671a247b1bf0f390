import { cardCallbackOf } from '../domain/integration.ts'
import type { Handle } from './schema.ts'
import { statement } from './statement.ts'

export type IntegrationForDelivery = {
  id: string
  corpId: string
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
      corpId: found.corp_id,
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

const selectForDelivery = statement((db, _nothing: object) =>
  db
    .selectFrom('integrations')
    .select([
      'id',
      'corp_id',
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
