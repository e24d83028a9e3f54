import { at, records, type Sender } from './past.ts'

/** The Services on both sides of a split, by name, in one namespace. */
export type IstioSides = { readonly stable: string; readonly canary: string; readonly namespace: string }

/**
 * Whether a host of a VirtualService or DestinationRule is this Service. A name without a dot is looked up in the namespace of the object that says it,
 * not of the Service; `name.namespace` and `name.namespace.svc` count too, and any cluster domain.
 * @param home the namespace of the object. Source: Destination.host of the Istio reference
 */
export const isHost = (host: string, service: string, namespace: string, home: string): boolean => {
  const [name = '', place, svc] = host.split('.')
  if (name !== service) return false
  if (place === undefined) return home === namespace
  return place === namespace && (svc === undefined || svc === 'svc')
}

/** The same host with another Service's name, in the form that it was written in. */
export const renamed = (host: string, service: string): string => [service, ...host.split('.').slice(1)].join('.')

/** VirtualServices as other routers see them: objects that may reach the stable Service past what is split. */
export const meshSender: Sender = {
  kind: 'VirtualService',
  resource: { apiVersion: 'networking.istio.io/v1', resource: 'virtualservices' },
  services: ({ spec }) =>
    ['http', 'tcp', 'tls'].flatMap((protocol) =>
      records(at(spec, protocol)).flatMap((each) =>
        records(each.route).map(({ destination }) => {
          const [name = '', namespace] = String(at(destination, 'host')).split('.')
          return { name, namespace }
        }),
      ),
    ),
}
