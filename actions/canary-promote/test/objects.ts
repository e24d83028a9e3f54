import type { Deployment, PodTemplate, Service } from '../src/objects.ts'
import type { Snapshot } from '../src/obstacles.ts'

/** Objects as an API server would return them, small and whole, for tests to change. */
export const DIGEST = (digit: string): `sha256:${string}` => `sha256:${digit.repeat(64)}`

export const podTemplate = (more: Partial<PodTemplate['spec']> = {}): PodTemplate => ({
  metadata: { labels: { app: 'shop', tier: 'web' } },
  spec: {
    containers: [
      {
        name: 'web',
        image: `registry.test/shop@${DIGEST('a')}`,
        ports: [{ name: 'http', containerPort: 8080 }],
        lifecycle: { preStop: { sleep: { seconds: 1 } } },
      },
    ],
    ...more,
  },
})

export const deployment = (more: Partial<Deployment['spec']> = {}): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    name: 'shop',
    namespace: 'prod',
    uid: 'uid-shop',
    generation: 3,
    labels: { app: 'shop', 'argocd.argoproj.io/instance': 'shop', 'app.kubernetes.io/instance': 'shop' },
  },
  spec: { replicas: 3, selector: { matchLabels: { app: 'shop', tier: 'web' } }, template: podTemplate(), ...more },
  status: { observedGeneration: 3, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3 },
})

export const service = (name: string, selector: Readonly<Record<string, string>>): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'prod', uid: `uid-${name}`, annotations: { 'cloud.test/balancer': 'yes' } },
  spec: {
    type: 'LoadBalancer',
    selector,
    ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP', appProtocol: 'http' }],
  },
})

/** What is seen of a namespace with the Deployment behind one Service and nothing else. */
export const snapshot = (more: Partial<Snapshot> = {}): Snapshot => ({
  deployment: deployment(),
  services: [service('shop', { app: 'shop' })],
  policies: [],
  budgets: [],
  autoscalers: [],
  claims: [],
  taken: [],
  unread: [],
  ...more,
})
