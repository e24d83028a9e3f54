import { setTimeout as pause } from 'node:timers/promises'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { startAction } from '../../cluster/action.ts'
import { accountWith, roleIn } from '../../cluster/rights.ts'
import { until } from '../../cluster/site.ts'
import { type Contestant, podsOf, shareOf } from './contestant.ts'
import { PLAN, settingsText } from './manifests.ts'
import type { Verdict } from './measured.ts'
import type { Place } from './place.ts'

type Route = KubernetesObject & {
  readonly spec: { readonly rules: readonly { readonly backendRefs: readonly { name: string; weight?: number }[] }[] }
}
type Deployment = KubernetesObject & { readonly status?: { readonly availableReplicas?: number } }

const VERDICTS: Readonly<Record<string, Verdict>> = {
  promoted: 'promoted',
  'rolled-back': 'stopped',
  inconclusive: 'stopped',
}

/** canary-promote as a process of its own, with the rights that its README lists and no others. Its pods are gone when it says its word. */
export const sluice: Contestant = {
  delay: 0,
  prepare: async (place, real) => {
    const { namespace } = place
    const roles = [roleIn('actions/canary-promote/README.md', 'sluice-canary')]
    const kubeconfig = await accountWith(real.access, namespace, { name: 'releaser', roles, seconds: 3600 })
    const live = async () =>
      (await place.get<Deployment>('apps/v1', 'deployments', 'shop'))?.status?.availableReplicas === 2
    await until(live, 60_000, 'stable whole')
    const route = () => place.get<Route>('gateway.networking.k8s.io/v1', 'httproutes', 'shop')
    const before = JSON.stringify((await route())?.spec)
    const plan = settingsText(PLAN)
    return {
      weight: async () => shareOf((await route())?.spec.rules[0]?.backendRefs ?? [], 'shop-canary'),
      release: async (image) => {
        const startedAt = Date.now()
        const running = startAction('canary-promote', { image, namespace, deployment: 'shop', kubeconfig, plan })
        let verdict: Verdict | undefined
        void running.done.then(({ outputs, log }) => {
          verdict = VERDICTS[outputs.verdict ?? ''] ?? 'none'
          if (verdict === 'none') process.stderr.write(log)
        })
        const wroteAt = await firstWrite(place, () => verdict !== undefined)
        return { startedAt, wroteAt, ended: async () => verdict, stop: () => running.kill('SIGKILL') }
      },
      left: async (lost) => {
        const live = await route()
        const twins = await Promise.all(
          (['deployments', 'services'] as const).map((resource) =>
            place.get(resource === 'services' ? 'v1' : 'apps/v1', resource, 'shop-canary'),
          ),
        )
        const lasting = [
          ...(JSON.stringify(live?.spec) === before ? [] : ['a route that is not as it was']),
          ...Object.keys(live?.metadata.annotations ?? {}).filter((key) => key.startsWith('sluice.dev/')),
          ...twins.flatMap((twin) => (twin === undefined ? [] : [`${twin.kind} shop-canary`])),
        ]
        return { passing: [...(await podsOf(place, lost)), ...lasting], lasting: [] }
      },
    }
  },
}

/** When the process first wrote: the last look that did not see its Lease or its record yet, so the clock never starts late. */
const firstWrite = async (place: Place, ended: () => boolean): Promise<number> => {
  let missed = Date.now()
  for (;;) {
    const at = Date.now()
    const seen = await Promise.all([
      place.get('coordination.k8s.io/v1', 'leases', 'sluice-shop'),
      place.get('v1', 'configmaps', 'sluice-shop'),
    ])
    if (seen.some((one) => one !== undefined) || ended()) return missed
    missed = at
    await pause(20)
  }
}
