import type { Evidence, JudgePlan } from '@sluice/evidence/judge'
import type { Scrape, Single } from '@sluice/evidence/reading'

/**
 * The metrics that were read of a fresh baseline, with those of this look. Its pods are made with the release, and a source may know them only a scrape after
 * they are ready: until then that a metric shows nothing is no want of data.
 * @param met those of the looks before; @param evidence after this look
 */
export const nowMet = (
  met: readonly string[],
  scrape: Scrape,
  plan: JudgePlan,
  { unseen = {} }: Pick<Evidence, 'unseen'>,
): readonly string[] => {
  const all = plan.metrics.map(({ name }) => name)
  const parts = scrape.kind === 'sources' ? scrape.parts : [{ metrics: all, scrape }]
  const shown = parts.flatMap(({ metrics, scrape: part }) => (showsBaseline(part) ? metrics : []))
  const fresh = shown.filter((name) => all.includes(name) && unseen[name] === undefined && !met.includes(name))
  return fresh.length === 0 ? met : [...met, ...fresh]
}

/** The plan with `no-data: fail` only for metrics that were read before: the others are waited for, at most `max-hold`. */
export const patient = (plan: JudgePlan, met: readonly string[]): JudgePlan => ({
  ...plan,
  metrics: plan.metrics.map((metric) => {
    if (met.includes(metric.name) || metric.noData === undefined) return metric
    const kept = Object.entries(metric.noData).filter(([, policy]) => policy !== 'fail')
    return { ...metric, noData: Object.fromEntries(kept) }
  }),
})

const showsBaseline = (scrape: Single): boolean => {
  if (scrape.kind === 'pods')
    return scrape.readings.some(
      ({ side, counters, gauges }) => side === 'baseline' && Object.keys({ ...counters, ...gauges }).length > 0,
    )
  if (scrape.kind !== 'buckets') return false
  return [...scrape.buckets, ...(scrape.gauges ?? [])].some(({ side }) => side === 'baseline')
}
