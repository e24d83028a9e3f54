import { Fault } from '@sluice/kit/faults'
import type { Sample } from './prometheus-text.ts'

/** Label → regular expression that must match the whole value; an absent label is the empty text. */
export type Match = { readonly [label: string]: string }

/** What a metric is read from. Keys that only the judge needs (margin, max) may be there too. `threshold` in ms. */
export type MetricSpec =
  | {
      readonly kind: 'ratio'
      readonly name: string
      /** The counter's name; absent: what the presets find. */
      readonly counter?: string | undefined
      /** Which of its series are failures; absent: status 5xx. */
      readonly bad?: Match | undefined
      readonly only?: Match | undefined
    }
  | {
      readonly kind: 'latency'
      readonly name: string
      readonly threshold: number
      readonly histogram?: string | undefined
      readonly only?: Match | undefined
    }
  | { readonly kind: 'gauge'; readonly name: string; readonly series: string; readonly only?: Match | undefined }

/** Whether a sample belongs to a metric. */
export type Selects = (sample: Sample) => boolean

/** A predicate over labels. @throws Fault('input') for an expression that is none, with the metric's name and the label */
export const selector = (match: Match | undefined, metric: string): Selects => {
  const parts = Object.entries(match ?? {}).map(([label, pattern]) => {
    try {
      return { label, expression: new RegExp(`^(?:${pattern})$`) }
    } catch {
      throw new Fault('input', `metric ${metric}: "${pattern}" for label ${label} is not a regular expression`)
    }
  })
  return ({ labels }) => parts.every(({ label, expression }) => expression.test(labels[label] ?? ''))
}

/** Series that count nothing of the users': the scrape itself, the cluster's probes, and our own synthetic requests, as far as labels tell. */
export const notOurs =
  (paths: readonly string[]): Selects =>
  ({ labels }) =>
    !PATH_LABELS.some((label) => paths.includes((labels[label] ?? '').split('?')[0] ?? '')) &&
    !AGENT_LABELS.some((label) => /^sluice\b/.test(labels[label] ?? ''))

const PATH_LABELS = [
  'route',
  'path',
  'handler',
  'uri',
  'http_route',
  'url_path',
  'endpoint',
  'path_template',
  'http_target',
]
const AGENT_LABELS = ['user_agent', 'user_agent_original', 'http_user_agent']
