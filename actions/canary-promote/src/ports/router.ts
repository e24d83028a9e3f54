import { Fault } from '@sluice/kit/faults'
import type { Cluster } from '@sluice/kubernetes/cluster'
import { gatewayApi } from '@sluice/traffic/gateway-api'
import { replicas } from '@sluice/traffic/replicas'
import type { Router } from '@sluice/traffic/router'
import type { Settings } from '../plan.ts'

/** The splitter that a release was set up with. `owned` says whether an epoch still is the record's. */
export const routerFor = (
  { cluster, namespace }: { readonly cluster: Cluster; readonly namespace: string },
  { setup, router, route, rule, weights }: Settings,
  owned: (epoch: number) => Promise<boolean>,
): Router => {
  if (setup.service === null) throw new Fault('input', `no Service stands before Deployment ${setup.deployment}`)
  if (router === 'replicas') {
    return replicas(cluster, {
      namespace,
      deployment: setup.deployment,
      service: setup.service,
      canary: setup.canary,
      weights,
      owned,
    })
  }
  const canaryService = setup.canaryService ?? undefined
  return gatewayApi(cluster, { namespace, service: setup.service, canaryService, route, rule, owned })
}
