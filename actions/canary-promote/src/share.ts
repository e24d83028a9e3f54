import type { Evidence, JudgePlan } from '@sluice/evidence/evidence'
import { type Counted, compareShare, shareOfCopies } from '@sluice/evidence/observed'
import type { Scrape } from '@sluice/evidence/reading'
import type { Reason, ReleaseRecord, World } from '@sluice/release/record'
import { askedMirror, askedWeight } from '@sluice/release/way'

/**
 * What was counted in a step since its weight had settled. `from`: what the step's counts were then; `since` is when the evidence saw the weight first,
 * ms: a weight that is written again begins anew. `blind`: not all of stable's pods were read, so that its requests are not all known.
 */
export type ShareSeen = {
  readonly step: number
  readonly since: number
  readonly from: Counted | undefined
  readonly blind: boolean
}

/**
 * The canary's share of all requests that are counted, percent with one decimal: the weight; of copies what they come to beside the originals; without
 * a router the share of pods that serve.
 */
export const shareOf = (record: ReleaseRecord, world: World): number => {
  const settled = record.state.phase !== 'raising'
  const weight = settled ? askedWeight(record) : world.weight.written
  const mirror = settled ? askedMirror(record) : (world.weight.mirrored ?? 0)
  if (mirror > 0) return rounded(100 * shareOfCopies(mirror))
  const byPods = record.plan.split === 'replicas' || world.weight.byPods === true
  if (!byPods || weight === 0) return weight
  const ready = world.canary?.ready ?? 0
  const serving = ready + world.stable.available
  return serving === 0 ? 0 : rounded((100 * ready) / serving)
}

/** The canary's share of what both sides count, percent, where that is not the weight: one half beside a fresh baseline, which has its weight. */
export const shareBeside = ({ plan }: ReleaseRecord, weight: number): number | undefined =>
  plan.baseline === 'fresh' && weight > 0 ? 50 : undefined

/** Takes one look's evidence into account. */
export const watchShare = (
  before: ShareSeen | undefined,
  evidence: Evidence,
  look: {
    readonly at: number
    readonly step: number
    readonly settle: number
    readonly plan: JudgePlan
    readonly scrape: Scrape
    readonly world: World
  },
): ShareSeen => {
  const since = evidence.weightSince
  const same = before !== undefined && before.step === look.step && before.since === since
  const known: ShareSeen = same ? before : { step: look.step, since, from: undefined, blind: false }
  const settled = look.at - since >= look.settle
  const counts = countsOf(evidence, look.plan)
  return {
    ...known,
    from: known.from ?? (settled ? counts : undefined),
    blind: known.blind || (settled && !tellsAll(look.scrape, look.plan, look.world)),
  }
}

/** Why the step may not pass although nothing is wrong with what was counted: the route does not do what it says, or stable serves others too. */
export const differentShare = (
  seen: ShareSeen,
  evidence: Evidence,
  { plan, share }: { readonly plan: JudgePlan; readonly share: number },
): Reason | undefined => {
  const counts = countsOf(evidence, plan)
  if (seen.from === undefined || seen.blind || counts === undefined) return undefined
  const counted = { baseline: counts.baseline - seen.from.baseline, canary: counts.canary - seen.from.canary }
  const answer = compareShare(counted, share / 100)
  if (answer === 'as-asked') return undefined
  const all = counted.baseline + counted.canary
  const text = `the canary counted ${rounded((100 * counted.canary) / all)} % of ${Math.round(all)} requests of this step, and ${share} % were to be expected`
  return answer === 'more'
    ? {
        code: 'share-differs',
        text,
        next: 'See whether the gateway has taken the weight, what else leads to the canary, and whether connections stick to pods.',
      }
    : {
        code: 'populations-differ',
        text,
        next: 'The baseline answers requests that the route does not split, or the route does not send what it says: count only the requests of the split rules.',
      }
}

/** The step's requests by the metric that counts most of the users' own; absent where none does. */
const countsOf = (evidence: Evidence, plan: JudgePlan): Counted | undefined => {
  const own = plan.metrics.flatMap((metric) => {
    const known = evidence.metrics[metric.name]
    return metric.kind !== 'gauge' && metric.synthetic !== true && known?.kind === 'counted' ? [known.step] : []
  })
  const [most] = own.toSorted((a, b) => b.baseline.n + b.canary.n - a.baseline.n - a.canary.n)
  return plan.missing === 'off' || most === undefined ? undefined : { baseline: most.baseline.n, canary: most.canary.n }
}

/** Sums are of everything by themselves; pods only where each one that serves was read. */
const tellsAll = (scrape: Scrape, plan: JudgePlan, { stable, baseline: fresh }: World): boolean => {
  const serving =
    fresh === undefined ? Math.max(stable.available, stable.desired) : Math.max(fresh.ready, fresh.desired)
  const parts = scrape.kind === 'sources' ? scrape.parts : [{ metrics: plan.metrics.map(({ name }) => name), scrape }]
  return parts.every(({ scrape: part }) => {
    if (part.kind !== 'pods') return true
    const baseline = new Set(part.readings.flatMap(({ side, pod }) => (side === 'baseline' ? [pod.uid] : [])))
    return part.missing.length === 0 && baseline.size >= serving
  })
}

const rounded = (percent: number): number => Math.round(percent * 10) / 10
