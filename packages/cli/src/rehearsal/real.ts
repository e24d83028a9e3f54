import { Fault } from '@sluice/kit/faults'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { connect } from '@sluice/kubernetes/connect'
import { type ClusterProcess, clusterProcess } from './cluster-process.ts'
import { readManifests } from './gateways.ts'
import type { Ground } from './ground.ts'
import { programOf } from './images.ts'
import { claimNamespaces } from './namespaces.ts'
import { envOf } from './plan.ts'
import { recoveryRules } from './recovery.ts'
import { forwardTo } from './registry.ts'
import { releaseRoles } from './rights.ts'
import type { Subject } from './subject.ts'

/** Where the real cluster is looked for. `name`: one of test/cluster; empty for the one that is meant when none is named. `builds`: jobs build the images. */
export type RealAsked = { readonly root: string; readonly name: string; readonly builds: boolean }

/**
 * Stands on a real Kubernetes that is up: releases are images in its registry, which its kubelet pulls, each job logs in as a service account with the Roles
 * that the READMEs list, and clients come through its own gateway. Namespaces are made for the rehearsal and removed by `close`, with all that is in them.
 * @throws Fault('input') when none stands, and for a service that no image can be made of here
 */
export const realGround = async (subject: Subject, asked: RealAsked): Promise<Ground> => {
  if (subject.kind !== 'example')
    throw new Fault(
      'input',
      `--cluster rehearses the example of this checkout, not ${subject.service} of ${subject.folder}`,
      'Pods of a real cluster run an image, and yours is built by your own workflow. Leave --cluster out: there your service runs as it is started on this machine.',
    )
  const process = clusterProcess(asked)
  const { name, kubeconfig, web, registry } = await process.describe()
  const title = `the real cluster "${name}"`
  const cluster = await connect({ kubeconfig, env: {} })
  const namespaces = claimNamespaces(cluster, title)
  // The cluster has a network of its own, and its address there is the gateway's.
  const pushed = asked.builds ? await forwardTo(new URL(web.url).hostname, Number(registry.split(':')[1])) : undefined
  const repository = `rehearsal/${subject.service}`
  return {
    title,
    cluster,
    repository: `${registry}/${repository}`,
    ...(pushed === undefined ? {} : { registry: pushed }),
    // Pods are scheduled, pulled and started, on a machine that runs the whole cluster beside the jobs.
    patience: { ready: 60, lease: 10 },
    gateway: {
      className: web.gatewayClass,
      port: web.port,
      hostname: ({ namespace }) => hostOf(namespace),
    },
    release: async (given) => {
      const env = envOf(given)
      if (asked.builds) return { label: given.label, digest: '', env }
      const { digest } = await process.image({ repository, ...programOf(subject, env) })
      return { label: given.label, digest, env }
    },
    built: () => {},
    namespace: namespaces.claim,
    credential: (may, place) => account(process, { subject, root: asked.root }, may, place),
    gatewayUrl: () => web.url,
    serviceUrl: (namespace, service) => {
      throw new Fault('input', `The Service ${namespace}/${service} of ${title} is behind no gateway`)
    },
    neverReady: (namespace) => {
      throw new Fault('input', `Nothing outside of a pod in ${namespace} can keep it from being ready on ${title}`)
    },
    close: async () => {
      await namespaces.remove()
      await pushed?.close()
    },
  }
}

/** Gateways of all namespaces share one address: the host tells them apart. RFC 6761 keeps `.test` from ever being anybody's. */
const hostOf = (namespace: string): string => `${namespace}.rehearsal.test`

/** Longer than any rehearsal, and no longer: seconds. */
const TOKEN_SECONDS = 3_600

type Account = Parameters<Ground['credential']>

const account = async (
  process: ClusterProcess,
  { subject, root }: { readonly subject: Subject; readonly root: string },
  ...[may, place]: Account
): Promise<string> => {
  const { namespace } = place
  const target = [subject.staging, subject.production].find((one) => one?.namespace === namespace)
  const objects: readonly KubernetesObject[] = readManifests(subject.folder, (target?.manifests ?? '').split('\n'))
  const roles =
    may === 'release'
      ? releaseRoles(root, place, objects)
      : [{ name: 'sluice-recovery', rules: recoveryRules(place).map(({ namespaces: _, ...rule }) => rule) }]
  const name = may === 'release' ? 'releaser' : 'repairer'
  const { kubeconfig } = await process.account({ namespace, name, roles, seconds: TOKEN_SECONDS })
  return kubeconfig
}
