import type { Finding } from '@sluice/kit/report'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'

/** What an entry of a policy or a grant points at; an absent or empty group is core, an absent kind Service. */
export type Target = { readonly group?: string; readonly kind?: string; readonly name?: string }

/** Whether an entry is about Services. */
export const isService = ({ group = '', kind = 'Service' }: Target): boolean => group === '' && kind === 'Service'

/**
 * The namespaces whose HTTPRoutes no grant lets reach the canary's Service: its share would be answered with 500. A grant admits when one of its `from`
 * is HTTPRoute of the namespace and one of its `to` is Service, by the canary's name or by none.
 * @param grants those in the Service's namespace; @param foreign the namespaces of the selected routes, without the Service's own
 * Source: ReferenceGrant of the Gateway API reference.
 */
export const grantFindings = (
  grants: readonly KubernetesObject[],
  {
    namespace,
    canary,
    foreign,
  }: { readonly namespace: string; readonly canary: string; readonly foreign: readonly string[] },
): readonly Finding[] => {
  const admits = ({ spec }: KubernetesObject, from: string): boolean => {
    const grant = (spec ?? {}) as { readonly from?: readonly From[]; readonly to?: readonly Target[] }
    return (
      (grant.from ?? []).some((each) => each.group === GROUP && each.kind === 'HTTPRoute' && each.namespace === from) &&
      (grant.to ?? []).some((to) => isService(to) && ((to.name ?? '') === '' || to.name === canary))
    )
  }
  return foreign
    .filter((from) => !grants.some((grant) => admits(grant, from)))
    .map((from) => ({
      id: 'reached-by-referencegrant',
      level: 'error',
      text: `no ReferenceGrant in ${namespace} lets routes of ${from} reach Service ${canary}`,
      hint: `Add { group: "", kind: Service, name: ${canary} } to the list \`to\` of a grant whose \`from\` has { group: ${GROUP}, kind: HTTPRoute, namespace: ${from} }`,
    }))
}

const GROUP = 'gateway.networking.k8s.io'
type From = { readonly group?: string; readonly kind?: string; readonly namespace?: string }
