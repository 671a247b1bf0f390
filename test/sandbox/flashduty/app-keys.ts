import { FlashdutyError, invalid, notFound } from './errors.ts'
import { hex } from './ids.ts'
import type { MadeKey, Member } from './types.ts'

const MAX_KEYS = 5

/** Keys that the account owner made for members (F 3.5); each member's own stands in the member itself. */
export class AppKeys {
  /** false = a version of Flashduty without the route. */
  offered = true
  readonly #members: ReadonlyMap<number, Member>
  #made: MadeKey[] = []

  constructor(members: ReadonlyMap<number, Member>) {
    this.#members = members
  }

  all(): readonly MadeKey[] {
    return this.#made
  }

  memberIdOf(key: string): number | undefined {
    return this.#made.find((one) => one.key === key && one.enabled)?.member_id
  }

  /** Throws the refusal; who asks is checked before what they ask for. */
  create(caller: Member, body: { key_name: unknown; person_id: unknown }): MadeKey {
    if (!this.offered) throw new FlashdutyError('RouteNotFound', 'No such route', '路径不存在')
    if (!caller.is_owner) throw new FlashdutyError('AccessDenied', 'Only the account owner may', '仅主账号可操作')
    const { key_name: name, person_id: personId = caller.member_id } = body
    if (typeof name !== 'string' || name === '') throw invalid('key_name must not be empty', 'key_name 不能为空')
    const member = typeof personId === 'number' ? this.#members.get(personId) : undefined
    if (member?.status !== 'enabled') throw notFound(String(personId))
    if (this.#made.filter((one) => one.member_id === member.member_id).length >= MAX_KEYS) {
      throw invalid('A member has at most 5 keys', '每个成员最多 5 个 APP Key')
    }
    const made = { key_id: hex(12), key_name: name, key: hex(20), member_id: member.member_id, enabled: true }
    this.#made.push(made)
    return made
  }
}
