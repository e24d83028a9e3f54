import { Fault } from '@sluice/kit/faults'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { type Change, effectOf } from './change.ts'
import { FIELD_MANAGER } from './conflict.ts'
import type { Ports } from './ports.ts'

/** Whether a write that failed may have been done all the same: no answer came, or the server broke while it gave one. */
export const mayBeWritten = (fault: Fault): boolean => fault.kind === 'upstream' && !/\(4\d\d\)/.test(fault.message)

/**
 * What a write did whose answer was lost, read from the live object, so that it is taken back with the rest.
 * @returns undefined when it did nothing; 'unknown' when the API server still does not answer
 */
export const lostWrite = async (
  { target, before }: Pick<Change, 'target' | 'before'>,
  cluster: Ports['cluster'],
): Promise<Change | undefined | 'unknown'> => {
  try {
    const after = await cluster.get<KubernetesObject>(target, target.name)
    if (after === undefined || !isOurs(after)) return undefined
    const change = { target, after, ...(before === undefined ? {} : { before }) }
    return effectOf(change) === 'unchanged' ? undefined : change
  } catch (thrown) {
    if (thrown instanceof Fault) return 'unknown'
    throw thrown
  }
}

/** Somebody else may have written in the same moment; managedFields say who did. */
const isOurs = ({ metadata }: KubernetesObject): boolean => {
  const { managedFields } = metadata
  return (
    !Array.isArray(managedFields) ||
    managedFields.some((entry: { readonly manager?: string }) => entry.manager === FIELD_MANAGER)
  )
}
