import { fenced, inline, table } from '@sluice/kit/markdown'
import { digestsOf, type Part, type Result } from './outcome.ts'
import type { Plan } from './ports.ts'

/** The job summary: the verdict with what to do, then what was pushed, and where the time went. */
export const summarize = (result: Result, plan: Plan): string =>
  `${[
    head(result),
    failure(result),
    problems(result),
    refs(result, plan),
    platforms(result),
    times(result),
    stages(result),
    steps(result),
    notes(result),
  ]
    .filter((section) => section !== '')
    .join('\n\n')}\n`

const SIGNS = { pass: '✅', fail: '❌', error: '❌' } as const

const head = ({ verdict, code, text, next }: Result): string =>
  `### ${SIGNS[verdict]} build-push-image: ${verdict} (${code})\n\n${inline(text)}.${next === '' ? '' : ` ${inline(next)}.`}`

const failure = ({ failure: found }: Result): string => {
  if (found === undefined) return ''
  const where = found.file === '' ? '' : `\`${found.file}${found.line === 0 ? '' : `:${found.line}`}\`\n\n`
  return `${where}${fenced([found.command, ...found.lastLines].filter((line) => line !== '').join('\n'))}`
}

const problems = ({ problems: found, failure: failed }: Result): string =>
  failed !== undefined || found.length < 2
    ? ''
    : found
        .slice(0, MOST)
        .map((one) => `- ${inline(one)}`)
        .join('\n')

const refs = ({ image, tags }: Result, { repositories }: Plan): string => {
  if (image === undefined) return ''
  const rows = repositories.map((name) => [
    `\`${name}@${image.digest}\``,
    tags
      .filter(({ repository }) => repository === name)
      .map(({ tag, written }) => `\`${tag}\`${written ? '' : ' (was there)'}`)
      .join(', '),
  ])
  return table(['Image', 'Tags'], rows)
}

const platforms = ({ image }: Result): string =>
  image === undefined
    ? ''
    : table(
        ['Platform', 'Digest', 'Size'],
        image.platforms.map(({ platform, digest, size }) => [platform, `\`${digest}\``, megabytes(size)]),
      )

const NAMES: Readonly<Record<Part, string>> = {
  lookup: 'looking at the tags that are there',
  build: 'building',
  load: 'loading into Docker',
  push: 'pushing',
  merge: 'merging the legs',
  'read-back': 'reading back',
  tags: 'writing tags',
}

const times = ({ times: all, attempts, progress }: Result): string => {
  if (all.length === 0) return ''
  const rows = (Object.keys(NAMES) as Part[]).flatMap((part) => {
    const ms = all.filter(({ what }) => what === part).reduce((total, one) => total + one.ms, 0)
    return all.some(({ what }) => what === part) ? [[NAMES[part] + tries(part, attempts), seconds(ms)]] : []
  })
  const built = progress?.steps ?? []
  const cached =
    built.length === 0
      ? ''
      : `\n\n${built.filter((step) => step.cached).length} of ${built.length} steps came from the cache.`
  return `${table(['What', 'Time'], rows)}${cached}`
}

const tries = (part: Part, attempts: number): string => (part === 'push' && attempts > 1 ? ` (${attempts} tries)` : '')

/** The stages of the Dockerfile, and what of each came from the cache; of a single one the table before says all. */
const stages = ({ progress }: Result): string => {
  const all = progress?.stages ?? []
  if (all.length < 2) return ''
  return table(
    ['Stage', 'Time', 'From the cache'],
    all
      .slice(0, MOST)
      .map(({ name, ms, steps: of, cached }) => [
        `\`${name.replaceAll('`', "'")}\``,
        seconds(ms),
        `${cached} of ${of}`,
      ]),
  )
}

/** The slowest steps: where a cache or another order in the Dockerfile would help. */
const steps = ({ progress }: Result): string => {
  const slow = [...(progress?.steps ?? [])]
    .filter(({ cached, ms }) => !cached && ms >= 1000)
    .sort((a, b) => b.ms - a.ms)
    .slice(0, 10)
  if (slow.length === 0) return ''
  return `<details><summary>The slowest steps</summary>\n\n${table(
    ['Step', 'Time'],
    slow.map(({ name, ms }) => [`\`${name.replaceAll('`', "'")}\``, seconds(ms)]),
  )}\n\n</details>`
}

const notes = ({ notes: all }: Result): string =>
  all
    .slice(0, MOST)
    .map((one) => `- ${inline(one)}`)
    .join('\n')

/** Digests of platforms as the output has them. */
export const digestsText = (result: Result): string => JSON.stringify(digestsOf(result.image))

const MOST = 50

const seconds = (ms: number): string => (ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`)
const megabytes = (bytes: number): string =>
  bytes < 100_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`
