import { Fault } from '@sluice/kit/faults'
import type { Side } from './reading.ts'

/** What the placeholders of a query stand for. `interval` is written as the provider writes durations. */
export type Placeholders = {
  readonly namespace: string
  readonly deployment: string
  readonly track: string
  readonly interval: string
}

const NAMES: readonly (keyof Placeholders)[] = ['namespace', 'deployment', 'track', 'interval']

/** The track of a side's pods: the value of their label `sluice.dev/track`, which stable pods may be without. */
export const trackOf = (side: Side): string => (side === 'canary' ? 'canary' : 'stable')

/**
 * A query template with its `{{placeholders}}` replaced. What stands in single braces is left alone: query languages have those.
 * @param where names the metric and key, for the fault
 * @throws Fault('input') for a placeholder that is none, and for braces that do not close
 */
export const resolve = (template: string, values: Placeholders, where: string): string =>
  template.replace(/\{\{(?!\{)(?:\s*([\w.-]*)\s*\}\}|)/g, (found, name: string | undefined) => {
    const known = NAMES.find((candidate) => candidate === name)
    if (known !== undefined) return values[known]
    throw new Fault(
      'input',
      name === undefined ? `${where}: a {{ is not closed in ${template}` : `${where}: ${found} is no placeholder`,
      `Known are ${NAMES.map((candidate) => `{{${candidate}}}`).join(', ')}`,
    )
  })
