import { createHash } from 'node:crypto'
import type { Finding } from '@sluice/kit/report'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import type { ReleaseRecord } from '@sluice/release/record'
import { type Marks, metadataOf } from './canary.ts'

/**
 * What stands guard in the cluster while a release runs. `image` by digest; `every`: between two of its looks, whole minutes, ms; `after`: how long
 * nobody may have renewed the Lease, ms; `serviceAccount`: whose rights it has.
 */
export type Guard = {
  readonly image: string
  readonly every: number
  readonly after: number
  readonly serviceAccount: string
}

/** A CronJob, as far as it is read. */
export type CronJob = KubernetesObject & {
  readonly spec: { readonly schedule: string; readonly suspend?: boolean; readonly [field: string]: unknown }
  readonly status?: { readonly lastSuccessfulTime?: string; readonly lastScheduleTime?: string }
}

/** The `job` of an owner that is the guard itself: removing its CronJob must not end the pod that does it. */
export const GUARD = 'guard'

const DEFAULTS = { every: 60_000, after: 180_000, serviceAccount: 'sluice-guard' } as const
const MINUTE = 60_000
/** What a pod may take from its schedule to its first look, where its image is on the node already, ms. */
const START = 15_000
/** A Job adds eleven characters to its CronJob's name and must stay within 63. */
const LONGEST = 52

/** The plan's key `guard` with its defaults; absent where no guard was asked for. */
export const guardOf = (
  asked:
    | {
        readonly image: string
        readonly every?: number | undefined
        readonly after?: number | undefined
        readonly 'service-account'?: string | undefined
      }
    | undefined,
): Guard | undefined =>
  asked && {
    image: asked.image,
    every: asked.every ?? DEFAULTS.every,
    after: asked.after ?? DEFAULTS.after,
    serviceAccount: asked['service-account'] ?? DEFAULTS.serviceAccount,
  }

/** What is wrong with a guard's times; each a sentence with the key's name. `lease` in ms. */
export const guardProblems = (guard: Guard | undefined, lease: number): readonly string[] => {
  if (guard === undefined) return []
  const minutes = guard.every / MINUTE
  return [
    ...(Number.isInteger(minutes) && minutes <= 30 && 60 % minutes === 0
      ? []
      : [
          `plan: guard.every must be whole minutes that an hour is made of, from 1m to 30m, not ${guard.every / 1000}s`,
        ]),
    ...(guard.after < lease
      ? [`plan: guard.after must be at least lease, ${lease / 1000}s, not ${guard.after / 1000}s`]
      : []),
  ]
}

/**
 * How long after its run's last sign of life the guard begins to take a canary back, ms: until the guard's next look, its pod's start, and the time
 * for which it watches the Lease. The way back comes on top.
 */
export const guardBound = ({ every, after }: Guard, lease: number): number => every + START + Math.max(after, lease)

/** What the guard promises, for the preflight. */
export const guardNote = (guard: Guard, lease: number): Finding => ({
  id: 'guard',
  level: 'note',
  text: `a guard in the cluster takes the canary back from ${Math.ceil(guardBound(guard, lease) / 1000)} s after the last sign of life of its run on`,
  measured: guardBound(guard, lease) / 1000,
  unit: 's',
})

/**
 * For how long the Lease must stand still before the guard acts, on its own monotonic clock, ms: `after`, which leaves others the time to resume; once the
 * release's own deadline has passed nobody can, and one lease is enough.
 */
export const guardPatience = (record: ReleaseRecord, guard: Guard | undefined, now: number): number => {
  const { lease } = record.plan
  return guard === undefined || now >= record.deadline ? lease : Math.max(guard.after, lease)
}

/** The guard's CronJob of a Deployment. */
export const guardName = (deployment: string): string => {
  const name = `sluice-${deployment}-guard`
  if (name.length <= LONGEST) return name
  const hash = createHash('sha256').update(deployment).digest('hex').slice(0, 8)
  return `sluice-${deployment.slice(0, LONGEST - 22).replace(/[^a-z0-9]+$/, '')}-${hash}-guard`
}

/**
 * The CronJob: a look at every interval, each in a pod of its own that may do what its service account may and nothing on its node; its next look is its
 * retry. It passes the Pod Security Standard `restricted`.
 */
export const guardJob = (
  guard: Guard,
  given: {
    readonly namespace: string
    readonly deployment: string
    readonly router: string
    readonly plan: Times
    readonly marks: Marks
  },
): CronJob => {
  const { namespace, deployment, plan } = given
  const name = guardName(deployment)
  const labels = { 'app.kubernetes.io/name': 'sluice-guard', 'app.kubernetes.io/managed-by': 'sluice' }
  const env = {
    INPUT_MODE: 'guard',
    INPUT_NAMESPACE: namespace,
    INPUT_DEPLOYMENT: deployment,
    INPUT_ROUTER: given.router,
    RUNNER_TEMP: '/tmp',
  }
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { ...metadataOf({}, name, namespace, given.marks), labels },
    spec: {
      schedule: guard.every === MINUTE ? '* * * * *' : `*/${guard.every / MINUTE} * * * *`,
      // A pod that never starts must not keep the next one away. Guards that are there together are told apart by Lease and epoch.
      concurrencyPolicy: 'Allow',
      suspend: false,
      successfulJobsHistoryLimit: 1,
      failedJobsHistoryLimit: 1,
      jobTemplate: {
        metadata: { labels },
        spec: {
          backoffLimit: 0,
          activeDeadlineSeconds: Math.ceil(
            (guardPatienceAtMost(guard, plan) + 4 * plan.readyWithin + plan.drain) / 1000,
          ),
          ttlSecondsAfterFinished: KEPT,
          template: {
            // A sidecar of a mesh would outlive the guard, and its Job would never end.
            metadata: {
              labels: { ...labels, 'sidecar.istio.io/inject': 'false' },
              annotations: { 'linkerd.io/inject': 'disabled' },
            },
            spec: {
              restartPolicy: 'Never',
              serviceAccountName: guard.serviceAccount,
              enableServiceLinks: false,
              terminationGracePeriodSeconds: 10,
              securityContext: {
                runAsNonRoot: true,
                runAsUser: NOBODY,
                runAsGroup: NOBODY,
                seccompProfile: { type: 'RuntimeDefault' },
              },
              containers: [
                {
                  name: 'guard',
                  image: guard.image,
                  env: [
                    ...Object.entries(env).map(([key, value]) => ({ name: key, value })),
                    { name: 'SLUICE_RUN_ID', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
                  ],
                  resources: {
                    requests: { cpu: '10m', memory: '96Mi' },
                    limits: { cpu: '500m', memory: '256Mi' },
                  },
                  securityContext: {
                    allowPrivilegeEscalation: false,
                    readOnlyRootFilesystem: true,
                    capabilities: { drop: ['ALL'] },
                  },
                  volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
                },
              ],
              volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '16Mi' } }],
            },
          },
        },
      },
    },
  }
}

type Times = Pick<ReleaseRecord['plan'], 'lease' | 'readyWithin' | 'drain'>

/** How long a finished guard's log stays, s. */
const KEPT = 300
const NOBODY = 65534

const guardPatienceAtMost = (guard: Guard, plan: Times): number => Math.max(guard.after, plan.lease) + MINUTE

/**
 * Why this guard cannot be relied on: somebody suspended it, or it has had the time for two looks and none came to its end. The times are those of the
 * run that asks, but for whether there ever was an end.
 */
export const guardTrouble = (cronJob: CronJob, guard: Guard, since: number, now: number): string | undefined => {
  const name = `CronJob ${cronJob.metadata.name}`
  if (cronJob.spec.suspend === true) return `${name} is suspended, so nothing would take the canary back`
  const due = 2 * guard.every + GRACE
  if (cronJob.status?.lastSuccessfulTime !== undefined || now - since < due) return undefined
  const when = cronJob.status?.lastScheduleTime
  const seen =
    when === undefined ? 'it was never started' : `it was started, last at ${when}, and never came to its end`
  return `${name} has not looked once in ${Math.floor((now - since) / 1000)} s: ${seen}; look at its pods (may they pull ${guard.image}? has the service account ${guard.serviceAccount} its rights?)`
}

/** For the first pull of its image, ms. */
const GRACE = 180_000
