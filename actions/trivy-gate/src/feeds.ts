const DAY = 86_400_000

/** Vulnerabilities that are known to be exploited, and the day (ISO 8601) their catalogue was released. */
export type Kev = { readonly ids: ReadonlySet<string>; readonly released: string }
/** The probability (0 … 1) that a vulnerability is exploited within 30 days, by CVE, and the day (ISO 8601) it was computed for. */
export type Epss = { readonly scores: ReadonlyMap<string, number>; readonly scored: string }
/** When it is, and how old (days) a feed may be. */
export type Age = { readonly now: Date; readonly maxDays: number }

/**
 * Reads CISA's catalogue of known exploited vulnerabilities (JSON; https://www.cisa.gov/known-exploited-vulnerabilities-catalog). A catalogue that is too old, incomplete or
 * damaged is a problem, never an empty list: what it does not name would be given its grace.
 */
export const readKev = (text: string, age: Age): { readonly kev: Kev } | { readonly problem: string } => {
  const json = parse(text)
  if (json === undefined) return { problem: `The KEV catalogue is no JSON object: ${KEV_AGAIN}.` }
  const { vulnerabilities, count, dateReleased } = json
  if (!Array.isArray(vulnerabilities) || vulnerabilities.length === 0)
    return { problem: `The KEV catalogue has no list of vulnerabilities: ${KEV_AGAIN}.` }
  const ids = new Set<string>()
  for (const one of vulnerabilities as readonly unknown[]) {
    const id = typeof one === 'object' && one !== null && 'cveID' in one ? one.cveID : undefined
    if (typeof id !== 'string' || !CVE.test(id.trim()))
      return { problem: `The KEV catalogue has an entry without a cveID: ${KEV_AGAIN}.` }
    ids.add(id.trim())
  }
  if (typeof count === 'number' && count !== vulnerabilities.length)
    return {
      problem: `The KEV catalogue says it has ${count} entries and has ${vulnerabilities.length}: ${KEV_AGAIN}.`,
    }
  const old = ageProblem('KEV catalogue', dateReleased, age)
  return old === undefined ? { kev: { ids, released: String(dateReleased) } } : { problem: `${old}: ${KEV_AGAIN}.` }
}

/**
 * Reads FIRST's file of EPSS scores (CSV with a comment line that has the day; https://www.first.org/epss/data_stats), unpacked. Too old or damaged is a problem.
 */
export const readEpss = (text: string, age: Age): { readonly epss: Epss } | { readonly problem: string } => {
  const day = /^\ufeff?#.*?\bscore_date:([^,\s]+)/.exec(text.slice(0, 400))?.[1]
  const old = ageProblem('EPSS file', day, age)
  if (old !== undefined) return { problem: `${old}: ${EPSS_AGAIN}.` }
  const scores = new Map<string, number>()
  let headed = false
  let number = 0
  for (const line of text.split('\n')) {
    number += 1
    const row = line.trim()
    if (row === '' || row.startsWith('#')) continue
    if (!headed) {
      if (!/^cve,epss(,|$)/i.test(row)) return { problem: `The EPSS file has no header cve,epss: ${EPSS_AGAIN}.` }
      headed = true
      continue
    }
    const [id = '', said = ''] = row.split(',')
    const score = said.trim() === '' ? Number.NaN : Number(said)
    if (!CVE.test(id) || !(score >= 0 && score <= 1))
      return { problem: `Line ${number} of the EPSS file is no CVE with a score from 0 to 1: ${EPSS_AGAIN}.` }
    scores.set(id, score)
  }
  if (scores.size === 0) return { problem: `The EPSS file has no scores: ${EPSS_AGAIN}.` }
  return { epss: { scores, scored: String(day) } }
}

/** An instant in ms of a date as feeds and reports write it, also with an offset of four digits; `undefined` for what is none. */
export const instant = (said: unknown): number | undefined => {
  if (typeof said !== 'string' || !/^\d{4}-\d\d-\d\d/.test(said)) return undefined
  const at = Date.parse(said.replace(/([+-]\d\d)(\d\d)$/, '$1:$2'))
  return Number.isNaN(at) ? undefined : at
}

const CVE = /^CVE-\d{4}-\d{4,}$/
const KEV_AGAIN = 'take it anew from cisa.gov (known_exploited_vulnerabilities.json), or leave the input out'
const EPSS_AGAIN = 'take it anew from FIRST (epss_scores-….csv, unpacked), or leave the input out'

/** A day ahead of the clock is a feed of another time zone; more is a clock or a file that cannot be right. */
const ageProblem = (name: string, said: unknown, { now, maxDays }: Age): string | undefined => {
  const at = instant(said)
  if (at === undefined) return `The ${name} does not say of which day it is`
  const days = (now.getTime() - at) / DAY
  if (days < -1) return `The ${name} is of ${String(said)}, which is yet to come`
  return days > maxDays ? `The ${name} is ${Math.floor(days)} days old, and ${maxDays} are allowed` : undefined
}

const parse = (text: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const json: unknown = JSON.parse(text.replace(/^\ufeff/, ''))
    return typeof json === 'object' && json !== null && !Array.isArray(json)
      ? (json as Readonly<Record<string, unknown>>)
      : undefined
  } catch {
    return undefined
  }
}
