import { createHash } from 'node:crypto'
import { type Labels, picks, type Selector } from './objects.ts'
import { type ChangedLabel, TRACK } from './template.ts'

/** An object whose selectors may pick the Deployment's pods: which, and by what. */
export type Policy = {
  readonly kind: string
  /** Absent: the Deployment's own. */
  readonly namespace?: string
  readonly name: string
  readonly selectors: readonly Selector[]
}

/** Who may change what: the Deployment's own selector, the Service's, the pods' labels, and the policies of the namespace. */
export type LabelQuestion = {
  readonly split: 'weights' | 'replicas'
  readonly deployment: Selector
  /** Absent: the Service is not known, or there is none. */
  readonly service: Labels | undefined
  readonly pods: Labels
  readonly policies: readonly Policy[]
  /** Services beside the one behind the route that may not pick canary pods. */
  readonly services?: readonly Policy[]
  /** Kinds whose different match weighs more than any number of others. */
  readonly guards?: readonly string[]
}

/** The one label that the canary's pods carry another value of, or why no label will do. */
export type LabelChoice =
  | { readonly kind: 'chosen'; readonly label: ChangedLabel | undefined; readonly changes: readonly Policy[] }
  | { readonly kind: 'none'; readonly text: string; readonly next: string }

/**
 * Which one label canary pods carry with another value. Behind a router: one that both the Deployment's and the Service's selector use, so that
 * neither picks canary pods; without a router: one that only the Deployment's selector uses, so that the Service still picks them, or none when
 * the two selectors are the same. Of several the one that leaves the fewest other Services picking canary pods, then the one whose change touches the fewest
 * guards, then the fewest policies, then the first of the Deployment's selector.
 * `changes` lists the policies that pick canary pods differently. Altering every selector label instead would take the pods out of more of them.
 */
export const chooseLabel = ({
  split,
  deployment,
  service,
  pods,
  policies,
  services = [],
  guards = [],
}: LabelQuestion): LabelChoice => {
  const own = Object.keys(deployment.matchLabels ?? {})
  if (own.length === 0) {
    return {
      kind: 'none',
      text: 'the Deployment selects its pods without matchLabels, so no single label tells canary pods apart',
      next: 'Give the Deployment a selector with matchLabels (it cannot be changed in place: it must be created anew).',
    }
  }
  const candidates = own.filter((key) => (split === 'weights' ? key in (service ?? {}) : !(key in (service ?? {}))))
  if (candidates.length === 0 && split === 'replicas') return { kind: 'chosen', label: undefined, changes: [] }
  if (candidates.length === 0) {
    return {
      kind: 'none',
      text: `the Deployment's selector (${own.join(', ')}) and the Service's (${Object.keys(service ?? {}).join(', ')}) share no label`,
      next: 'Add one label of the Deployment to the selector of the Service, so that the Service can leave canary pods out.',
    }
  }
  const guarded = (changes: readonly Policy[]): number => changes.filter(({ kind }) => guards.includes(kind)).length
  const ranked = candidates
    .map((key) => {
      const stable = pods[key] ?? ''
      const label: ChangedLabel = { key, stable, canary: shortened(`${stable}-canary`) }
      return {
        label,
        picking: services.filter(({ selectors }) => selectors.some((each) => picks(each, canaryLabels(pods, label)))),
        changes: changedPolicies(policies, pods, label),
      }
    })
    .sort(
      (a, b) =>
        a.picking.length - b.picking.length ||
        guarded(a.changes) - guarded(b.changes) ||
        a.changes.length - b.changes.length,
    )
  const [best] = ranked
  return { kind: 'chosen', label: best?.label, changes: best?.changes ?? [] }
}

/** At most 63 characters, as a label value, a Service's or a Deployment's name must be; what is cut is told apart by a hash. */
export const shortened = (name: string): string => {
  if (name.length <= LONGEST) return name
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8)
  return `${name.slice(0, LONGEST - hash.length - 1).replace(/[^a-z0-9A-Z]+$/, '')}-${hash}`
}

const LONGEST = 63

const canaryLabels = (pods: Labels, { key, canary }: ChangedLabel): Labels => ({ ...pods, [key]: canary, ...TRACK })

const changedPolicies = (policies: readonly Policy[], pods: Labels, label: ChangedLabel): readonly Policy[] =>
  differing(policies, pods, canaryLabels(pods, label))

/** The policies that pick pods with one set of labels and not those with the other. */
export const differing = (policies: readonly Policy[], pods: Labels, after: Labels): readonly Policy[] =>
  policies.filter(({ selectors }) => selectors.some((each) => picks(each, pods) !== picks(each, after)))
