import { nearest } from '@sluice/kit/nearest'

/** Whose advisories and checks have numbers. Source: the data sources of Trivy's documentation (trivy.dev/docs), and the names of its checks. */
const SCHEMES =
  'CVE GHSA RUSTSEC PYSEC GO OSV EUVD TEMP DSA DLA USN RHSA RHBA RHEA ELSA ALSA RLSA ALAS ALAS2 SUSE openSUSE AVD DS KSV KCV AWS AZU GCP'
const NUMBERED = new RegExp(`^(?:${SCHEMES.replaceAll(' ', '|')})(?:-[A-Z]{2,6})?(?:[-:]\\d{1,10}){1,3}$`)
const GITHUB = /^GHSA(?:-[0-9a-z]{4}){3}$/

/**
 * Whether a text has the form of an advisory's or a check's id. No other word of a file of exceptions is repeated where something is wrong with it: the file may be none, and hold a
 * token that a log or a comment must not show.
 */
export const isPlainId = (text: string): boolean => NUMBERED.test(text) || GITHUB.test(text)

/** How an entry is called in a problem, beside its line: by its id where that has the form of one. */
export const entryName = (id: string): string => (isPlainId(id) ? id : 'an entry')

/** A value for a problem: what kind of value it is. Never walks into it: an alias of YAML can make one part of itself. */
export const described = (value: unknown): string => {
  if (value === undefined) return 'nothing'
  if (value === null) return 'empty'
  if (typeof value === 'string')
    return value.trim() === '' ? 'an empty text' : isPlainId(value) ? `"${value}"` : 'a text'
  if (typeof value === 'object') return Array.isArray(value) ? 'a list' : 'a map'
  return typeof value === 'boolean' ? String(value) : `a ${typeof value}`
}

/** `unknown key; did you mean "paths"?`, or the list of known names when none is near. What was written is not repeated. */
export const unknownWord = (what: string, word: string, known: readonly string[]): string => {
  const meant = nearest(word, known)
  return `unknown ${what}; ${meant === undefined ? `known: ${known.join(', ')}` : `did you mean "${meant}"?`}`
}
