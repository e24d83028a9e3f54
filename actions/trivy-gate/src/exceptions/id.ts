/** What is wrong with the id of an entry, as a sentence's end; `undefined` where nothing is. Such an id would never be that of anything found. */
export const idProblem = (id: string): string | undefined => {
  if (id.trim() === '') return 'has an empty id'
  const unseen = /[\p{C}\ufffd]/u.exec(id)?.[0]
  if (unseen !== undefined) return `has an id with a character that cannot be seen or read (${codePoint(unseen)})`
  if (id !== id.trim()) return 'has an id with spaces around it'
  // Files that were joined where the first had no line end.
  if (/.(?:CVE-\d{4}-\d|GHSA-[0-9a-z]{4}-)/.test(id)) return 'has two ids without a line end between them'
  return undefined
}

const codePoint = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
