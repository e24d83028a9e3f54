import type { Api } from './api.ts'
import { PODS, SERVICES } from './kinds.ts'
import type { Kubelet } from './kubelet.ts'
import type { Pod, Service } from './objects.ts'
import { isReady } from './replicasets.ts'

/** A pod's port behind a service's port: the real loopback port, and the pod it belongs to. */
export type Endpoint = { readonly port: number; readonly pod: string; readonly uid: string }

/** Where a Service's ready pods listen, or why there is nowhere to go. */
export type Endpoints =
  | { readonly kind: 'endpoints'; readonly endpoints: readonly Endpoint[] }
  /** The Service or its port does not exist. */
  | { readonly kind: 'invalid'; readonly text: string }

/** The ready pods behind a port (number or name) of a Service, now. A pod that is being deleted is out at once. */
export const endpointsOf = (
  api: Api,
  kubelet: Kubelet,
  at: { namespace: string; name: string },
  port: number | string,
): Endpoints => {
  const service = api.store.get<Service>(SERVICES, at.namespace, at.name)
  if (service === undefined) return { kind: 'invalid', text: `services "${at.name}" not found` }
  const declared = service.spec.ports?.find((one) => one.port === Number(port) || one.name === port)
  if (declared === undefined)
    return { kind: 'invalid', text: `no service port "${port}" found for service "${at.name}"` }
  const target = declared.targetPort ?? declared.port
  const selector = Object.entries(service.spec.selector ?? {})
  if (selector.length === 0) return { kind: 'endpoints', endpoints: [] }
  const endpoints = api.store
    .list<Pod>(PODS, at.namespace)
    .filter((pod) => pod.metadata.deletionTimestamp === undefined && isReady(pod))
    .filter((pod) => selector.every(([key, value]) => pod.metadata.labels?.[key] === value))
    .flatMap((pod): Endpoint[] => {
      const real = kubelet.port(pod, target)
      return real === undefined ? [] : [{ port: real, pod: pod.metadata.name, uid: pod.metadata.uid ?? '' }]
    })
  return { kind: 'endpoints', endpoints }
}
