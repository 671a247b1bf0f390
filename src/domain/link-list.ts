/** Whom a line of an import names at Flashduty; `directory`: whoever DingTalk's directory leads to. */
export type MemberRef =
  | { kind: 'id'; memberId: number }
  | { kind: 'mobile' | 'email'; text: string }
  | { kind: 'directory' }

export type LinkLine = { line: number; userId: string; member: MemberRef }

export type LinkList = { lines: LinkLine[]; problems: string[] }

const MOBILE = /^(\+[\d-]{6,18}|1[3-9]\d{9})$/
const HEADER = /^(dingtalk[_ -]?user|user[_ -]?id)$/i

/**
 * CSV of DingTalk userId and member (member_id, mobile or e-mail address; empty = look in DingTalk's directory), with or
 * without a head. Fields may stand in quotes; no field of these holds a comma or a line break.
 */
export function readLinkList(text: string): LinkList {
  const lines: LinkLine[] = []
  const problems: string[] = []
  const seen = new Map<string, number>()
  text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .forEach((row, index) => {
      const line = index + 1
      if (row.trim() === '') return
      const [userId = '', member = '', ...rest] = row.split(/[,;\t]/).map(unquote)
      if (line === 1 && HEADER.test(userId)) return
      const earlier = seen.get(userId)
      const ref = readMember(member)
      if (rest.some((field) => field !== '')) problems.push(`line ${line}: more than two fields`)
      else if (userId === '') problems.push(`line ${line}: no DingTalk user`)
      else if (earlier !== undefined) problems.push(`line ${line}: ${userId} stands in line ${earlier} already`)
      else if (!ref) problems.push(`line ${line}: "${member}" is no member_id, mobile or e-mail address`)
      else lines.push({ line, userId, member: ref })
      if (earlier === undefined) seen.set(userId, line)
    })
  return { lines, problems }
}

function unquote(field: string): string {
  const bare = field.trim()
  return /^"(.*)"$/.test(bare) ? bare.slice(1, -1).replaceAll('""', '"').trim() : bare
}

function readMember(text: string): MemberRef | undefined {
  if (text === '') return { kind: 'directory' }
  if (/^[^@\s]+@[^@\s]+$/.test(text)) return { kind: 'email', text }
  if (MOBILE.test(text)) return { kind: 'mobile', text }
  const memberId = Number(text)
  return /^\d+$/.test(text) && Number.isSafeInteger(memberId) && memberId > 0 ? { kind: 'id', memberId } : undefined
}
