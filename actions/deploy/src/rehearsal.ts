import { describe, Fault } from '@sluice/kit/faults'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { effectOf } from './change.ts'
import { FIELD_MANAGER, isOnlyOurs, othersIn } from './conflict.ts'
import { refuseInFlight } from './flight.ts'
import { type Manifest, titleOf } from './manifest.ts'
import type { Ports } from './ports.ts'
import { nameOf, rankOf, type Target, targetOf } from './resource.ts'

/** An object that the API server said it would take. */
export type Planned = {
  readonly manifest: Manifest
  readonly target: Target
  readonly before?: KubernetesObject
  /** The conflict is with our own earlier writes only, so it is overruled. */
  readonly force: boolean
}

/**
 * Has the API server try every object without keeping it (dry run), so that nothing is half applied when one of them is refused.
 * Objects inside a namespace that this deploy creates cannot be tried before it exists; they are read only.
 * @throws Fault with every refusal, each with its file and line
 */
export const rehearse = async (
  manifests: readonly Manifest[],
  namespace: string,
  ports: Pick<Ports, 'cluster' | 'say'>,
): Promise<readonly Planned[]> => {
  const born = new Set(manifests.flatMap(({ object }) => (object.kind === 'Namespace' ? [object.metadata.name] : [])))
  const crds = new Set(manifests.flatMap(({ object }) => definedKind(object)))
  const planned: Planned[] = []
  const problems: string[] = []
  let kind: 'input' | 'upstream' = 'upstream'
  const missing = new Set<string>()
  for (const manifest of [...manifests].sort((a, b) => rankOf(a.object.kind) - rankOf(b.object.kind))) {
    const target = targetOf(manifest.object, namespace)
    const where = `${manifest.file}:${manifest.line}`
    if (target.namespace !== undefined && missing.has(target.namespace)) continue
    try {
      const result = await tryOne(manifest, target, { born, crds }, ports.cluster)
      if ('planned' in result) {
        if (target.kind === 'Deployment' && target.namespace !== undefined && result.moves) {
          await refuseInFlight({ name: target.name, namespace: target.namespace }, ports)
        }
        planned.push(result.planned)
      } else {
        kind = 'input'
        if (result.absentNamespace !== undefined) missing.add(result.absentNamespace)
        problems.push(`${where}: ${result.problem}`)
      }
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
      if (thrown.kind === 'input') kind = 'input'
      // A server that does not answer, or does not know us, will say so for every object; what it refuses of one is collected.
      if (thrown.kind === 'upstream' && !/\((403|404|405|501)\)$/.test(thrown.message)) throw thrown
      problems.push(`${where}: ${titleOf(manifest.object)}: ${describe(thrown)}`)
    }
  }
  if (problems.length === 0) return planned
  const title = `Nothing was changed. ${problems.length === 1 ? '' : `${problems.length} problems:\n`}`
  throw new Fault(kind, `${title}${problems.join('\n')}`)
}

/** `moves`: applying it would change the object, as far as that is known. */
type Tried =
  | { readonly planned: Planned; readonly moves: boolean }
  | { readonly problem: string; readonly absentNamespace?: string }

const tryOne = async (
  manifest: Manifest,
  target: Target,
  { born, crds }: { readonly born: ReadonlySet<string>; readonly crds: ReadonlySet<string> },
  cluster: Ports['cluster'],
): Promise<Tried> => {
  const before = await cluster.get<KubernetesObject>(target, target.name)
  const planned = (force: boolean, after?: KubernetesObject): Tried => ({
    planned: { manifest, target, force, ...(before === undefined ? {} : { before }) },
    moves: before === undefined || after === undefined || effectOf({ target, before, after }) !== 'unchanged',
  })
  if (before === undefined && target.namespace !== undefined && born.has(target.namespace)) return planned(false)
  const object = placed(manifest, target)
  const options = { fieldManager: FIELD_MANAGER, dryRun: true }
  const first = await cluster.apply(target, object, options)
  if (first.kind === 'written') return planned(false, first.object)
  if (first.kind === 'absent') return absent(target, crds, cluster)
  if (!isOnlyOurs(first.text)) return { problem: conflict(target, first.text) }
  const second = await cluster.apply(target, object, { ...options, force: true })
  return second.kind === 'written'
    ? planned(true, second.object)
    : { problem: conflict(target, 'text' in second ? second.text : '') }
}

/** The object under the namespace where it goes. */
export const placed = ({ object }: Manifest, { namespace }: Target): KubernetesObject =>
  namespace === undefined ? object : { ...object, metadata: { ...object.metadata, namespace } }

const absent = async (target: Target, crds: ReadonlySet<string>, cluster: Ports['cluster']): Promise<Tried> => {
  const { namespace, kind, apiVersion, name } = target
  if (namespace !== undefined && !(await namespaceExists(namespace, cluster))) {
    const cure = 'create it first, name another one with the input namespace, or add it to the manifests'
    return { problem: `namespace ${namespace} does not exist: ${cure}`, absentNamespace: namespace }
  }
  if (crds.has(kind)) {
    const cure =
      'deploy the CustomResourceDefinition in a step before, as nothing of its kind can be tried until it is there'
    return { problem: `${kind}/${name} is of a kind that these manifests define themselves: ${cure}` }
  }
  return {
    problem: `the cluster knows no kind ${kind} of ${apiVersion} (for ${name}): check apiVersion, and that its CRD is installed`,
  }
}

const namespaceExists = async (name: string, cluster: Ports['cluster']): Promise<boolean> => {
  try {
    return (await cluster.get({ apiVersion: 'v1', resource: 'namespaces' }, name)) !== undefined
  } catch (thrown) {
    // Accounts of one namespace may not look; then it is there, since they have rights in it.
    if (thrown instanceof Fault) return true
    throw thrown
  }
}

const conflict = (target: Target, text: string): string => {
  const others = othersIn(text)
  const who = others.length === 0 ? 'another writer' : others.map((manager) => `"${manager}"`).join(' and ')
  const autoscaler = /\.spec\.replicas/.test(text)
    ? '; an autoscaler that sets replicas wants them left out of the manifest'
    : ''
  return `${nameOf(target)} has fields that belong to ${who}: ${text.replace(/\s+/g, ' ')} (take them out of the manifest, or have ${who} give them up${autoscaler})`
}

/** The kind that a CustomResourceDefinition brings. */
const definedKind = ({ kind, spec }: Manifest['object']): readonly string[] => {
  const names = (spec as { names?: { kind?: unknown } } | undefined)?.names
  return kind === 'CustomResourceDefinition' && typeof names?.kind === 'string' ? [names.kind] : []
}
