import { choice, duration, type Field, field, lines, optionalText, problem } from '@sluice/kit/fields'
import { readInputs } from '@sluice/kit/inputs'
import { unknownName } from '@sluice/kit/nearest'
import * as z from 'zod/mini'
import { SEVERITIES, type Severity } from './found.ts'
import { SCANNERS, type Scanner, type Target } from './scanner.ts'

type Problem = ReturnType<typeof problem>

const flag: Field<boolean> = field((value) => {
  if (value.trim() === 'true' || value.trim() === 'false') return value.trim() === 'true'
  return problem(`must be true or false, not ${JSON.stringify(value)}`)
})

const listed = (value: string): readonly string[] =>
  value
    .split(/[,\n]/)
    .map((word) => word.trim())
    .filter((word) => word !== '')

const among = <T extends string>(value: string, known: readonly T[], upper: boolean): readonly T[] | Problem => {
  const words = listed(value).map((word) => (upper ? word.toUpperCase() : word))
  const found = known.filter((word) => words.includes(word))
  const strange = words.find((word) => !known.some((one) => one === word))
  if (strange !== undefined) return problem(unknownName('value', strange, known))
  return found.length === 0 ? problem(`is empty: give at least one of ${known.join(', ')}`) : found
}

const severities: Field<readonly Severity[]> = field((value) => among(value, SEVERITIES, true))

const severitiesOrNone: Field<readonly Severity[]> = field((value) =>
  value.trim().toLowerCase() === 'none' ? [] : among(value, SEVERITIES, true),
)

const scanners: Field<readonly Scanner[]> = field((value) => among(value, SCANNERS, false))

/** Whole days → their number. */
const days: Field<number> = field((value) => {
  const [, amount] = /^(\d{1,5})d$/.exec(value.trim()) ?? []
  return amount === undefined ? problem(`must be days such as 14d, not ${JSON.stringify(value)}`) : Number(amount)
})

const grace: Field<Readonly<Partial<Record<Severity, number>>>> = field((value) => {
  const found: Partial<Record<Severity, number>> = {}
  for (const entry of listed(value)) {
    const [, word = '', amount] = /^(\w+)\s*=\s*(\d{1,5})d?$/.exec(entry) ?? []
    const severity = SEVERITIES.find((one) => one === word.toUpperCase())
    if (severity === undefined || amount === undefined)
      return problem(`must be SEVERITY=DAYS such as HIGH=7,MEDIUM=30, not ${JSON.stringify(entry)}`)
    if (found[severity] !== undefined) return problem(`has ${severity} twice`)
    found[severity] = Number(amount)
  }
  return found
})

const probability: Field<number | undefined> = field((value) => {
  if (value.trim() === '') return undefined
  const number = /^\d*\.?\d+$/.test(value.trim()) ? Number(value) : Number.NaN
  return number >= 0 && number <= 1 ? number : problem(`must be a number from 0 to 1, not ${JSON.stringify(value)}`)
})

/** What becomes an argument of a command: a dash would begin an option. */
const argument: Field<string | undefined> = field((value) => {
  const word = value.trim()
  if (word === '') return undefined
  return word.startsWith('-') || /[\0\r\n]/.test(word)
    ? problem(`may not begin with a dash nor have more than one line: ${JSON.stringify(word)}`)
    : word
})

const version: Field<string | undefined> = field((value) => {
  const word = value.trim().replace(/^v/, '')
  if (word === '') return undefined
  return /^\d+\.\d+\.\d+$/.test(word) ? word : problem(`must be a version such as 0.72.0, not ${JSON.stringify(value)}`)
})

const repositories: Field<readonly string[]> = field((value) => {
  const all = listed(value)
  const strange = all.find((one) => !/^[a-z0-9][\w.:/@-]*$/i.test(one))
  if (strange !== undefined) return problem(`has ${JSON.stringify(strange)}, which is no repository`)
  return all.length === 0 ? problem('is empty: give at least one repository') : all
})

/** It stands in a hidden comment, which two dashes end. */
const category: Field<string> = field((value) => {
  const word = value.trim()
  if (/^[\w./:-]{1,100}$/.test(word) && !word.includes('--')) return word
  return problem(
    `must be 1 to 100 letters, digits and . / : _ - (no two dashes in a row), not ${JSON.stringify(value)}`,
  )
})

const platform: Field<string | undefined> = field((value) => {
  const word = value.trim()
  if (word === '') return undefined
  return /^[a-z0-9]+\/[a-z0-9_]+(\/[a-z0-9]+)?$/.test(word)
    ? word
    : problem(`must be a platform such as linux/arm64, not ${JSON.stringify(value)}`)
})

const digest: Field<string | undefined> = field((value) => {
  const word = value.trim()
  if (word === '') return undefined
  return /^sha256:[0-9a-f]{64}$/.test(word)
    ? word
    : problem(`must be sha256: and 64 hexadecimal digits, not ${JSON.stringify(value)}`)
})

/** The keys are action.yml's. Times are ms, `expiring-within`, `feed-max-age` and `grace` days. */
export const inputs = z.object({
  image: argument,
  platform,
  path: argument,
  sbom: argument,
  report: optionalText,
  digest,
  'fail-on': severitiesOrNone,
  'report-severity': severities,
  scanners,
  'ignore-unfixed': flag,
  'ignore-file': lines,
  vex: lines,
  'strict-exceptions': flag,
  'expiring-within': days,
  grace,
  'grace-from': choice(['publication', 'fix']),
  kev: optionalText,
  epss: optionalText,
  'feed-max-age': days,
  'min-epss': probability,
  baseline: optionalText,
  sarif: optionalText,
  junit: optionalText,
  comment: choice(['auto', 'off']),
  category,
  token: optionalText,
  timeout: duration,
  'trivy-version': version,
  'trivy-config': argument,
  'docker-config': optionalText,
  'db-repositories': repositories,
  'java-db-repositories': repositories,
  'cache-dir': optionalText,
  'on-nothing-to-check': choice(['fail', 'pass']),
  'on-inconclusive': choice(['fail', 'pass']),
})
/** The inputs as they are read; `undefined` for what was left out. */
export type Inputs = z.output<typeof inputs>

/**
 * Reads the inputs and what they say together.
 * @param read gives an input's text, empty when it was left out
 * @throws Fault('input') with everything that is wrong, one a line; the token is never shown
 */
export const readAll = (read: (name: string) => string): Inputs => readInputs(inputs, read, conflicts(read))

const conflicts = (read: (name: string) => string): readonly string[] => {
  const given = (name: string): boolean => read(name).trim() !== ''
  const found: string[] = []
  const targets = ['image', 'path', 'sbom', 'report'].filter(given)
  if (targets.length === 0) found.push('image, path, sbom or report is required: what is looked at')
  if (targets.length > 1) found.push(`${targets.join(' and ')} are given: exactly one of them is looked at`)
  if (given('sbom') && /misconfig|secret/.test(read('scanners')))
    found.push('scanners of an SBOM are vuln and license: it holds packages and no files')
  if (given('platform') && !given('image')) found.push('platform needs image: nothing else has several')
  if (given('digest') && !given('report'))
    found.push('digest needs report: an image is scanned by the digest in its name')
  if (given('docker-config') && !given('image')) found.push('docker-config needs image: nothing else is pulled')
  if (read('grace-from').trim() === 'fix' && !given('baseline'))
    found.push('grace-from: fix needs baseline: no report says when a fix appeared, only that an earlier one had none')
  if (given('min-epss') && !given('epss')) found.push('min-epss needs epss: the file with the scores')
  return found
}

/** What is scanned; `undefined` for a report that is there already. */
export const targetOf = ({ image, path, sbom, platform: of }: Inputs): Target | undefined => {
  if (image !== undefined) return { kind: 'image', name: image, ...(of === undefined ? {} : { platform: of }) }
  if (path !== undefined) return { kind: 'path', name: path }
  return sbom === undefined ? undefined : { kind: 'sbom', name: sbom }
}
