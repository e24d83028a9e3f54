import { connect } from '@sluice/kubernetes/connect'
import { startSandbox } from '@sluice/sandbox/sandbox'
import type { Ground } from './ground.ts'
import { contentOfSubject, imageOf } from './images.ts'
import { envOf, type Release, releaseOf } from './plan.ts'
import { recoveryRules } from './recovery.ts'
import type { Registry } from './registry.ts'
import type { Subject } from './subject.ts'

/**
 * Starts the embedded cluster: its pods are processes, its digests those of content. Jobs that release are its administrator; those that repair may do what
 * repair needs and no more.
 * @param outageFile while this file is there the dependency that all releases share is out
 * @param registry where jobs push the images that they build: then digests are theirs; absent: nothing is built. Its end is the caller's
 */
export const embeddedGround = async (subject: Subject, outageFile: string, registry?: Registry): Promise<Ground> => {
  const content = contentOfSubject(subject)
  const sandbox = await startSandbox({ images: {} })
  const cluster = await connect({ kubeconfig: sandbox.kubeconfig(), env: {} })
  const known = (release: Release): void =>
    sandbox.addImage(release.digest, imageOf(subject, release, { seed: Number(release.env.FAULT_SEED), outageFile }))
  return {
    title: 'an embedded cluster',
    cluster,
    repository: registry === undefined ? subject.repository : `${registry.host}/rehearsal/${subject.service}`,
    ...(registry === undefined ? {} : { registry }),
    patience: { ready: 12, lease: 5 },
    gateway: { className: 'sluice' },
    release: async (asked) => {
      if (registry !== undefined) return { label: asked.label, digest: '', env: envOf(asked) }
      const release = releaseOf(content, asked)
      known(release)
      return release
    },
    built: known,
    namespace: async (name) => {
      const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
      await cluster.apply({ apiVersion: 'v1', resource: 'namespaces' }, object, { fieldManager: 'platform' })
    },
    credential: async (may, place) => {
      const { namespace } = place
      if (may === 'release') return sandbox.kubeconfig({ namespace })
      const user = 'system:serviceaccount:sluice:recovery'
      return sandbox.kubeconfig({ namespace, token: sandbox.issueToken(recoveryRules(place), { user }) })
    },
    gatewayUrl: ({ namespace, name }) => sandbox.gatewayUrl(namespace, name),
    serviceUrl: sandbox.serviceUrl,
    neverReady: (namespace) => sandbox.faults.neverReady(namespace, { 'sluice.dev/track': 'canary' }),
    close: () => sandbox.stop(),
  }
}
