import { connect } from '@sluice/kubernetes/connect'
import { startSandbox } from '@sluice/sandbox/sandbox'
import type { Ground } from './ground.ts'
import { contentOfSubject, imageOf } from './images.ts'
import { releaseOf } from './plan.ts'
import { recoveryRules } from './recovery.ts'
import type { Subject } from './subject.ts'

/**
 * Starts the embedded cluster: its pods are processes, its digests those of content. Jobs that release are its administrator; those that repair may do what
 * repair needs and no more.
 * @param outageFile while this file is there the dependency that all releases share is out
 */
export const embeddedGround = async (subject: Subject, outageFile: string): Promise<Ground> => {
  const content = contentOfSubject(subject)
  const sandbox = await startSandbox({ images: {} })
  const cluster = await connect({ kubeconfig: sandbox.kubeconfig(), env: {} })
  return {
    title: 'an embedded cluster',
    cluster,
    repository: subject.repository,
    patience: { ready: 12, lease: 5 },
    gateway: { className: 'sluice' },
    release: async (asked) => {
      const release = releaseOf(content, asked)
      sandbox.addImage(release.digest, imageOf(subject, release, { seed: asked.seed, outageFile }))
      return release
    },
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
