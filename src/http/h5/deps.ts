import type { PageAct, PageAnswer } from '../../actions/act-from-page.ts'
import type { Clock } from '../../clock.ts'
import type { ReadMembers } from '../../dingtalk/group-members.ts'
import type { DingTalkPeople } from '../../dingtalk/people.ts'
import type { FlashdutyClient } from '../../flashduty/client.ts'
import type { Patience } from '../../lifecycle.ts'
import type { Log } from '../../log.ts'
import type { Db } from '../../storage/db.ts'
import type { SecretBox } from '../../storage/secret-box.ts'
import type { Signer } from '../../storage/signer.ts'
import type { AddressOf } from '../client-address.ts'
import type { ReadNames } from './read-names.ts'
import type { ReadTimeline } from './read-timeline.ts'
import type { AskStillThere } from './still-there.ts'

export type H5Deps = {
  db: Db
  box: SecretBox
  signer: Signer
  clock: Clock
  log: Log
  flashduty: FlashdutyClient
  /**
   * Where browsers reach the daemon, with any path prefix. Without it no whole address of ours is made: where a request
   * says that it went (`Host` and the like) is for whoever sends it to choose.
   */
  publicUrl: string | undefined
  /** Path of `publicUrl`. */
  prefix: string
  /** DingTalk's login page for browsers. */
  loginUrl: string
  /** Asks DingTalk who people are, as that integration; undefined while it is switched off. */
  peopleOf: (integrationId: string) => DingTalkPeople | undefined
  /** Asks DingTalk who is in its groups, as that integration; undefined while it is switched off. */
  membersOf: (integrationId: string) => ReadMembers | undefined
  /** Of one person. */
  viewsPerMinute: number
  /** Of whoever looks at an empty page until somebody else has answered. */
  patience: Patience
  addressOf: AddressOf
  readTimeline: ReadTimeline
  readNames: ReadNames
  stillThere: AskStillThere
  /** Does as the visitor what they asked for on a page. */
  act: (act: Omit<PageAct, 'corpId'>) => Promise<PageAnswer>
}

/** Path of an integration's pages as browsers know it, whatever a proxy in front takes off. No slash at its end. */
export function pathOfPages(deps: Pick<H5Deps, 'prefix'>, integrationId: string): string {
  return `${deps.prefix}/h5/${integrationId}`
}
