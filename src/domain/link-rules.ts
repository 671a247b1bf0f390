/** A Flashduty member as the account's list shows them; the phone number is masked. */
export type ListedMember = {
  memberId: number
  memberName: string
  email: string
  phone: string
  status: string
  /** False when Flashduty says that nobody proved it. */
  emailVerified: boolean
  phoneVerified: boolean
}

/** What DingTalk's directory says of a person and a person cannot change by themselves. */
export type Contact = { mobile: string | undefined; orgEmail: string | undefined }

export type Match =
  | { outcome: 'one'; member: ListedMember; by: 'mobile' | 'email' }
  | { outcome: 'none' }
  /** More than one fits, so that nobody can say who it is. */
  | { outcome: 'several'; members: ListedMember[] }

/** No number is written longer, in whatever way. */
const MAX_READ = 100

/**
 * Those who have that phone number. Flashduty finds numbers as a whole, but names and e-mail addresses by any part, so
 * what it found is held against what it shows of the number.
 */
export function membersWithMobile(mobile: string, found: ListedMember[]): ListedMember[] {
  const digits = mobile.slice(0, MAX_READ).replaceAll(/\D/g, '')
  // Either side may leave out the country code that goes without saying.
  const wanted = [digits, `86${digits}`]
  return found.filter((member) => {
    if (member.status !== 'enabled' || !member.phoneVerified) return false
    const shown = member.phone.slice(0, MAX_READ).replaceAll(/[^\d*]/g, '')
    // Fewer digits than these say nothing, and no number is longer.
    if (shown.replaceAll('*', '').length < 4 || shown.length > 20) return false
    return wanted.some((number) => isShownAs(number, shown) || isShownAs(number, `86${shown}`))
  })
}

/** Whether digits are shown so: each run of stars stands for some of them. */
function isShownAs(digits: string, shown: string): boolean {
  const [first = '', ...others] = shown.split(/\*+/)
  const last = others.pop()
  if (last === undefined) return digits === first
  if (!digits.startsWith(first) || !digits.endsWith(last)) return false
  // What stands between stars is looked for as early as can be: whatever fits later fits then too.
  let at = first.length
  for (const part of others) {
    const found = digits.indexOf(part, at + 1)
    if (found < 0) return false
    at = found + part.length
  }
  return digits.length - last.length > at
}

/** Those whose e-mail address that is, as a whole and whatever its case. */
export function membersWithEmail(email: string, found: ListedMember[]): ListedMember[] {
  const wanted = email.trim().toLowerCase()
  return found.filter(
    (member) => member.status === 'enabled' && member.emailVerified && member.email.trim().toLowerCase() === wanted,
  )
}

/** Who of the account somebody is: only if all that is known of them leads to one and the same member. */
export function chooseMember(byMobile: ListedMember[], byEmail: ListedMember[]): Match {
  const members = [...new Map([...byMobile, ...byEmail].map((member) => [member.memberId, member])).values()]
  const [member] = members
  if (!member) return { outcome: 'none' }
  if (members.length > 1) return { outcome: 'several', members }
  return { outcome: 'one', member, by: byMobile.length > 0 ? 'mobile' : 'email' }
}

/** Enough to recognise oneself by, too little to learn who somebody else is. */
export function maskName(name: string): string {
  const letters = Array.from(name.trim())
  if (letters.length <= 1) return letters.length === 0 ? '*' : `${letters[0]}*`
  return `${letters[0]}${'*'.repeat(Math.min(3, letters.length - 1))}`
}

export function maskEmail(email: string): string {
  const [local = '', domain] = email.split('@')
  if (domain === undefined) return maskName(email)
  const shown = local.length > 2 ? `${local[0]}***${local.at(-1)}` : `${local[0] ?? ''}***`
  return `${shown}@${domain}`
}
