import { Fault } from '@sluice/kit/faults'
import type { Cluster } from '@sluice/kubernetes/cluster'
import { alb } from '@sluice/traffic/alb'
import { gatewayApi } from '@sluice/traffic/gateway-api'
import { istio } from '@sluice/traffic/istio'
import { nginx } from '@sluice/traffic/nginx'
import { replicas } from '@sluice/traffic/replicas'
import type { Router } from '@sluice/traffic/router'
import { traefik } from '@sluice/traffic/traefik'
import type { Settings } from '../plan.ts'

/**
 * The splitter that a release was set up with. `owner`: `runId/attempt`, on what it makes; `owned` says whether an epoch still is the record's.
 * A Rollout is driven whole, by ports of its own: it has no splitter here.
 */
export const routerFor = (
  { cluster, namespace, owner }: { readonly cluster: Cluster; readonly namespace: string; readonly owner?: string },
  { setup, router, route, rule, tester, weights, mirrors }: Settings,
  owned: (epoch: number) => Promise<boolean>,
): Router => {
  const { deployment, service, canary, label } = setup
  if (service === null) throw new Fault('input', `no Service stands before Deployment ${deployment}`)
  const release = `${namespace}/${deployment}`
  if (setup.fresh !== undefined && router !== 'gateway-api')
    throw new Fault('input', `router ${router} gives a fresh baseline no share of its own`)
  const between = { namespace, service, canaryService: setup.canaryService ?? undefined, route, release, owned }
  switch (router) {
    case 'replicas':
      return replicas(cluster, { namespace, deployment, service, canary, weights, owned })
    case 'gateway-api':
      return gatewayApi(cluster, { ...between, baselineService: setup.fresh?.service, rule, tester, mirrors })
    case 'istio':
      return istio(cluster, { ...between, rule, tester, mirrors, label, owner })
    case 'nginx':
      return nginx(cluster, { ...between, rule, tester, mirrors, owner })
    case 'traefik':
      return traefik(cluster, { ...between, tester, owner })
    case 'alb':
      return alb(cluster, between)
    case 'argo-rollouts':
      throw new Fault('input', `router ${router} splits nothing beside Deployment ${deployment}`)
  }
}
