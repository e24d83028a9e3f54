import type { KubernetesObject } from '@sluice/kubernetes/cluster'

/** The parts of Kubernetes objects that this action reads. Source: the API reference of apps/v1, v1, networking.k8s.io/v1, policy/v1. */
export type Labels = Readonly<Record<string, string>>

/** A Deployment's selector. https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/label-selector/ */
export type Selector = {
  readonly matchLabels?: Labels
  readonly matchExpressions?: readonly {
    readonly key: string
    readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'
    readonly values?: readonly string[]
  }[]
}

/** What is read of a container; the rest travels along. */
export type Container = {
  readonly name: string
  readonly image?: string
  readonly ports?: readonly {
    readonly name?: string
    readonly containerPort: number
    readonly hostPort?: number
  }[]
  readonly lifecycle?: { readonly preStop?: unknown }
  readonly [field: string]: unknown
}

/** What is read of a pod template; the rest travels along. */
export type PodTemplate = {
  readonly metadata?: { readonly labels?: Labels; readonly annotations?: Labels; readonly [field: string]: unknown }
  readonly spec: {
    readonly containers: readonly Container[]
    readonly volumes?: readonly {
      readonly name: string
      readonly persistentVolumeClaim?: { readonly claimName: string }
    }[]
    readonly hostNetwork?: boolean
    readonly affinity?: unknown
    readonly topologySpreadConstraints?: unknown
    readonly [field: string]: unknown
  }
}

/** What is read of a Deployment (apps/v1). */
export type Deployment = KubernetesObject & {
  readonly spec: {
    readonly replicas?: number
    readonly selector: Selector
    readonly template: PodTemplate
    readonly paused?: boolean
    readonly strategy?: { readonly type?: string; readonly rollingUpdate?: unknown }
    readonly [field: string]: unknown
  }
  readonly status?: {
    readonly observedGeneration?: number
    readonly replicas?: number
    readonly updatedReplicas?: number
    readonly readyReplicas?: number
    readonly availableReplicas?: number
    readonly conditions?: readonly {
      readonly type: string
      readonly status: string
      readonly reason?: string
      readonly message?: string
    }[]
  }
}

/** What is read of a Service (v1). */
export type Service = KubernetesObject & {
  readonly spec: {
    readonly selector?: Labels
    readonly type?: string
    /** `None`: headless. */
    readonly clusterIP?: string
    readonly ports?: readonly {
      readonly name?: string
      readonly port: number
      readonly targetPort?: number | string
      readonly protocol?: string
      readonly appProtocol?: string
    }[]
  }
}

/** What is read of a container's status: restarts, and why it waits or ended. */
export type ContainerStatus = {
  readonly name: string
  readonly restartCount: number
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string }
    readonly terminated?: { readonly reason?: string; readonly exitCode?: number }
  }
  readonly lastState?: { readonly terminated?: { readonly reason?: string; readonly exitCode?: number } }
}

/** What is read of a Pod (v1). */
export type Pod = KubernetesObject & {
  readonly status?: {
    readonly phase?: string
    readonly conditions?: readonly {
      readonly type: string
      readonly status: string
      readonly reason?: string
      readonly message?: string
    }[]
    readonly containerStatuses?: readonly ContainerStatus[]
  }
}

/** Whether a selector picks a pod with these labels. An absent or empty selector picks every pod, as in a NetworkPolicy. */
export const picks = (selector: Selector | undefined, labels: Labels): boolean =>
  Object.entries(selector?.matchLabels ?? {}).every(([key, value]) => labels[key] === value) &&
  (selector?.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = labels[key]
    if (operator === 'Exists') return value !== undefined
    if (operator === 'DoesNotExist') return value === undefined
    return operator === 'In'
      ? value !== undefined && values.includes(value)
      : value === undefined || !values.includes(value)
  })
