import { own } from '../own.ts'
import type { Classified, Label } from './metric.ts'
import type { Settled } from './settings.ts'

/** A metric that counts, with the groups it counts in. */
export type Scored = Classified & { readonly groups: readonly string[] }

/** `score`: percent of its judged metrics that pass, null where none could be judged. `weight`: percent of the whole. */
export type GroupScore = { readonly name: string; readonly score: number | null; readonly weight: number }

/** The word for a canary. `Inconclusive` is ours, for what the original decides without having seen anything. */
export type Classification = 'Pass' | 'Marginal' | 'Fail' | 'Inconclusive'

/**
 * `score`: 0 … 100, two decimals; null where it is inconclusive. `verdict`: what a run does with it: at its last look only `Pass` succeeds, at an
 * earlier one only `Fail` ends it. It differs from `classification` only in the original, and only at a score that equals the marginal one.
 */
export type CanaryScore = {
  readonly score: number | null
  readonly classification: Classification
  readonly verdict: Classification
  readonly reason: string
  readonly groups: readonly GroupScore[]
}

/**
 * The canary's score from its metrics' labels, muted ones left out: 0 when a critical metric does not pass or half of all have no data, else the weighted
 * mean of the groups' scores. Where that is mended, half or more without data or with too few values, a critical one with too few, or no group that has a score
 * and a weight, is inconclusive.
 */
export const scoreCanary = (metrics: readonly Scored[], settings: Settled): CanaryScore => {
  const groups = groupScores(metrics, settings)
  const fails = metrics.find(({ critical, label }) => critical && label !== 'Pass' && label !== 'too-few')
  if (fails !== undefined) return said(0, `${fails.name}: ${fails.reason}`, groups, settings)
  const part = (...labels: readonly Label[]): number =>
    metrics.filter(({ label }) => labels.includes(label)).length / metrics.length
  if (part('Nodata') >= 0.5) return said(0, 'half or more of the metrics have no data', groups, settings)
  const open = metrics.find(({ critical, label }) => critical && label === 'too-few')
  if (open !== undefined) return inconclusive(`${open.name}: ${open.reason}`, groups)
  if (part('Nodata', 'too-few') >= 0.5) return inconclusive('half or more of the metrics have too little data', groups)
  const score = weighted(groups, settings)
  return score === undefined
    ? inconclusive('no metric that counts could be judged', groups)
    : said(round(score), `score ${round(score)}`, groups, settings)
}

const groupScores = (metrics: readonly Scored[], { groupWeights, mends }: Settled): readonly GroupScore[] => {
  const names = [...new Set(metrics.flatMap(({ groups }) => groups))]
  const unnamed = names.filter((name) => own(groupWeights, name) === undefined)
  const left = (100 - Object.values(groupWeights).reduce((sum, weight) => sum + weight, 0)) / unnamed.length
  return names.map((name) => {
    const labels = metrics.filter(({ groups }) => groups.includes(name)).map(({ label }) => label)
    const passed = labels.filter((label) => label === 'Pass').length
    const judged = labels.filter((label) => JUDGED.has(label) || (mends.errors && label === 'Error')).length
    return { name, score: judged === 0 ? null : (100 * passed) / judged, weight: own(groupWeights, name) ?? left }
  })
}

const JUDGED: ReadonlySet<Label> = new Set(['Pass', 'High', 'Low', 'NodataFailMetric'])

/** `undefined` where no group with a score weighs anything. */
const weighted = (groups: readonly GroupScore[], { mends }: Settled): number | undefined => {
  const sum = (of: readonly GroupScore[], score: (group: GroupScore) => number): number =>
    of.reduce((total, group) => total + (group.weight * score(group)) / 100, 0)
  if (!mends.emptyGroups) return sum(groups, (group) => group.score ?? 100)
  const scored = groups.filter((group) => group.score !== null)
  const weight = sum(scored, () => 1)
  return weight > 0 ? (sum(scored, (group) => group.score ?? 0) * sum(groups, () => 1)) / weight : undefined
}

/** Half up, as decimals are written: 1.005 is 1.01. */
const round = (score: number): number => Math.round(Number((score * 100).toFixed(6))) / 100

const said = (score: number, reason: string, groups: readonly GroupScore[], settings: Settled): CanaryScore => {
  const { pass, marginal, mends } = settings
  const classification = score >= pass ? 'Pass' : score >= marginal ? 'Marginal' : 'Fail'
  const verdict = !mends.marginal && score <= marginal ? 'Fail' : classification
  return { score, classification, verdict, reason, groups }
}

const inconclusive = (reason: string, groups: readonly GroupScore[]): CanaryScore => ({
  score: null,
  classification: 'Inconclusive',
  verdict: 'Inconclusive',
  reason,
  groups,
})
