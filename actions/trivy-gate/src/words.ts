import { inline, unmarked } from '@sluice/kit/markdown'
import type { Found, Gate, Judged } from './found.ts'

/** Text on one line without control characters or those that turn the direction of writing, cut to `longest` UTF-16 units. */
export const clip = (text: string, longest: number): string => {
  if (text.length <= longest && !UNPLAIN.test(text)) return text.trim()
  // What comes after is cut away anyhow: a text of megabytes is not searched.
  const line = text
    .slice(0, 4 * longest)
    .toWellFormed()
    .replace(UNSEEN, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return line.length <= longest ? line : `${line.slice(0, longest - 1).toWellFormed()}…`
}

/** Most texts of a report have none of these, and a report has hundreds of thousands of them. */
const UNPLAIN = /[^ -~]| {2}/

const UNSEEN = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]/gu

/** Foreign text for a table's cell: it starts no markup, and notifies or links nobody. */
export const cellText = (text: string, longest = 120): string => orDash(unmarked(quiet(clip(text, longest))))

/** A name or a path as code for a table's cell. GitHub mentions nobody in code, but shows entities there as they are written. */
export const cellCode = (text: string, longest = 120): string => {
  const line = clip(text, longest)
  return /[<&`|\\]/.test(line) || line === '' ? cellText(line, longest) : `\`${line}\``
}

/** Foreign text for a sentence or an item of a list. */
export const sentence = (text: string, longest = 1000): string =>
  inline(quiet(clip(text, longest))).replace(/^[#>+=-]/, '\\$&')

/** A name as code in a sentence. */
export const sentenceCode = (text: string, longest = 200): string => {
  const line = clip(text, longest)
  return /[<&`\\]/.test(line) || line === '' ? sentence(line, longest) : `\`${line}\``
}

/** What a cell holds where there is nothing to say. */
export const NONE = '–'

const orDash = (text: string): string => (text === '' ? NONE : text)

/** GitHub makes mentions, references and links of text after Markdown is done, so that no backslash holds them back. A space of no width does. */
const quiet = (text: string): string =>
  text
    .replace(/@(?=[\p{L}\p{N}])/gu, '@\u200b')
    .replace(/#(?=\d)/g, '#\u200b')
    .replace(/\b(GH)-(?=\d)/gi, '$1-\u200b')
    .replaceAll('://', ':\u200b//')
    .replace(/www\./gi, '$&\u200b')

/** An address that is safe as a link; `undefined` for any other, and for one to somebody's issue, which would tell them of this page. */
export const safeUrl = (url: string | undefined): string | undefined =>
  url !== undefined &&
  url.length <= 300 &&
  PLAIN_URL.test(url) &&
  !/github\.com\/.*\/(issues|pull|discussions|commit)\//i.test(url)
    ? url
    : undefined

const PLAIN_URL = /^https:\/\/[\w.~:/?#@!$&*+,;=%-]+$/

/** What was found in one line: the package with its version, or the file with its line. */
export const subject = (found: Found): string => {
  const { package: of, target, lines } = found
  return of === undefined
    ? `${target}${lines === undefined ? '' : `:${lines.from}`}`
    : `${of.name} ${of.version}`.trim()
}

/** Why this one fails or does not, in words that follow a semicolon. */
export const why = (judged: Judged, gate: Gate): string => {
  const words = WHY[judged.state]
  if (judged.state === 'in-grace' && judged.until !== undefined) return `${words} until ${judged.until.slice(0, 10)}`
  if (judged.state === 'fails' && judged.until !== undefined) return `${words}: its grace ended on ${judged.until}`
  if (judged.state !== 'excepted') return words
  const exception = gate.exceptions[judged.exception ?? -1]?.exception
  if (exception === undefined) return words
  const until = exception.expires === undefined ? '' : ` until ${exception.expires.slice(0, 10)}`
  return `${words} by ${exception.where}${until}: ${exception.reason ?? 'no reason given'}`
}

const WHY: Readonly<Record<Judged['state'], string>> = {
  fails: 'fails the gate',
  below: 'below what fails the gate',
  unfixed: 'no fixed version yet',
  'in-grace': 'in grace',
  excepted: 'excepted',
  known: 'known at the base',
}

/** What makes it more urgent, or whose it is: exploited, likely to be, new. Empty where nothing is to be said. */
export const remarks = ({ exploited, epss, news }: Judged): readonly string[] => [
  ...(news === undefined ? [] : [news === 'added' ? 'new: this change added it' : 'new: disclosed since the base']),
  ...(exploited === true ? ['exploited (KEV)'] : []),
  ...(epss === undefined ? [] : [`EPSS ${(epss * 100).toFixed(1)} %`]),
]

/** A sentence that goes on in another one. */
export const withoutStop = (sentence: string): string => sentence.replace(/\.\s*$/, '')
