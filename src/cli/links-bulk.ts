import { readFileSync } from 'node:fs'

import type { Command } from 'commander'

import { createDingTalkClient } from '../dingtalk/client.ts'
import { queryGroupMembers } from '../dingtalk/group-members.ts'
import { createOapiClient } from '../dingtalk/oapi-client.ts'
import { createPeople } from '../dingtalk/people.ts'
import { isReachable } from '../domain/group.ts'
import type { Integration } from '../domain/integration.ts'
import { type LinkLine, readLinkList } from '../domain/link-list.ts'
import {
  chooseMember,
  type ListedMember,
  type Match,
  membersWithEmail,
  membersWithMobile,
} from '../domain/link-rules.ts'
import { AppError } from '../errors.ts'
import { createFlashdutyClient } from '../flashduty/client.ts'
import { matchMember } from '../flashduty/match-member.ts'
import { createPace, FLASHDUTY_PACE } from '../flashduty/pace.ts'
import { createOutbound } from '../outbound.ts'
import { listGroups } from '../storage/groups.ts'
import { findLinkOfUser, findLinksOfMembers, putFreeLink } from '../storage/links.ts'
import { listUnlinkedUsers } from '../storage/people.ts'
import { chooseIntegration, type CliContext, CommandError, type Store, withStore } from './context.ts'
import { formatRows } from './output.ts'

type Options = { integration?: string; apply?: boolean; dryRun?: boolean; fromGroups?: boolean; json?: boolean }

/** What becomes (or would become) of one person. */
type Row = { dingtalkUser: string; outcome: string; member: number | null; name: string | null; line?: number }

export function addBulkLinkCommands(links: Command, context: CliContext): void {
  const common = (command: Command): Command =>
    command
      .option('--integration <id>', 'id or name')
      .option('--apply', 'link those without a conflict; without it they are only listed')
      .option('--dry-run', 'only list (the default)')
      .option('--json', 'print JSON')

  common(
    links
      .command('match')
      .description('link everybody met and not linked whom DingTalk’s mobile or company e-mail leads to one member')
      .option('--from-groups', 'also the members of groups with the cool app (a DingTalk call for each group)'),
  ).action(async (options: Options) => {
    await withDirectory(context, options, async (store, directory) => {
      const met = await listUnlinkedUsers(store.db.read, directory.integration.id)
      const grouped = options.fromGroups ? await directory.listGroupMembers(store) : []
      const people = [...new Set([...met, ...grouped])]
      const lines = people.map((userId) => ({ line: 0, userId, member: { kind: 'directory' as const } }))
      await settle(context, store, directory, lines, options)
    })
  })

  common(
    links
      .command('import <file>')
      .description('link from CSV lines "DingTalk userId, member_id or mobile or e-mail" (- = standard input)'),
  ).action(async (file: string, options: Options) => {
    const { lines, problems } = readLinkList(readText(file))
    if (problems.length > 0) throw new CommandError(`${file}: ${problems.join('; ')}. Nothing was changed.`)
    await withDirectory(context, options, (store, directory) => settle(context, store, directory, lines, options))
  })
}

/** Both platforms, as far as they know who people are. */
type Directory = {
  integration: Integration
  match: (line: LinkLine) => Promise<Match>
  listGroupMembers(store: Store): Promise<string[]>
}

async function withDirectory(
  context: CliContext,
  options: Options,
  work: (store: Store, directory: Directory) => Promise<void>,
): Promise<void> {
  await withStore(context, async (store) => {
    const integration = await chooseIntegration(store, options.integration)
    const appKey = integration.flashdutyKey
    if (appKey === undefined) {
      throw new CommandError('Members are looked up with a key: set one with `integration set ID --flashduty-key -`.')
    }
    const outbound = createOutbound(store.config.proxy)
    const { apiUrl, oapiUrl } = store.config.dingtalk
    const calls = { send: outbound.send, clock: store.clock }
    const client = createDingTalkClient(integration, { ...calls, apiUrl })
    const oapi = createOapiClient(integration, { ...calls, oapiUrl })
    const people = createPeople(integration, { send: outbound.send, apiUrl, oapi })
    const pace = createPace(FLASHDUTY_PACE)
    const flashduty = createFlashdutyClient({ apiUrl: store.config.flashduty.apiUrl, send: outbound.send, pace })
    const find = (query: string): Promise<ListedMember[]> => flashduty.findMembers(appKey, query, 'look-up')
    try {
      await work(store, {
        integration,
        match: async ({ userId, member }) => {
          if (member.kind === 'directory') {
            return matchMember(flashduty, appKey, await people.readContact(userId), 'look-up')
          }
          if ('text' in member) {
            const found = await find(member.text)
            const byMobile = member.kind === 'mobile'
            return chooseMember(
              byMobile ? membersWithMobile(member.text, found) : [],
              byMobile ? [] : membersWithEmail(member.text, found),
            )
          }
          const { memberId } = member
          const found = await find(String(memberId))
          const theirs = found.filter((one) => one.memberId === memberId && one.status === 'enabled')
          return chooseMember(theirs, [])
        },
        async listGroupMembers({ db }) {
          const groups = (await listGroups(db.read, integration.id)).filter(({ status }) => isReachable(status))
          const userIds: string[] = []
          for (const group of groups) {
            const coolAppCode = group.cool_app_code ?? integration.coolAppCode
            const at = { openConversationId: group.open_conversation_id, coolAppCode }
            let next: string | undefined = ''
            while (next !== undefined) {
              const members: Awaited<ReturnType<typeof queryGroupMembers>> = await queryGroupMembers(client, at, next)
              userIds.push(...members.userIds)
              next = members.nextToken
            }
          }
          return userIds
        },
      })
    } finally {
      await outbound.close()
    }
  })
}

async function settle(
  context: CliContext,
  store: Store,
  directory: Directory,
  lines: LinkLine[],
  options: Options,
): Promise<void> {
  const apply = options.apply === true && options.dryRun !== true
  const rows: Row[] = []
  const promised = new Map<number, string>()
  for (const line of lines) {
    const row = await settleOne(store, directory, line, promised, apply)
    rows.push(line.line === 0 ? row : { line: line.line, ...row })
  }
  context.printLines(formatRows(rows, { json: options.json, empty: 'There is nobody to link.' }))
  const ready = rows.filter(({ outcome }) => outcome === 'would link').length
  if (ready > 0 && !options.json)
    context.print(`${ready} would be linked; --apply does it. The others stay as they are.`)
}

async function settleOne(
  { db, clock }: Store,
  { integration, match }: Directory,
  line: LinkLine,
  promised: Map<number, string>,
  apply: boolean,
): Promise<Row> {
  const { userId } = line
  const tell = (outcome: string, member?: ListedMember): Row => ({
    dingtalkUser: userId,
    outcome,
    member: member?.memberId ?? null,
    name: member?.memberName ?? null,
  })
  let found: Match
  try {
    found = await match(line)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return tell(`not looked up: ${error.failure.code}`)
  }
  if (found.outcome === 'none') return tell('conflict: no enabled member fits')
  if (found.outcome === 'several') {
    return tell(`conflict: several members fit (${found.members.map(({ memberId }) => memberId).join(', ')})`)
  }
  const { member } = found
  const standing = await findLinkOfUser(db.read, integration.id, userId)
  if (standing?.member_id === member.memberId) return tell('linked already', member)
  if (standing) return tell(`conflict: linked to ${standing.member_name} (${standing.member_id})`, member)
  const [taken] = await findLinksOfMembers(db.read, integration.id, [member.memberId])
  const rival = taken?.dingtalk_user_id ?? promised.get(member.memberId)
  if (rival !== undefined) return tell(`conflict: the member is taken by ${rival}`, member)
  promised.set(member.memberId, userId)
  if (!apply) return tell('would link', member)
  const { linked } = await db.write((trx) =>
    putFreeLink(trx, {
      integration_id: integration.id,
      dingtalk_user_id: userId,
      member_id: member.memberId,
      member_name: member.memberName,
      linked_by: 'admin',
      linked_at: clock.nowMs(),
    }),
  )
  return tell(linked ? 'linked' : 'conflict: the member was taken just now', member)
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch {
    throw new CommandError(`${file} cannot be read.`)
  }
}
