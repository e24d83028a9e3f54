import { stringify } from 'yaml'

/** A kubeconfig with one context, as YAML text. */
export const kubeconfigText = (cluster: { server: string; token: string; namespace: string }): string =>
  stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'sandbox',
    clusters: [{ name: 'sandbox', cluster: { server: cluster.server } }],
    users: [{ name: 'sandbox', user: { token: cluster.token } }],
    contexts: [{ name: 'sandbox', context: { cluster: 'sandbox', user: 'sandbox', namespace: cluster.namespace } }],
  })
