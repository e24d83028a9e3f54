import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import type { Container, PodTemplate } from './objects.ts'

/** Amounts by resource (`cpu` in cores, `memory` in bytes, others as they count). */
export type Amounts = Readonly<Record<string, number>>
/** What one container or pod asks for and is held to. */
export type Asked = { readonly requests: Amounts; readonly limits: Amounts }

/** One entry of a LimitRange, quantities as they are written. https://kubernetes.io/docs/concepts/policy/limit-range/ */
export type LimitItem = {
  readonly type?: string
  readonly min?: Quantities
  readonly max?: Quantities
  readonly default?: Quantities
  readonly defaultRequest?: Quantities
  readonly maxLimitRequestRatio?: Quantities
}
type Quantities = Readonly<Record<string, string | number>>

const FACTORS: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

/** `250m`, `1.5Gi`, `2e3` as a number; NaN for what is none. https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/ */
export const amountOf = (quantity: string | number): number => {
  if (typeof quantity === 'number') return quantity
  const [, digits = '', suffix = ''] = /^([+-]?[\d.]+(?:[eE][+-]?\d+)?)([A-Za-z]*)$/.exec(quantity.trim()) ?? []
  // Sums of fractions of a core must compare as they are written.
  return digits === '' ? Number.NaN : exact(Number(digits) * (suffix === '' ? 1 : (FACTORS[suffix] ?? Number.NaN)))
}

/** An amount as people write it: `250m` of cpu, `1.5Gi` of memory. */
export const shownAmount = (resource: string, amount: number): string => {
  if (/(^|\.)cpu$/.test(resource)) return Number.isInteger(amount) ? `${amount}` : `${Math.round(amount * 1000)}m`
  if (!/memory$|storage$|hugepages-/.test(resource)) return `${amount}`
  const unit = ['Gi', 'Mi', 'Ki'].find(
    (each) => amount >= (FACTORS[each] ?? 1) && amount % ((FACTORS[each] ?? 1) / 4) === 0,
  )
  return unit === undefined ? `${amount}` : `${amount / (FACTORS[unit] ?? 1)}${unit}`
}

/** The entries of all LimitRanges of a namespace, each with the name of its object. */
export const limitItems = (
  ranges: readonly KubernetesObject[],
): readonly { readonly of: string; readonly item: LimitItem }[] =>
  ranges.flatMap(({ metadata, spec }) =>
    ((spec as { limits?: readonly LimitItem[] } | undefined)?.limits ?? []).map((item) => ({
      of: metadata.name,
      item,
    })),
  )

/** What each container asks for once the API server's defaults are in: a limit without a request asks for as much, then the LimitRanges' own. */
export const askedByContainers = (
  template: PodTemplate,
  ranges: readonly KubernetesObject[],
): readonly ({ readonly name: string; readonly kind: 'main' | 'init' | 'sidecar' } & Asked)[] => {
  const { containers, initContainers = [] } = template.spec as {
    containers: readonly Container[]
    initContainers?: readonly Container[]
  }
  const items = limitItems(ranges).flatMap(({ item }) => (item.type === 'Container' ? [item] : []))
  const asked = (container: Container): Asked => {
    const own = (container.resources ?? {}) as { requests?: Quantities; limits?: Quantities }
    const defaults = Object.assign({}, ...items.map((item) => amounts(item.default)).reverse()) as Amounts
    const requestDefaults = Object.assign({}, ...items.map((item) => amounts(item.defaultRequest)).reverse()) as Amounts
    const limits = amounts(own.limits)
    return { limits: { ...defaults, ...limits }, requests: { ...requestDefaults, ...limits, ...amounts(own.requests) } }
  }
  return [
    ...containers.map((each) => ({ name: each.name, kind: 'main' as const, ...asked(each) })),
    ...initContainers.map((each) => ({
      name: each.name,
      kind: each.restartPolicy === 'Always' ? ('sidecar' as const) : ('init' as const),
      ...asked(each),
    })),
  ]
}

/** What a whole pod comes to: its containers and sidecars together, or an init container with the sidecars before it when that is more. */
export const askedByPod = (template: PodTemplate, ranges: readonly KubernetesObject[]): Asked => {
  const containers = askedByContainers(template, ranges)
  const whole = (of: 'requests' | 'limits'): Amounts => {
    let [sum, sidecars, most]: Amounts[] = [{}, {}, {}]
    for (const each of containers) if (each.kind === 'main') sum = plus(sum ?? {}, each[of])
    for (const each of containers) {
      if (each.kind === 'main') continue
      const beside = plus(sidecars ?? {}, each[of])
      if (each.kind === 'sidecar') {
        sum = plus(sum ?? {}, each[of])
        sidecars = beside
      }
      most = larger(most ?? {}, beside)
    }
    const pod = (template.spec.resources ?? {}) as { requests?: Quantities; limits?: Quantities }
    const own = {
      ...larger(sum ?? {}, most ?? {}),
      ...amounts(of === 'limits' ? pod.limits : { ...pod.limits, ...pod.requests }),
    }
    const overhead = amounts(template.spec.overhead as Quantities | undefined)
    return of === 'requests' ? plus(own, overhead) : plus(own, onlyOf(overhead, own))
  }
  return { requests: whole('requests'), limits: whole('limits') }
}

/** Quantities as amounts. */
export const amounts = (quantities: Quantities = {}): Amounts =>
  Object.fromEntries(Object.entries(quantities).map(([key, value]) => [key, amountOf(value)]))

/** Without the noise of binary fractions below a billionth. */
export const exact = (amount: number): number => Math.round(amount * 1e9) / 1e9

const plus = (a: Amounts, b: Amounts): Amounts => merged(a, b, (x, y) => exact(x + y))
const larger = (a: Amounts, b: Amounts): Amounts => merged(a, b, Math.max)
const merged = (a: Amounts, b: Amounts, join: (x: number, y: number) => number): Amounts =>
  Object.fromEntries(
    [...new Set([...Object.keys(a), ...Object.keys(b)])].map((key) => [key, join(a[key] ?? 0, b[key] ?? 0)]),
  )
const onlyOf = (some: Amounts, known: Amounts): Amounts =>
  Object.fromEntries(Object.entries(some).filter(([key]) => key in known))
