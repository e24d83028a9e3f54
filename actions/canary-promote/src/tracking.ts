import type { Finding } from '@sluice/kit/report'
import type { KubernetesObject, Resource } from '@sluice/kubernetes/cluster'
import { note, refusal } from './finding.ts'
import { pointersOf } from './jq-path.ts'

/**
 * An object that the release changes, and where: JSON pointers of what Git may say otherwise. `certain`: those that a tool has to be told to leave alone;
 * a field that the object did not have is not in Git, and what is not in Git is nobody's to put back. Default all but the Deployment's size.
 */
export type Changed = {
  readonly object: KubernetesObject
  readonly paths: readonly string[]
  readonly certain?: readonly string[]
}

/** What keeps an object as something else says: the object of a tool, and where it can be read. */
export type Tracker = {
  readonly kind: 'Application' | 'Kustomization' | 'HelmRelease' | 'Helm'
  readonly namespace: string
  readonly name: string
}

/** A tracker with what it tracks of the release; `found` is the tool's own object, absent where it could not be read. */
export type Tracked = {
  readonly tracker: Tracker
  readonly changed: readonly Changed[]
  readonly found?: KubernetesObject | undefined
}

/** Where a tracker is read; a Helm release is a Secret, which nobody should let us read. */
export const resourceOf = ({ kind, namespace }: Tracker): Resource | undefined =>
  kind === 'Helm' ? undefined : { ...RESOURCES[kind], namespace }

/**
 * Which tools put these objects back as Git has them, by their marks: Argo CD's tracking id, its instance label or its name among the field managers;
 * the labels of Flux's controllers; those of Helm. An object that its own annotation takes out of Flux's hands is not tracked.
 * Sources: https://argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking/, https://fluxcd.io/flux/components/kustomize/kustomizations/
 */
export const trackersOf = (changed: readonly Changed[]): readonly Tracked[] => {
  const found = new Map<string, { tracker: Tracker; changed: Changed[] }>()
  for (const each of changed) {
    const tracker = trackerOf(each.object)
    if (tracker === undefined) continue
    const key = `${tracker.kind} ${tracker.namespace}/${tracker.name}`
    const entry = found.get(key) ?? { tracker, changed: [] }
    entry.changed.push(each)
    found.set(key, entry)
  }
  return [...found.values()]
}

/**
 * What a tool that follows Git means for the release. One that writes back by itself is refused, with what to write to make it leave these fields alone;
 * so is one whose settings cannot be read, unless the plan allows it (`application/NAME`, `kustomization/NAME`, `helmrelease/NAME`).
 */
export const trackingFindings = (all: readonly Tracked[], allow: readonly string[]): readonly Finding[] =>
  all.flatMap((tracked): readonly Finding[] => {
    const { tracker } = tracked
    const id = `${tracker.kind.toLowerCase()}/${tracker.name}`
    const things = tracked.changed.map(({ object }) => `${object.kind} ${object.metadata.name}`).join(' and ')
    const who = `${TOOLS[tracker.kind]} ${tracker.name}`
    if (tracker.kind === 'Helm') {
      return [
        note(
          'tracked',
          `${things} came with ${who}: its next upgrade puts back the image of its values. Write the new one there, too`,
        ),
      ]
    }
    const writes = writesBack(tracked)
    if (writes === 'no')
      return [note('tracked', `${things} is kept by ${who}, which leaves alone what a release changes`)]
    if (writes === 'upgrade') {
      return [
        note(
          'tracked',
          `${things} came with ${who}, which does not correct drift: its next upgrade puts back the image of its values`,
        ),
      ]
    }
    const text =
      writes === 'yes'
        ? `${things} is kept by ${who}, which would undo the release while it runs, and its image after it`
        : `${things} is kept by ${who}, whose settings could not be read: it may undo the release while it runs, and its image after it`
    if (allow.includes(id)) return [note('tracked', `${text}; allowed by the plan`)]
    return [
      refusal('tracked', text, {
        where: `${tracker.kind} ${tracker.namespace}/${tracker.name}`,
        hint: `Either let it leave alone what a release changes, by this in ${tracker.kind} ${tracker.name}:\n${snippet(tracked)}\nor let Git carry the new image, and release by a commit. ${writes === 'yes' ? 'Accept it' : 'If it does not write by itself, accept it'} with \`allow: ["${id}"]\` in the plan.`,
      }),
    ]
  })

/** The pointers of what a release changes of its Deployment: the image first, then the size. */
export const deploymentPaths = (
  containers: readonly { readonly name: string }[],
  container: string,
): readonly string[] => [
  `/spec/template/spec/containers/${Math.max(
    0,
    containers.findIndex(({ name }) => name === container),
  )}/image`,
  REPLICAS,
]

const REPLICAS = '/spec/replicas'
const TOOLS = {
  Application: "Argo CD's Application",
  Kustomization: "Flux's Kustomization",
  HelmRelease: "Flux's HelmRelease",
  Helm: 'the Helm release',
} as const
const RESOURCES = {
  Application: { apiVersion: 'argoproj.io/v1alpha1', resource: 'applications' },
  Kustomization: { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', resource: 'kustomizations' },
  HelmRelease: { apiVersion: 'helm.toolkit.fluxcd.io/v2', resource: 'helmreleases' },
} as const
const FLUX = 'kustomize.toolkit.fluxcd.io'
const FLUX_HELM = 'helm.toolkit.fluxcd.io'
const ARGO = 'argocd.argoproj.io'

const trackerOf = ({ metadata }: KubernetesObject): Tracker | undefined => {
  const { labels = {}, annotations = {} } = metadata
  const id = annotations[`${ARGO}/tracking-id`]
  const managers = (metadata.managedFields ?? []) as readonly { readonly manager?: string }[]
  const byArgo = managers.some(({ manager = '' }) => manager.startsWith('argocd'))
  const app =
    id?.split(':')[0] || labels[`${ARGO}/instance`] || (byArgo ? labels['app.kubernetes.io/instance'] || 'unknown' : '')
  if (app !== '' && app !== undefined) {
    // Of an Application outside Argo CD's own namespace the id names that, too.
    const [namespace, name] = app.includes('_') ? app.split('_') : ['argocd', app]
    return { kind: 'Application', namespace: namespace ?? '', name: name ?? '' }
  }
  const kustomization = labels[`${FLUX}/name`]
  if (kustomization !== undefined) {
    const off =
      annotations[`${FLUX}/reconcile`] === 'disabled' ||
      /^(IfNotPresent|Ignore)$/i.test(annotations[`${FLUX}/ssa`] ?? '')
    return off
      ? undefined
      : { kind: 'Kustomization', namespace: labels[`${FLUX}/namespace`] ?? '', name: kustomization }
  }
  const helm = labels[`${FLUX_HELM}/name`]
  if (helm !== undefined) return { kind: 'HelmRelease', namespace: labels[`${FLUX_HELM}/namespace`] ?? '', name: helm }
  const release = annotations['meta.helm.sh/release-name']
  const managed = labels['app.kubernetes.io/managed-by'] === 'Helm'
  return release !== undefined || managed
    ? { kind: 'Helm', namespace: annotations['meta.helm.sh/release-namespace'] ?? '', name: release ?? '(unnamed)' }
    : undefined
}

/** One rule of Argo CD: of which objects, and what of them. */
type Difference = {
  readonly group?: string
  readonly kind?: string
  readonly name?: string
  readonly namespace?: string
  readonly jsonPointers?: readonly string[]
  readonly jqPathExpressions?: readonly string[]
}
/** One rule of Flux. */
type Ignore = { readonly target?: Readonly<Record<string, string>> | null; readonly paths?: readonly string[] }
type ToolSpec = {
  readonly suspend?: boolean
  readonly syncPolicy?: {
    readonly automated?: { readonly enabled?: boolean } | null
    readonly syncOptions?: readonly string[]
  }
  readonly ignoreDifferences?: readonly Difference[]
  readonly ignore?: readonly Ignore[]
  readonly driftDetection?: { readonly mode?: string; readonly ignore?: readonly Ignore[] }
}

/** `upgrade`: not by itself, but with the next version of the chart. */
const writesBack = ({ tracker, changed, found }: Tracked): 'yes' | 'no' | 'upgrade' | 'unknown' => {
  if (found === undefined) return 'unknown'
  const spec = (found.spec ?? {}) as ToolSpec
  if (tracker.kind === 'Application') {
    const { automated, syncOptions = [] } = spec.syncPolicy ?? {}
    const respected =
      syncOptions.includes('RespectIgnoreDifferences=true') && isLeftAlone(changed, spec.ignoreDifferences, byArgo)
    const automatic = automated !== undefined && automated !== null && automated.enabled !== false
    return automatic && !respected && found.metadata.annotations?.[`${ARGO}/skip-reconcile`] !== 'true' ? 'yes' : 'no'
  }
  if (spec.suspend === true) return 'no'
  if (tracker.kind === 'Kustomization') return isLeftAlone(changed, spec.ignore, byFlux) ? 'no' : 'yes'
  if (spec.driftDetection?.mode !== 'enabled') return 'upgrade'
  return isLeftAlone(changed, spec.driftDetection.ignore, byFlux) ? 'upgrade' : 'yes'
}

/** Whether the rules name every path but the size, which many do not keep in Git. */
const isLeftAlone = <Rule>(
  changed: readonly Changed[],
  rules: readonly Rule[] = [],
  namedBy: (rule: Rule, object: KubernetesObject) => readonly string[],
): boolean =>
  changed.every(({ object, paths, certain = paths.filter((path) => path !== REPLICAS) }) => {
    const named = rules.flatMap((rule) => namedBy(rule, object))
    return certain.every((path) => named.some((pointer) => path === pointer || path.startsWith(`${pointer}/`)))
  })

/**
 * What a rule of Argo CD names in this object. Group and kind may be patterns, of which only `*` is known here, and no group is the core group; name and
 * namespace are to the letter. Source: util/argo/normalizers/diff_normalizer.go of Argo CD.
 */
const byArgo = (rule: Difference, object: KubernetesObject): readonly string[] => {
  const { group = '', kind = '', name = '', namespace = '', jsonPointers = [], jqPathExpressions = [] } = rule
  const picked =
    (group === '*' || group === groupOf(object)) &&
    (kind === '*' || kind === object.kind) &&
    (name === '' || name === object.metadata.name) &&
    (namespace === '' || namespace === object.metadata.namespace)
  // The whole document cannot be taken out of a comparison.
  const pointers = jsonPointers.filter((pointer) => pointer !== '')
  return picked ? [...pointers, ...jqPathExpressions.flatMap((expression) => pointersOf(object, expression))] : []
}

/**
 * What a rule of Flux names in this object: each field of its target is a pattern of the whole value, and empty is any. A target that selects by more
 * than these fields is taken to pick nothing. Source: ssa/jsondiff/selector.go of github.com/fluxcd/pkg.
 */
const byFlux = ({ target, paths = [] }: Ignore, object: KubernetesObject): readonly string[] => {
  const { name, namespace = '' } = object.metadata
  const version = object.apiVersion.split('/').at(-1) ?? ''
  const known: Readonly<Record<string, string>> = {
    group: groupOf(object),
    version,
    kind: object.kind,
    name,
    namespace,
  }
  const picked = Object.entries(target ?? {}).every(
    ([key, pattern]) => pattern === '' || (Object.hasOwn(known, key) && isAll(known[key] ?? '', pattern)),
  )
  return picked ? paths : []
}

/** A pattern that cannot be read here matches nothing. */
const isAll = (value: string, pattern: string): boolean => {
  try {
    return new RegExp(`^(?:${pattern})$`).test(value)
  } catch {
    return false
  }
}

const groupOf = ({ apiVersion }: KubernetesObject): string =>
  apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : ''

const snippet = ({ tracker, changed }: Tracked): string => {
  const lines = changed.flatMap(({ object, paths }) => {
    const group = groupOf(object) || '""'
    const listed = `[${paths.map((path) => JSON.stringify(path)).join(', ')}]`
    return tracker.kind === 'Application'
      ? [`    - { group: ${group}, kind: ${object.kind}, name: ${object.metadata.name}, jsonPointers: ${listed} }`]
      : [`    - { target: { kind: ${object.kind}, name: ${object.metadata.name} }, paths: ${listed} }`]
  })
  if (tracker.kind === 'Application')
    return [
      'spec:',
      '  ignoreDifferences:',
      ...lines,
      '  syncPolicy:',
      '    syncOptions: [RespectIgnoreDifferences=true]',
    ].join('\n')
  if (tracker.kind === 'Kustomization') return ['spec:', '  ignore:', ...lines].join('\n')
  return ['spec:', '  driftDetection:', '    ignore:', ...lines.map((line) => `  ${line}`)].join('\n')
}
