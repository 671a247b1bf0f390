import type { Kysely } from 'kysely'

import type { CardTables } from './tables/cards.ts'
import type { ClickTables } from './tables/clicks.ts'
import type { GroupTables } from './tables/groups.ts'
import type { InboundTables } from './tables/inbound.ts'
import type { IncidentTables } from './tables/incidents.ts'
import type { IntegrationTables } from './tables/integrations.ts'
import type { PeopleTables } from './tables/people.ts'
import type { RecordTables } from './tables/records.ts'

export type * from './tables/cards.ts'
export type * from './tables/clicks.ts'
export type * from './tables/groups.ts'
export type * from './tables/inbound.ts'
export type * from './tables/incidents.ts'
export type * from './tables/integrations.ts'
export type * from './tables/people.ts'
export type * from './tables/records.ts'

/** Every table. Epoch milliseconds unless a column says otherwise; flags are 0 or 1; nested values are JSON text. */
export type Schema = IntegrationTables &
  GroupTables &
  PeopleTables &
  IncidentTables &
  CardTables &
  ClickTables &
  RecordTables &
  InboundTables

/** A handle to read with, or the one transaction's own handle to read and write with. */
export type Handle = Kysely<Schema>
