import type { Api } from './api.ts'
import { PODS, QUOTAS } from './kinds.ts'
import { isFields, type Pod, same } from './objects.ts'
import type { Store } from './store.ts'

/** Pods that count against a quota: those that have not finished, the ones being deleted among them. */
const countPods = (store: Store, namespace: string | undefined): number =>
  store.list<Pod>(PODS, namespace).filter((pod) => pod.status?.phase !== 'Failed' && pod.status?.phase !== 'Succeeded')
    .length

/** What one more pod in a namespace would be refused for, in the API server's words; undefined when it may be made. */
export const overQuota = (store: Store, namespace: string | undefined): string | undefined => {
  const used = countPods(store, namespace)
  for (const quota of store.list(QUOTAS, namespace)) {
    const hard = hardOf(quota.spec)
    const limit = hard.pods ?? hard['count/pods']
    if (limit !== undefined && used + 1 > Number(limit)) {
      return `exceeded quota: ${quota.metadata.name}, requested: pods=1, used: pods=${used}, limited: pods=${limit}`
    }
  }
  return undefined
}

/** Writes what each quota of a namespace limits and how much of its pods is used. */
export const syncQuotas = (api: Api, namespace: string | undefined): void => {
  const pods = String(countPods(api.store, namespace))
  for (const quota of api.store.list(QUOTAS, namespace)) {
    const hard = hardOf(quota.spec)
    const used = Object.fromEntries(['pods', 'count/pods'].filter((name) => name in hard).map((name) => [name, pods]))
    const status = { hard, used }
    if (!same(quota.status, status)) {
      api.update(QUOTAS, { ...quota, status }, { manager: 'kube-controller-manager', subresource: 'status' })
    }
  }
}

const hardOf = (spec: unknown): Record<string, unknown> => (isFields(spec) && isFields(spec.hard) ? spec.hard : {})
