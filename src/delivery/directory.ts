import { digest } from '../domain/ids.ts'
import type { Log } from '../log.ts'
import type { Producer } from '../queue/producer.ts'
import type { Db } from '../storage/db.ts'
import { listGroups } from '../storage/groups.ts'
import { listDirectoryIntegrations } from '../storage/integrations.ts'
import { listLinks } from '../storage/links.ts'

/** Tells Flashduty each integration's groups and links: after every start, and whenever they have changed. */
export type TellDirectory = () => Promise<void>

export function createTellDirectory(deps: {
  db: Db
  log: Log
  producer: Pick<Producer, 'putDirectory'>
}): TellDirectory {
  const told = new Map<string, string>()
  return async () => {
    const read = deps.db.read
    for (const { id, dataSourceId } of await listDirectoryIntegrations(read)) {
      const directory = {
        integration_id: id,
        data_source_id: dataSourceId,
        groups: (await listGroups(read, id)).map((group) => ({
          chat_id: group.open_conversation_id,
          chat_name: group.title,
          status: group.status,
        })),
        links: (await listLinks(read, id)).flatMap((link) =>
          link.suspended_at === null ? [{ person_id: link.member_id, dingtalk_user_id: link.dingtalk_user_id }] : [],
        ),
      }
      const version = digest(16, JSON.stringify(directory))
      if (told.get(id) === version) continue
      try {
        await deps.producer.putDirectory(id, directory, version)
      } catch {
        deps.log.debug({ integrationId: id }, 'directory-not-told')
        return
      }
      told.set(id, version)
      deps.log.info(
        { integrationId: id, groups: directory.groups.length, links: directory.links.length },
        'directory-told',
      )
    }
  }
}
