import { Fault } from '@sluice/kit/faults'
import type { Side } from './reading.ts'

/** What the placeholders of a query stand for. `interval` is written as the provider writes durations. */
export type Placeholders = {
  readonly namespace: string
  readonly deployment: string
  readonly track: string
  readonly interval: string
}

/** The track of a side's pods: the value of their label `sluice.dev/track`, which stable pods may be without. */
export const trackOf = (side: Side): string => (side === 'canary' ? 'canary' : 'stable')

/**
 * A query template with its `{{placeholders}}` replaced. What stands in single braces is left alone: query languages have those.
 * @param values by placeholder; a provider may have more than those that all have
 * @param where names the metric and key, for the fault
 * @throws Fault('input') for a placeholder that is none, and for braces that do not close
 */
export const resolve = (template: string, values: Readonly<Record<string, string>>, where: string): string =>
  template.replace(/\{\{(?!\{)(?:\s*([\w.-]*)\s*\}\}|)/g, (found, name: string | undefined) => {
    const known = name !== undefined && Object.hasOwn(values, name) ? values[name] : undefined
    if (known !== undefined) return known
    throw new Fault(
      'input',
      name === undefined ? `${where}: a {{ is not closed in ${template}` : `${where}: ${found} is no placeholder`,
      `Known are ${Object.keys(values)
        .map((candidate) => `{{${candidate}}}`)
        .join(', ')}`,
    )
  })
