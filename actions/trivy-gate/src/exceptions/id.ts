import { shown } from './dates.ts'

/** What is wrong with the id of an entry, as a sentence's end; `undefined` where nothing is. Such an id would never be that of anything found. */
export const idProblem = (id: string): string | undefined => {
  if (id.trim() === '') return 'has an empty id'
  if (/[\p{C}\ufffd]/u.test(id)) return `has an id with a character that cannot be seen or read: "${shown(id)}"`
  if (id !== id.trim()) return `has an id with spaces around it: "${shown(id)}"`
  // Files that were joined where the first had no line end.
  if (/.(?:CVE-\d{4}-\d|GHSA-[0-9a-z]{4}-)/.test(id))
    return `has two ids without a line end between them: "${shown(id)}"`
  return undefined
}
