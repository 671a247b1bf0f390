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
  return found && forDelivery(found)
}

/** The one of this id, whatever a delivery names. */
export async function findForDelivery(db: Handle, id: string): Promise<IntegrationForDelivery | undefined> {
  const found = (await selectForDelivery(db, {})).rows.find((row) => row.id === id)
  return found && forDelivery(found)
}

type Row = Awaited<ReturnType<typeof selectForDelivery>>['rows'][number]

function forDelivery(row: Row): IntegrationForDelivery {
  return {
    id: row.id,
    corpId: row.corp_id,
    clientId: row.client_id,
    enabled: row.enabled === 1,
    dataSourceId: row.data_source_id ?? undefined,
    templateId: row.template_refused_at === null ? (row.template_id ?? undefined) : undefined,
    dmFromWebhook: row.dm_from_webhook === 1,
    cardCallback: cardCallbackOf({ streamOn: row.stream_on === 1 }),
    hasFlashdutyKey: row.flashduty_key_enc !== null,
  }
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
