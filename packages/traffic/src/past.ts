import type { Finding } from '@sluice/kit/report'
import type { Cluster, KubernetesObject, Resource } from '@sluice/kubernetes/cluster'
import { listEverywhere } from './objects.ts'

/** A kind of object that can send requests to a Service; `services` names those that an object of it sends to. */
export type Sender = {
  readonly kind: string
  readonly resource: Resource
  readonly services: (object: KubernetesObject) => readonly ServiceName[]
  /** What to do about one of this kind. */
  readonly hint?: string
}
/** A Service by name; absent namespace: that of the object which names it. */
export type ServiceName = { readonly name: string; readonly namespace?: string | undefined }

/**
 * Objects that reach the stable Service past what is split: their requests would stay on stable and mix other traffic into the baseline.
 * A kind that the cluster does not serve is passed over; one that may not be read is a note.
 */
export const sendersPast = async (
  cluster: Cluster,
  { namespace, service }: { readonly namespace: string; readonly service: string },
  senders: readonly Sender[],
): Promise<readonly Finding[]> => {
  const looks = senders.map(async ({ kind, resource, services, hint = THROUGH }): Promise<readonly Finding[]> => {
    const found = await listEverywhere<KubernetesObject>(cluster, resource, namespace)
    if (found.kind === 'absent') return []
    if (found.kind !== 'read')
      return [
        {
          id: 'not-looked-at',
          level: 'note',
          text: `objects of kind ${kind} may not be listed with this credential and were not looked at`,
        },
      ]
    const reaching = found.items.filter((object) =>
      services(object).some(
        (named) => named.name === service && (named.namespace ?? object.metadata.namespace) === namespace,
      ),
    )
    return reaching.map(({ metadata }) => ({
      id: `reached-by-${kind.toLowerCase()}`,
      level: 'error',
      text: `${kind} ${metadata.namespace}/${metadata.name} also reaches Service ${service}`,
      hint: `What comes this way would stay on stable and mix other traffic into the baseline; ${hint}`,
    }))
  })
  return (await Promise.all(looks)).flat()
}

const THROUGH = 'send it through what is split'

/** What an Ingress sends to, its default backend too; a backend whose port is `except` (a controller's own word for something else) is none. */
export const ingressSender = (except?: string): Sender => ({
  kind: 'Ingress',
  resource: { apiVersion: 'networking.k8s.io/v1', resource: 'ingresses' },
  services: (object) =>
    ingressBackends(object).flatMap(({ name, port }) => (port === except && except !== undefined ? [] : [{ name }])),
})

/** HTTPRoutes and GRPCRoutes of the Gateway API. Source: BackendObjectReference of its reference. */
export const gatewaySenders: readonly Sender[] = ['HTTPRoute', 'GRPCRoute'].map((kind) => ({
  kind,
  resource: { apiVersion: 'gateway.networking.k8s.io/v1', resource: `${kind.toLowerCase()}s` },
  services: (object) =>
    records(at(object.spec, 'rules')).flatMap((rule) =>
      records(at(rule, 'backendRefs')).flatMap(({ kind: named = 'Service', name, namespace }) =>
        named === 'Service' ? [{ name: String(name), namespace: textOf(namespace) }] : [],
      ),
    ),
}))

/** The Services that an Ingress names, each with its port's name where it has one. Source: IngressBackend of networking.k8s.io/v1. */
export const ingressBackends = (
  object: KubernetesObject,
): readonly { readonly name: string; readonly port: string | undefined }[] => {
  const paths = records(at(object.spec, 'rules')).flatMap((rule) => records(at(at(rule, 'http'), 'paths')))
  return [at(object.spec, 'defaultBackend'), ...paths.map(({ backend }) => backend)].flatMap((backend) => {
    const name = textOf(at(at(backend, 'service'), 'name'))
    return name === undefined ? [] : [{ name, port: textOf(at(at(at(backend, 'service'), 'port'), 'name')) }]
  })
}

/** A field of a value of unknown shape; `undefined` when it has none. */
export const at = (value: unknown, field: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[field] : undefined

/** The objects of a list of unknown shape. */
export const records = (value: unknown): readonly Readonly<Record<string, unknown>>[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'object' && item !== null) : []

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
