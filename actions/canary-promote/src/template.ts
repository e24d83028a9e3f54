import { createHash } from 'node:crypto'
import type { Image, Json, Template } from '@sluice/release/record'
import { type Container, type Labels, type PodTemplate, picks, type Selector } from './objects.ts'

/**
 * The one label whose value tells canary pods (`canary`) from stable ones; of a fresh baseline `canary` is the value that its own pods carry. `undefined`: no
 * label changes, only the track is added.
 */
export type ChangedLabel = { readonly key: string; readonly stable: string; readonly canary: string }

/** Added to every canary pod; nothing of the user's selects it. */
export const TRACK: Labels = { 'sluice.dev/track': 'canary' }
/** The same on the pods of a fresh baseline. */
export const BASELINE_TRACK: Labels = { 'sluice.dev/track': 'baseline' }

/**
 * A pod template in canonical form: what the API server returned without fields that carry no meaning, keys sorted. Its hash covers every
 * other field, and of an image only the digest where it has one, so that what is promoted is what was analysed. The image is the named container's.
 */
export const canonical = (template: PodTemplate, container: string): Template => {
  const known = meaningful(template)
  return { hash: hashOf(sorted(byDigest(known))), image: imageIn(template, container), body: sorted(known) }
}

/** The same template with another image in one container. */
export const withImage = (template: PodTemplate, container: string, image: Image): PodTemplate => {
  const name = `${image.repository}@${image.digest}`
  return {
    ...template,
    spec: {
      ...template.spec,
      containers: template.spec.containers.map((each) => (each.name === container ? { ...each, image: name } : each)),
    },
  }
}

/** The template as canary pods carry it: one label changed, the track added, and selectors of the template on itself following the change. */
export const canaryForm = (
  template: PodTemplate,
  label: ChangedLabel | undefined,
  track: Labels = TRACK,
): PodTemplate => ({
  ...(label === undefined ? template : relabelled(template, label.key, label.stable, label.canary)),
  metadata: {
    ...template.metadata,
    labels: { ...template.metadata?.labels, ...track, ...(label === undefined ? {} : { [label.key]: label.canary }) },
  },
})

/** The inverse of `canaryForm`: the template as stable would carry it. What the hash of a live canary is taken from. */
export const stableForm = (template: PodTemplate, label: ChangedLabel | undefined): PodTemplate => {
  const back = label === undefined ? template : relabelled(template, label.key, label.canary, label.stable)
  const labels = Object.entries(template.metadata?.labels ?? {}).filter(([key]) => !(key in TRACK))
  return {
    ...back,
    metadata: {
      ...template.metadata,
      labels: { ...Object.fromEntries(labels), ...(label === undefined ? {} : { [label.key]: label.stable }) },
    },
  }
}

/** The image that a container names; a name without a digest gives an empty one. */
export const imageIn = (template: PodTemplate, container: string): Image =>
  imageOf(template.spec.containers.find(({ name }) => name === container)?.image ?? '')

/** `registry/name:tag@sha256:…` apart; what has no digest has the digest `sha256:` and no more. */
export const imageOf = (reference: string): Image => {
  const [name = '', digest = 'sha256:'] = reference.split('@')
  const slash = name.lastIndexOf('/')
  const colon = name.indexOf(':', slash + 1)
  return { repository: colon < 0 ? name : name.slice(0, colon), digest: digest as Image['digest'] }
}

/** Which container gets the image: the one named, the only one, or the only one that runs the same repository; else what is wrong. */
export const containerFor = (
  containers: readonly Container[],
  named: string,
  image: Image | undefined,
): { readonly name: string } | { readonly problem: string } => {
  const names = containers.map(({ name }) => name)
  if (named !== '') {
    if (names.includes(named)) return { name: named }
    return { problem: `container "${named}" is not in the pod template; it has ${names.join(', ')}` }
  }
  const [first, ...more] = containers
  if (first !== undefined && more.length === 0) return { name: first.name }
  const same = containers.filter(
    (each) => image !== undefined && imageOf(each.image ?? '').repository === image.repository,
  )
  const [only, ...others] = same
  if (only !== undefined && others.length === 0) return { name: only.name }
  return {
    problem: `which container gets the image? The pod template has ${names.join(', ')}; name one in \`container\``,
  }
}

/** Images by digest alone: an admission webhook may have another registry serve the same bytes. */
const byDigest = (template: PodTemplate): PodTemplate => {
  const plain = (containers: readonly Container[]) =>
    containers.map((each) => {
      const digest = each.image?.split('@')[1]
      return digest === undefined ? each : { ...each, image: digest }
    })
  const { containers, initContainers } = template.spec
  return {
    ...template,
    spec: {
      ...template.spec,
      containers: plain(containers),
      ...(Array.isArray(initContainers) ? { initContainers: plain(initContainers) } : {}),
    },
  }
}

const hashOf = (body: Json): string => createHash('sha256').update(JSON.stringify(body)).digest('hex').slice(0, 32)

/** `creationTimestamp: null` is how Go prints an empty time, and empty maps how it prints none: neither is the user's. */
const meaningful = (template: PodTemplate): PodTemplate => {
  const { creationTimestamp: _, ...metadata } = (template.metadata ?? {}) as Record<string, unknown>
  const kept = Object.entries(metadata).filter(([, value]) => !isEmpty(value))
  return { ...template, metadata: Object.fromEntries(kept) }
}

const isEmpty = (value: unknown): boolean =>
  value === null || (typeof value === 'object' && value !== null && Object.keys(value).length === 0)

const sorted = (value: unknown): Json => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, sorted(inner)]))
  }
  return (value ?? null) as Json
}

/** Affinity and spread rules of a template that select its own pods by the changed label select the relabelled ones; those that select others stay. */
const relabelled = (template: PodTemplate, key: string, from: string, to: string): PodTemplate => {
  // The track is on one side only: what a selector says of it must not keep the way back from being that of the way there.
  const own = Object.fromEntries(Object.entries(template.metadata?.labels ?? {}).filter(([name]) => !(name in TRACK)))
  const swapped = (value: string): string => (value === from ? to : value)
  const follow = (selector: Selector): Selector => {
    const { matchLabels, matchExpressions } = selector
    if (!picks(selector, own)) return selector
    return {
      ...selector,
      ...(matchLabels?.[key] === from ? { matchLabels: { ...matchLabels, [key]: to } } : {}),
      ...(matchExpressions === undefined
        ? {}
        : {
            matchExpressions: matchExpressions.map((each) =>
              each.key === key && each.values !== undefined ? { ...each, values: each.values.map(swapped) } : each,
            ),
          }),
    }
  }
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [
        name,
        name === 'labelSelector' && typeof inner === 'object' && inner !== null ? follow(inner) : walk(inner),
      ]),
    )
  }
  const { affinity, topologySpreadConstraints } = template.spec
  return {
    ...template,
    spec: {
      ...template.spec,
      ...(affinity === undefined ? {} : { affinity: walk(affinity) }),
      ...(topologySpreadConstraints === undefined
        ? {}
        : { topologySpreadConstraints: walk(topologySpreadConstraints) }),
    },
  }
}
