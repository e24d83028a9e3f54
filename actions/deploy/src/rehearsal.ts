import { describe, Fault } from '@sluice/kit/faults'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { FIELD_MANAGER, isOnlyOurs, othersIn } from './conflict.ts'
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
  { cluster }: Pick<Ports, 'cluster'>,
): Promise<readonly Planned[]> => {
  const born = new Set(manifests.flatMap(({ object }) => (object.kind === 'Namespace' ? [object.metadata.name] : [])))
  const planned: Planned[] = []
  const problems: string[] = []
  let kind: 'input' | 'upstream' = 'upstream'
  const missing = new Set<string>()
  for (const manifest of [...manifests].sort((a, b) => rankOf(a.object.kind) - rankOf(b.object.kind))) {
    const target = targetOf(manifest.object, namespace)
    const where = `${manifest.file}:${manifest.line}`
    if (target.namespace !== undefined && missing.has(target.namespace)) continue
    try {
      const result = await tryOne(manifest, target, born, cluster)
      if ('planned' in result) planned.push(result.planned)
      else {
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

type Tried = { readonly planned: Planned } | { readonly problem: string; readonly absentNamespace?: string }

const tryOne = async (
  manifest: Manifest,
  target: Target,
  born: ReadonlySet<string>,
  cluster: Ports['cluster'],
): Promise<Tried> => {
  const before = await cluster.get<KubernetesObject>(target, target.name)
  const planned = (force: boolean): Tried => ({
    planned: { manifest, target, force, ...(before === undefined ? {} : { before }) },
  })
  if (before === undefined && target.namespace !== undefined && born.has(target.namespace)) return planned(false)
  const object = placed(manifest, target)
  const options = { fieldManager: FIELD_MANAGER, dryRun: true }
  const first = await cluster.apply(target, object, options)
  if (first.kind === 'written') return planned(false)
  if (first.kind === 'absent') return absent(target, cluster)
  if (!isOnlyOurs(first.text)) return { problem: conflict(target, first.text) }
  const second = await cluster.apply(target, object, { ...options, force: true })
  return second.kind === 'written' ? planned(true) : { problem: conflict(target, 'text' in second ? second.text : '') }
}

/** The object under the namespace where it goes. */
export const placed = ({ object }: Manifest, { namespace }: Target): KubernetesObject =>
  namespace === undefined ? object : { ...object, metadata: { ...object.metadata, namespace } }

const absent = async (target: Target, cluster: Ports['cluster']): Promise<Tried> => {
  const { namespace, kind, apiVersion, name } = target
  if (namespace !== undefined && !(await namespaceExists(namespace, cluster))) {
    const cure = 'create it first, name another one with the input namespace, or add it to the manifests'
    return { problem: `namespace ${namespace} does not exist: ${cure}`, absentNamespace: namespace }
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
