import type { Locale } from '../../domain/messages.ts'
import type { StoredIncident } from '../../storage/incidents.ts'
import { toneWord } from './incident-words.ts'

/** How bad an incident is; nothing where nobody said so. */
export function SeverityTag({ stored, locale }: { stored: StoredIncident; locale: Locale }) {
  const word = toneWord(stored, locale)
  return word === '' ? <></> : <span class="tag severity">{word}</span>
}
